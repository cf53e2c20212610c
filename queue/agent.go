package queue

import (
	"slices"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// Device is where an agent is offered calls. Its methods are called by any
// goroutine, one at a time, in the order of events, and must only post. Its
// dynamic type must be comparable, such as a pointer.
type Device interface {
	Offer(Offer)
	// Withdraw ends an offer that the agent did not win, also one that the
	// agent declined. takenBy is the winner's id with WithdrawnTaken.
	Withdraw(o Offer, why WithdrawReason, takenBy string)
	StatusChanged(AgentStatus)
}

// Patient is a Device that takes longer than a page to show an offer: a telephone
// whose network has to find it first. Patience is asked under the engine's lock
// and only reads; 0 is the usual time.
type Patient interface {
	Patience() time.Duration
}

// Single is a Device that may take but one call at a time, whatever the agent is
// allowed: a page has one line. It is asked under the engine's lock and only reads.
type Single interface {
	Single() bool
}

// NextState is what an agent wants to be after the call and its wrap-up.
type NextState string

// The next states; "" is no wish.
const (
	NextReady NextState = "ready"
	NextAway  NextState = "away"
)

// What AgentStatus.Why says besides what SetReachable was given.
const (
	WhyUnproven    = "unproven"    // just signed in
	WhyUndelivered = "undelivered" // did not show an offer
)

// agent is an agent at work. There is no flag for "busy": the state follows
// from what is here (status.go).
type agent struct {
	id     string
	config *ccs.Agent
	known  bool      // configured, not only named by a queue or left over in a call
	places []*member // one in each of the agent's queues

	device    Device // nil: signed out
	leaving   Device // signed out in this event; still to be told
	reachable bool
	why       string // not reachable
	intent    intent
	next      NextState
	missed    int // offers in a row
	unshown   int // offers in a row that the device did not show in time

	offer  *offer
	calls  []AgentCall
	wrapUp *timer // the lease; nil outside wrap-up
	ends   time.Time
	last   struct{ id, takenBy string } // the offer before

	shown   AgentStatus // what was last told
	greet   bool        // tell the device even what did not change
	counted bool        // among those online, in the rooms
	touched bool        // in Engine.touched
}

// intent is what the agent, or missed calls, last chose.
type intent struct {
	state  State // Ready, Away or NotResponding
	reason string
}

// limit is how many calls the agent can have at a time.
func (a *agent) limit() int {
	if d, ok := a.device.(Single); ok && d.Single() {
		return 1
	}
	return max(a.config.SimultaneousCalls, 1)
}

// online tells whether the agent counts as logged in. An agent who talks does,
// even while the page reloads.
func (a *agent) online() bool { return a.device != nil || len(a.calls) > 0 }

func (a *agent) memberOf(r *room) *member {
	for _, m := range a.places {
		if m.room == r {
			return m
		}
	}
	return nil
}

func (a *agent) has(callID string) bool {
	return slices.ContainsFunc(a.calls, func(c AgentCall) bool { return c.ID == callID })
}

// mayTake tells whether the agent can be given a call directly; a may be nil.
func (a *agent) mayTake() error {
	switch {
	case a == nil || a.device == nil:
		return ErrNotSignedIn
	case len(a.calls) >= a.limit():
		return ErrBusy
	}
	return nil
}

// SignIn gives an agent a device. The agent is away and not proven reachable. A
// second device replaces the first and the agent's choices stay; an offer at
// the first ends as undelivered. The device is told the status in any case.
func (e *Engine) SignIn(agentID string, d Device) {
	e.event(func() {
		a := e.agents[agentID]
		if a == nil || !a.known {
			e.options.Log.Warn("sign-in of an agent who is not configured", "agent", agentID)
			return
		}
		a.greet = true
		e.touch(a)
		if a.device == d {
			return
		}
		if a.offer != nil {
			e.endOffer(a.offer, WithdrawnUndelivered, "")
		}
		a.device, a.reachable, a.why, a.unshown = d, false, WhyUnproven, 0
	})
}

// SignOut takes the device from its agent: offers go on to others, a call in
// which the agent talks goes on. A device that was replaced does nothing by it.
func (e *Engine) SignOut(agentID string, d Device) {
	e.event(func() {
		if a := e.agents[agentID]; a != nil && a.device != nil && a.device == d {
			e.signOut(a)
		}
	})
}

func (e *Engine) signOut(a *agent) {
	if a.offer != nil {
		e.endOffer(a.offer, WithdrawnSignedOut, "")
	}
	a.leaving, a.device = a.device, nil
	a.reachable, a.why = false, ""
	a.intent, a.next, a.missed = intent{state: Away}, "", 0
	e.touch(a)
}

// SetReady has the agent be offered calls as soon as they can take one.
func (e *Engine) SetReady(agentID string) {
	e.withDevice(agentID, func(a *agent) {
		a.intent, a.next, a.missed = intent{state: Ready}, "", 0
	})
}

// SetAway stops offers to the agent; one that rings counts as declined. A call
// and its wrap-up go on.
func (e *Engine) SetAway(agentID, reason string) {
	e.withDevice(agentID, func(a *agent) {
		a.intent, a.next = intent{Away, reason}, ""
		if a.offer != nil {
			e.endOffer(a.offer, WithdrawnDeclined, "")
		}
	})
}

// SetNext chooses the state after the agent's calls and wrap-up, or after the
// offer that rings; outside of them it is taken at once. With NextAway no further call is offered meanwhile.
func (e *Engine) SetNext(agentID string, next NextState) {
	e.withDevice(agentID, func(a *agent) { a.next = next })
}

// SetReachable says whether the agent's device was proven to work, and if not,
// what fails. An agent who is not reachable is not offered calls; an offer that
// rings there ends as undelivered at once.
func (e *Engine) SetReachable(agentID string, ok bool, why string) {
	e.withDevice(agentID, func(a *agent) {
		if ok {
			why = ""
		}
		a.reachable, a.why = ok, why
		if !ok && a.offer != nil {
			e.endOffer(a.offer, WithdrawnUndelivered, "")
		}
	})
}

// withDevice runs f as an event about an agent who is signed in.
func (e *Engine) withDevice(agentID string, f func(*agent)) {
	e.event(func() {
		if a := e.agents[agentID]; a != nil && a.device != nil {
			f(a)
			e.touch(a)
		}
	})
}

// applyNext takes the chosen next state once the agent is done.
func (a *agent) applyNext() {
	if a.next == "" || a.offer != nil || len(a.calls) > 0 || a.wrapUp != nil {
		return
	}
	a.intent = intent{state: State(a.next)}
	a.next = ""
}

// startCall adds a call to an agent's.
func (e *Engine) startCall(a *agent, c AgentCall) {
	a.calls = append(a.calls, c)
	e.keepLimit(a)
	e.touch(a)
}

// keepLimit withdraws an offer for which the agent has no room any more.
func (e *Engine) keepLimit(a *agent) {
	if a.offer != nil && len(a.calls) >= a.limit() {
		e.endOffer(a.offer, WithdrawnBusy, "")
	}
}

func (e *Engine) endCall(a *agent, callID string) {
	// A copy: the slice before was shown outside.
	a.calls = slices.DeleteFunc(slices.Clone(a.calls), func(c AgentCall) bool { return c.ID == callID })
	e.touch(a)
}
