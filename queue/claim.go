package queue

import (
	"errors"
	"fmt"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
)

// Errors of claims.
var (
	// ErrGone says that there is no such offer or waiting caller any more.
	ErrGone = errors.New("the offer is gone")
	// ErrNotSignedIn says that the agent is unknown or has no device.
	ErrNotSignedIn = errors.New("the agent is not signed in")
	// ErrBusy says that the agent has as many calls as allowed.
	ErrBusy = errors.New("the agent has no room for another call")
)

// TakenError says that another agent was first.
type TakenError struct {
	By string // agent id
}

func (t *TakenError) Error() string { return fmt.Sprintf("the caller was taken by agent %s", t.By) }

// Accept claims an offer for its agent: of all claims on a caller exactly one
// wins, and its leg goes to the call with Connected. The others get a
// TakenError, or ErrGone where there is nothing left to claim. The winner may
// claim again, without effect.
func (e *Engine) Accept(offerID, agentID string, leg call.Leg) (err error) {
	e.event(func() {
		o := e.offers[offerID]
		if o == nil || o.Agent != agentID {
			err = e.lateClaim(offerID, agentID)
			return
		}
		e.detach(o, agentID)
		e.connect(o.caller, o.agent, o.ID, leg)
	})
	return err
}

// lateClaim is the answer to a claim on an offer that is over.
func (e *Engine) lateClaim(offerID, agentID string) error {
	a := e.agents[agentID]
	switch {
	case a == nil || a.last.id != offerID || a.last.takenBy == "":
		return ErrGone
	case a.last.takenBy == agentID:
		return nil
	}
	return &TakenError{By: a.last.takenBy}
}

// Decline refuses an offer. The caller is not offered to this agent again for
// 5 s.
func (e *Engine) Decline(offerID, agentID string) (err error) {
	e.event(func() {
		o := e.offers[offerID]
		if o == nil || o.Agent != agentID {
			err = ErrGone
			return
		}
		o.agent.missed = 0
		e.endOffer(o, WithdrawnDeclined, "")
	})
	return err
}

// Fail ends an offer that the agent's telephone did not take: WithdrawnEngaged,
// WithdrawnForwarded, WithdrawnFailed, or WithdrawnMissed, which counts as an
// offer that nobody answered. The caller is not offered to this agent again for
// 5 s.
func (e *Engine) Fail(offerID, agentID string, why WithdrawReason) (err error) {
	e.event(func() {
		o := e.offers[offerID]
		switch {
		case o == nil || o.Agent != agentID:
			err = ErrGone
		case why == WithdrawnMissed:
			e.missed(o)
		default:
			e.endOffer(o, why, "")
		}
	})
	return err
}

// Take gives a waiting caller to an agent without an offer: an agent who came
// back after the caller went back to the queue, a supervisor who intercepts. It
// is a claim as Accept is. The agent need only be signed in and below the limit
// of calls.
func (e *Engine) Take(callID, agentID string, leg call.Leg) (err error) {
	e.event(func() {
		c, a := e.callers[callID], e.agents[agentID]
		switch {
		case c == nil:
			err = ErrGone
		case !c.waiting:
			err = &TakenError{By: c.agent.id}
		default:
			if err = a.mayTake(); err == nil {
				e.connect(c, a, "", leg)
			}
		}
	})
	return err
}

// Reserve gives the agent a call that does not come from a queue. It counts
// among the agent's calls until Release. Reserving twice does nothing.
func (e *Engine) Reserve(agentID, callID string) (err error) {
	e.event(func() {
		a := e.agents[agentID]
		if a != nil && a.has(callID) {
			return
		}
		if err = a.mayTake(); err == nil {
			e.startCall(a, AgentCall{ID: callID, Since: time.Now()})
		}
	})
	return err
}

// Release ends a call that was reserved. No wrap-up follows. Releasing twice
// does nothing; a call from a queue ends by Leave.
func (e *Engine) Release(agentID, callID string) {
	e.event(func() { e.release(agentID, callID) })
}

// Finish is Release with the agent's own wrap-up.
func (e *Engine) Finish(agentID, callID string) {
	e.event(func() {
		if a := e.release(agentID, callID); a != nil {
			e.startWrapUp(a, &ccs.Queue{})
		}
	})
}

// Part ends what an agent has to do with a call that goes on without them, however
// they came to it. wrapUp is for a call that was reserved, as Finish has it.
func (e *Engine) Part(agentID, callID string, wrapUp bool) {
	e.event(func() {
		if c := e.callers[callID]; c != nil && c.agent != nil && c.agent.id == agentID {
			e.drop(callID)
		} else if a := e.release(agentID, callID); a != nil && wrapUp {
			e.startWrapUp(a, &ccs.Queue{})
		}
	})
}

// Keep has an agent whom a queue, or Ring, gave a call go on with it as with one
// that was reserved: until Release. The call may Join again meanwhile. Without
// such a call it does nothing.
func (e *Engine) Keep(agentID, callID string) {
	e.event(func() {
		if c := e.callers[callID]; c != nil && c.agent != nil && c.agent.id == agentID {
			delete(e.callers, callID)
		}
	})
}

// release returns the agent who had the call, nil where nobody had.
func (e *Engine) release(agentID, callID string) *agent {
	a := e.agents[agentID]
	if a == nil || !a.has(callID) {
		return nil
	}
	if c := e.callers[callID]; c != nil && c.agent == a {
		return nil
	}
	e.endCall(a, callID)
	return a
}

// connect ends a caller's waiting with an agent. The winner's offer is already
// detached.
func (e *Engine) connect(c *caller, a *agent, offerID string, leg call.Leg) {
	e.tell(c, Connected{Offer: offerID, Agent: a.id, Leg: leg})
	e.stopWaiting(c, WithdrawnTaken, a.id)
	c.agent = a
	a.missed = 0
	e.startCall(a, AgentCall{ID: c.ID, Queue: c.room.id, Since: time.Now()})
}
