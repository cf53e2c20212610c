package queue

import (
	"slices"
	"sort"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// closureGrace is how long callers go on waiting when the last member of their
// queue has signed out: a browser that crashed may come back.
const closureGrace = 30 * time.Second

// room is a queue at work.
type room struct {
	id       string
	queue    *ccs.Queue
	strategy strategy
	members  []*member // by priority, then in the queue's order
	line     []*caller // waiting or being offered, in the order of service
	online   int       // members who are not offline
	closing  *timer    // runs while callers wait and nobody is online
	changed  bool      // in Engine.changed
	direct   bool      // no queue, but one call's way to one agent (direct.go)
}

// member is an agent's place in a room.
type member struct {
	room     *room
	agent    *agent
	priority int // lower is offered first
}

// before tells whether c is served before d, in whatever queues they are:
// callers whom an agent lost first, then by priority, then by arrival.
func (c *caller) before(d *caller) bool {
	switch {
	case c.Front != d.Front:
		return c.Front
	case c.Priority != d.Priority:
		return c.Priority > d.Priority
	case !c.Since.Equal(d.Since):
		return c.Since.Before(d.Since)
	}
	return c.number < d.number
}

// place is where c stands in the line, or would.
func (r *room) place(c *caller) int {
	return sort.Search(len(r.line), func(i int) bool { return !r.line[i].before(c) })
}

func (r *room) enter(c *caller) { r.line = slices.Insert(r.line, r.place(c), c) }

func (r *room) leave(c *caller) {
	i := r.place(c)
	r.line = slices.Delete(r.line, i, i+1)
}

// admission is what the room says to one more caller. One whom an agent lost is
// always admitted: the place was theirs, and the agent may be on the way back.
// When it is both full and
// without members, the latter is said.
func (r *room) admission(front bool) JoinResult {
	switch {
	case r == nil:
		return Unknown
	case r.online == 0 && !front:
		return NoMembers
	case !front && r.queue.MaxWaiting > 0 && len(r.line) >= r.queue.MaxWaiting:
		return Full
	}
	return Accepted
}

// countOnline follows an agent's coming and going in the agent's rooms.
func (e *Engine) countOnline(a *agent) {
	online := a.online()
	if online == a.counted {
		return
	}
	a.counted = online
	for _, m := range a.places {
		if online {
			m.room.online++
		} else {
			m.room.online--
		}
		e.watchClosure(m.room)
	}
}

// watchClosure starts and stops the room's closing.
func (e *Engine) watchClosure(r *room) {
	abandoned := r.online == 0 && len(r.line) > 0
	switch {
	case !abandoned:
		e.stop(r.closing)
		r.closing = nil
	case r.closing == nil:
		r.closing = e.after(closureGrace, func() {
			r.closing = nil
			e.turnAway(r, Closed{Why: NoMembers})
		})
	}
}

// turnAway ends the waiting of everybody in the line.
func (e *Engine) turnAway(r *room, n Closed) {
	for _, c := range slices.Clone(r.line) {
		e.forget(c, WithdrawnClosed)
		e.tell(c, n)
	}
}
