// Package queue is the engine that brings waiting callers and agents together:
// who waits where, who is offered whom, and in what state an agent is.
//
// It is a state machine behind one mutex. An event (a caller joins, an agent is
// freed, a timer runs out) changes what it is about, then settle looks only at
// the callers and agents that the event can have given something to do. What
// the outside must be told is collected meanwhile and delivered after the mutex
// is released (outbox.go). Nothing polls.
//
// After every event this holds: no agent is free while a caller waits whom the
// agent could be offered. So a caller who joins need not look at the callers
// ahead, and an agent who is freed need not look at other agents.
package queue

import (
	"log/slog"
	"sync"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// Options are what an Engine works with. Observers are called one at a time, in
// the order in which things happened, and must only post.
type Options struct {
	Log *slog.Logger
	// AgentChanged is told each new status of an agent; nil for nobody.
	AgentChanged func(AgentStatus)
	// QueueChanged is told the id of a queue whose QueueStatus is another than
	// before, at most once an event; nil for nobody. Who wants the status calls
	// Engine.Queue when they are ready for it.
	QueueChanged func(queueID string)
}

// Engine is the queues, the agents and the callers. Any goroutine may call its
// methods; none of them blocks on anybody outside.
type Engine struct {
	options Options
	outbox  outbox

	mu      sync.Mutex
	rooms   map[string]*room   // by queue id
	agents  map[string]*agent  // by agent id
	callers map[string]*caller // waiting, offered or talking, by call id
	offers  map[string]*offer  // live ones, by offer id
	joined  uint64             // numbers the callers
	timers  int                // running ones

	// What the current event touched; settle empties them.
	touched []*agent  // whose status may have changed, who may be free
	seeking []*caller // who may want agents
	wishes  wishes    // scratch of match
	changed []*room   // whose QueueStatus changed
	pool    []*member // scratch of candidates
}

// New makes an engine without queues and agents.
func New(o Options) *Engine {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Engine{
		options: o,
		rooms:   make(map[string]*room),
		agents:  make(map[string]*agent),
		callers: make(map[string]*caller),
		offers:  make(map[string]*offer),
	}
}

// event runs f, which changes the state, and all that follows from it; then it
// delivers what the outside must be told.
func (e *Engine) event(f func()) {
	func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		f()
		e.settle()
	}()
	e.outbox.deliver()
}

// settle makes the offers that the event made possible and tells what changed.
func (e *Engine) settle() {
	for _, a := range e.touched {
		a.applyNext()
		e.countOnline(a)
	}
	e.match()
	for _, a := range e.touched {
		a.touched = false
		e.publish(a)
	}
	for _, r := range e.changed {
		r.changed = false
		if tell := e.options.QueueChanged; tell != nil {
			id := r.id
			e.outbox.put(func() { tell(id) })
		}
	}
	clear(e.touched)
	clear(e.changed)
	e.touched, e.changed = e.touched[:0], e.changed[:0]
}

// touch has settle look at an agent.
func (e *Engine) touch(a *agent) {
	if !a.touched {
		a.touched = true
		e.touched = append(e.touched, a)
	}
}

// look has settle find agents for a caller.
func (e *Engine) look(c *caller) {
	if !c.seeking {
		c.seeking = true
		e.seeking = append(e.seeking, c)
	}
}

// change has settle tell that a queue's status changed.
func (e *Engine) change(r *room) {
	if !r.changed && !r.direct {
		r.changed = true
		e.changed = append(e.changed, r)
	}
}

// agent returns the agent, known or only named by a queue so far.
func (e *Engine) agent(id string) *agent {
	a := e.agents[id]
	if a == nil {
		a = &agent{id: id, config: &ccs.Agent{}, intent: intent{state: Away}}
		a.shown = a.status(time.Now())
		e.agents[id] = a
	}
	return a
}
