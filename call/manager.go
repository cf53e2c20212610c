package call

import (
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/carillon-cc/carillon/ccs"
)

// defaultMaxDuration is how long a call may last (spec 3.1.6).
const defaultMaxDuration = 4 * time.Hour

// Handler runs a call from top to bottom. It returns the cause with which the
// call should end, which does not matter where the call is already over.
type Handler func(c *Call) Cause

// Manager knows the calls of this process. Its methods may be called by any
// goroutine.
type Manager struct {
	options Options

	mu    sync.Mutex
	calls map[string]*Call
	legs  map[Leg]*Call // of the parties who talk
	empty chan struct{} // closed when no call runs, while somebody waits for it
	ended *Cause        // with which EndAll ends all calls, those too that begin later
}

// NewManager makes a manager of no calls.
func NewManager(o Options) *Manager {
	if o.MaxDuration == 0 {
		o.MaxDuration = defaultMaxDuration
	}
	return &Manager{options: o, calls: make(map[string]*Call), legs: make(map[Leg]*Call)}
}

// Serve runs the call of somebody who calls us in the caller's goroutine and
// returns when it is over and everything it used is released.
func (m *Manager) Serve(leg CallerLeg, info Info, handler Handler) {
	c := m.newCall(ulid.Make().String(), info)
	c.caller = leg
	m.add(c)
	caller := Talker{Line: info.Line, Leg: leg, Telephone: true}
	if info.Line != "" {
		caller.Name = info.FromName
	}
	m.run(c, &party{slot: callerSlot, Talker: caller}, handler)
}

// Placing is a call that one of our agents makes.
type Placing struct {
	ID    string // of the call, a ULID
	Info  Info
	Agent Talker // who calls and hears what becomes of it, from a browser
}

// Place begins a call that an agent makes: the agent is the one who began it, and
// the handler calls somebody. From now on Get knows the call; the function that is
// returned runs it, as Serve runs one that came in.
func (m *Manager) Place(p Placing, handler Handler) (run func()) {
	c := m.newCall(p.ID, p.Info)
	c.answered, c.phase = true, PhaseCalling
	c.record.Agent = p.Agent.Agent
	m.add(c)
	return func() { m.run(c, &party{slot: callerSlot, Talker: p.Agent}, handler) }
}

func (m *Manager) newCall(id string, info Info) *Call {
	if info.Direction == "" {
		info.Direction = In
	}
	return &Call{
		id: id, info: info, options: m.options, manager: m, inbox: NewMailbox(),
		log: m.options.Log.With("call", id),
		record: ccs.CallRecord{
			Meta:      ccs.Meta{ID: id},
			Direction: string(info.Direction), From: info.From, FromName: info.FromName,
			To: info.To, ToName: info.ToName, Trunk: info.Trunk, Line: info.Line,
			Started: time.Now().UTC(), Node: m.options.Node,
		},
	}
}

// run runs a call from its first event to its end.
func (m *Manager) run(c *Call, first *party, handler Handler) {
	defer m.remove(c)
	limit := time.AfterFunc(m.options.MaxDuration, func() { c.Post(End{Cause{By: BySystem, Reason: ReasonMaxDuration}}) })
	defer limit.Stop()

	c.log.Info("call begins", "direction", string(c.info.Direction), "leg", first.Leg.ID())
	arrived := ccs.CallEvent{Kind: ccs.EventArrived, Agent: first.Agent, Name: first.Name}
	if c.info.Direction != In {
		arrived.Reason = string(c.info.Direction)
	}
	c.Note(arrived)
	c.sit(first)
	if c.caller == nil { // an agent's telephone may have been called through a trunk
		c.dialled(Dialled{Name: first.Name, Trunk: trunkOf(first.Leg), By: first.Agent})
	}
	if c.caller != nil {
		c.caller.Ring()
	} else {
		c.changed()
	}
	cause := c.guarded(handler)
	if cause == (Cause{}) {
		cause = Cause{By: BySystem, Reason: ReasonPlanEnd}
	}
	c.end(cause)
	c.log.Info("call ended", "cause", c.cause.String())
}

// guarded keeps a fault in one call from ending the others.
func (c *Call) guarded(handler Handler) (cause Cause) {
	defer func() {
		if fault := recover(); fault != nil {
			c.log.Error("call failed", "fault", fmt.Sprint(fault), "stack", string(debug.Stack()))
			cause = Cause{By: BySystem, Reason: ReasonFailed}
		}
	}()
	return handler(c)
}

// Get returns the running call of this id, or nil.
func (m *Manager) Get(id string) *Call {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls[id]
}

// Count is how many calls run.
func (m *Manager) Count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.calls)
}

// EndAll ends all calls, and those too that begin from now on.
func (m *Manager) EndAll(cause Cause) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = &cause
	for _, c := range m.calls {
		c.Post(End{cause})
	}
}

// Empty returns a channel that is closed when no call runs.
func (m *Manager) Empty() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.empty == nil {
		m.empty = make(chan struct{})
		if len(m.calls) == 0 {
			close(m.empty)
		}
	}
	return m.empty
}

func (m *Manager) add(c *Call) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls[c.id] = c
	if m.ended != nil {
		c.Post(End{*m.ended})
	}
}

func (m *Manager) remove(c *Call) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.calls, c.id)
	if len(m.calls) == 0 && m.empty != nil {
		select {
		case <-m.empty:
		default:
			close(m.empty)
		}
	}
}

// seated notes whose call a leg is in; nil is nobody's.
func (m *Manager) seated(leg Leg, c *Call) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c == nil {
		delete(m.legs, leg)
	} else {
		m.legs[leg] = c
	}
}

// of returns the call in which a leg is, or nil.
func (m *Manager) of(leg Leg) *Call {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.legs[leg]
}
