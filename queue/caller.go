package queue

import (
	"slices"
	"time"

	"github.com/carillon-cc/carillon/call"
)

// Caller is a call that wants an agent.
type Caller struct {
	ID       string    // of the call
	Queue    string    // id
	Priority int       // higher is served first
	Since    time.Time // when the caller first arrived, kept on return; zero is now
	// Front puts a caller whom an agent lost before all others, and admits the
	// caller to a queue that is full, or whose members are all signed out for
	// the moment: the place was theirs.
	Front   bool
	Details OfferDetails
	// NoWrapUp spares the agent the wrap-up after the call: a colleague's.
	NoWrapUp bool
	// Notify takes what happens. It is called by any goroutine, for one notice
	// at a time, and must only post. Notices of what happened before a Leave may
	// come after it.
	Notify func(Notice)
}

// Notice tells a caller's call what happened: Connected, Expired, Closed,
// Offered or OfferEnded. The first three end the caller's waiting.
type Notice interface{ notice() }

type (
	// Connected says that the agent has the caller: by accepting Offer, or by
	// taking the caller, when Offer is "". A call that is over by then leaves
	// the leg alone; its Leave frees the agent.
	Connected struct {
		Offer string
		Agent string
		Leg   call.Leg
	}
	// Expired says that the queue's longest wait is over.
	Expired struct{}
	// Closed says that the queue is gone (Unknown) or that all its members were
	// signed out for 30 s (NoMembers).
	Closed struct{ Why JoinResult }
	// Offered says that the caller rings at an agent.
	Offered struct {
		Offer string
		Agent string
	}
	// OfferEnded says that an offer ended without the agent taking the caller.
	OfferEnded struct {
		Offer  string
		Agent  string
		Reason EndReason
	}
)

func (Connected) notice()  {}
func (Expired) notice()    {}
func (Closed) notice()     {}
func (Offered) notice()    {}
func (OfferEnded) notice() {}

// JoinResult is what a queue says to a caller.
type JoinResult uint8

// The results. Any but Accepted leaves the caller outside.
const (
	Accepted  JoinResult = iota
	Full                 // MaxWaiting callers wait or are being offered
	NoMembers            // nobody is signed in
	Unknown              // there is no such queue
)

// LeaveReason says why a call leaves the engine.
type LeaveReason uint8

// The reasons.
const (
	LeaveOver      LeaveReason = iota // the call ended, or its plan took it elsewhere
	LeaveAgentLost                    // the agent did not come back; the caller will Join again
)

// caller is a Caller at work. It is in its room's line while it waits, and in
// its agent's calls when it talks.
type caller struct {
	Caller
	number  uint64 // in the order of joining; unique
	room    *room
	waiting bool     // in the line
	offers  []*offer // live ones
	level   int      // the lowest priority level that rings
	expiry  *timer   // of the longest wait
	agent   *agent   // with whom the caller talks
	seeking bool     // in Engine.seeking

	entered time.Time
	// tried holds who had their turn in this round, pauses who must not be
	// offered this caller again yet.
	tried  map[*agent]bool
	pauses map[*agent]*timer
}

// Admits tells what Join would say to one more caller now.
func (e *Engine) Admits(queueID string) JoinResult {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.rooms[queueID].admission(false)
}

// Join has a caller wait. Whatever relation the call had with the engine before
// ends first. The waiting time of MaxWait starts anew.
func (e *Engine) Join(joining Caller) (result JoinResult) {
	e.event(func() {
		e.drop(joining.ID)
		r := e.rooms[joining.Queue]
		if result = r.admission(joining.Front); result != Accepted {
			return
		}
		e.joined++
		c := &caller{Caller: joining, number: e.joined, room: r, waiting: true, entered: time.Now()}
		if c.Since.IsZero() {
			c.Since = c.entered
		}
		e.callers[c.ID] = c
		r.enter(c)
		e.limitWait(c)
		e.watchClosure(r)
		e.look(c)
		e.change(r)
	})
	return result
}

// Leave ends whatever the call has to do with the engine: offers are withdrawn,
// an agent who talked goes into wrap-up. Leaving twice does nothing.
func (e *Engine) Leave(callID string, why LeaveReason) {
	e.event(func() {
		if e.drop(callID) {
			e.options.Log.Debug("caller left", "call", callID, "agentLost", why == LeaveAgentLost)
		}
	})
}

// drop is Leave as part of an event; it tells whether there was anything.
func (e *Engine) drop(callID string) bool {
	c := e.callers[callID]
	switch {
	case c == nil:
		return false
	case c.waiting:
		e.forget(c, WithdrawnCallerLeft)
	default:
		delete(e.callers, callID)
		e.endCall(c.agent, callID)
		if !c.NoWrapUp {
			e.startWrapUp(c.agent, c.room.queue)
		}
	}
	return true
}

// limitWait starts the timer of the longest wait, in place of a former one.
func (e *Engine) limitWait(c *caller) {
	e.stop(c.expiry)
	c.expiry = nil
	if most := c.room.queue.MaxWait.Duration(); most > 0 {
		c.expiry = e.after(most-time.Since(c.entered), func() {
			e.forget(c, WithdrawnExpired)
			e.tell(c, Expired{})
		})
	}
}

// stopWaiting takes a caller out of the line and ends the offers for the given
// reason.
func (e *Engine) stopWaiting(c *caller, why WithdrawReason, takenBy string) {
	c.waiting = false
	c.room.leave(c)
	for _, o := range slices.Clone(c.offers) {
		e.endOffer(o, why, takenBy)
	}
	for _, t := range c.pauses {
		e.stop(t)
	}
	c.pauses = nil
	e.stop(c.expiry)
	e.watchClosure(c.room)
	e.change(c.room)
}

// forget ends a caller's waiting without an agent.
func (e *Engine) forget(c *caller, why WithdrawReason) {
	e.stopWaiting(c, why, "")
	delete(e.callers, c.ID)
}

// tell sends a notice to a caller's call.
func (e *Engine) tell(c *caller, n Notice) {
	if c.Notify != nil {
		e.outbox.put(func() { c.Notify(n) })
	}
}
