package call

import (
	"sync/atomic"

	"github.com/carillon-cc/carillon/ccs"
)

// refer takes a telephone's wish to send the other party elsewhere. It comes into
// effect where a talk is under way, and one at a time.
func (c *Call) refer(r Refer) {
	p := c.on(r.Leg)
	if p == nil || c.referral != nil || c.phase != PhaseTalking || c.other(p) == nil {
		report(r, 603)
		return
	}
	c.referral = &r
}

func report(r Refer, status int) {
	if r.Report != nil {
		r.Report(status)
	}
}

// Referral is the wish that ended a talk with TalkReferred, and whose telephone
// has it. The wish is over with Transfer, Join or Refuse.
func (c *Call) Referral() (Refer, Talker) { return *c.referral, c.on(c.referral.Leg).Talker }

// Refuse tells the telephone that its wish is not fulfilled. The talk may go on
// with another Talk.
func (c *Call) Refuse(cause Cause) error {
	if c.over {
		return ErrOver
	}
	c.refuseReferral(cause)
	return nil
}

func (c *Call) refuseReferral(cause Cause) {
	status := cause.Status
	if status < 300 || status > 699 {
		status = 480
	}
	report(*c.referral, status)
	c.referral = nil
}

// Transfer fulfils a wish: it has the other party wait as Reach does while
// somebody is called. Answered, the one who asked is let go, and a Talk with the
// call's Talker follows. So it does when nobody is reached: the talk of before
// goes on. Where the one who asked has left meanwhile, the call is over then.
func (c *Call) Transfer(r Reaching, to string) error {
	asker := c.on(c.referral.Leg)
	if asker.slot == callerSlot {
		c.swap()
	}
	c.parties[calledSlot], c.parked = nil, asker
	asker.stopMusic()
	asker.Leg.Listen(Listener{Events: c.Post})
	c.seat()
	cause, err := c.Reach(r)
	if err != nil {
		return err
	}
	if cause == (Cause{}) {
		c.Note(ccs.CallEvent{Kind: ccs.EventTransferred, Agent: asker.Agent, Name: asker.Name, Digits: to})
		report(*c.referral, 200)
		c.referral = nil
		c.unpark(Cause{By: BySystem, Reason: ReasonTransferred})
		return nil
	}
	c.refuseReferral(cause)
	if c.parked == nil {
		c.end(Cause{By: BySystem, Reason: cause.Reason, Status: cause.Status, Q850: cause.Q850})
		return ErrOver
	}
	c.parked = nil
	c.sit(asker)
	return nil
}

// Dismiss fulfils a wish at once: the one who asked is let go, and the other party
// goes on alone, as one who has called to. It returns who that is.
func (c *Call) Dismiss(to string) Talker {
	asker := c.on(c.referral.Leg)
	if asker.slot == callerSlot {
		c.swap()
	}
	c.Note(ccs.CallEvent{Kind: ccs.EventTransferred, Agent: asker.Agent, Name: asker.Name, Digits: to})
	report(*c.referral, 200)
	c.referral, c.phase = nil, PhaseNone
	c.leave(asker, Cause{By: BySystem, Reason: ReasonTransferred})
	c.changed()
	return c.parties[callerSlot].Talker
}

// unpark lets the party go who asked for a transfer.
func (c *Call) unpark(cause Cause) {
	if p := c.parked; p != nil {
		c.parked = nil
		c.leave(p, cause)
	}
}

// swap has the parties change their seats: who was called goes on as if they had
// begun the call.
func (c *Call) swap() {
	c.parties[callerSlot], c.parties[calledSlot] = c.parties[calledSlot], c.parties[callerSlot]
	c.agents[callerSlot], c.agents[calledSlot] = c.agents[calledSlot], c.agents[callerSlot]
	c.partings[callerSlot], c.partings[calledSlot] = c.partings[calledSlot], c.partings[callerSlot]
	for slot, p := range c.parties {
		p.slot = slot
	}
	c.caller = nil // answered long ago
	stays := c.parties[callerSlot]
	stays.Leg.Listen(Listener{Packets: &inlet{&c.table, callerSlot}, Events: c.Post})
}

// joining asks another call to seat a party in place of one of its legs.
type joining struct {
	leg   Leg
	party party // a copy
	from  *Call
	// settled is set by the first of two: the call that takes the party, or the
	// one that asked and is over.
	settled *atomic.Bool
	left    chan struct{} // to be closed when the party is no longer in the call
}

// joined is the answer to joining: every call that was asked gives it, one that
// ends too.
type joined struct{ ok bool }

// Join fulfils a wish with Refer.Replaces: the other party goes over to the call
// in which the telephone has its second leg, and takes the telephone's place
// there. This call is over then; otherwise its talk may go on with another Talk.
func (c *Call) Join() error {
	r := *c.referral
	asker := c.on(r.Leg)
	stays := c.other(asker)
	to := c.manager.of(r.Replaces)
	if to == nil || to == c || stays.away {
		c.refuseReferral(Cause{Status: 481})
		return nil
	}
	j := joining{leg: r.Replaces, party: *stays, from: c, settled: new(atomic.Bool), left: make(chan struct{})}
	ok := false
	if to.inbox.post(j) {
		if _, err := c.Await(-1, func(e Event) bool {
			answer, isAnswer := e.(joined)
			ok = isAnswer && answer.ok
			return isAnswer
		}); err != nil {
			if j.settled.Swap(true) {
				// The leg has a seat there, but its end was told here.
				to.Post(Gone{Leg: stays.Leg, Cause: c.cause})
			}
			return err
		}
	}
	if !ok {
		c.refuseReferral(Cause{Status: 481})
		return nil
	}
	// The leg belongs to the other call now, which listens to it.
	c.parties[stays.slot] = nil
	stays.stopMusic()
	report(r, 200)
	c.referral = nil
	c.end(Cause{By: asker.by(), Reason: ReasonTransferred})
	c.agentLeft(asker.Agent)
	// Whoever runs this call gives back what the leg holds when it returns: the
	// INVITE of a caller, the place of an agent. That is when the leg is over.
	<-j.left
	stays.letGo()
	return ErrOver
}

// join seats a party of another call in place of one of this call's legs.
func (c *Call) join(j joining) {
	p := c.on(j.leg)
	// A call that is itself about to be joined to another has nobody to offer.
	if p == nil || p.early || p.slot == callerSlot && !c.answered || c.referral != nil {
		j.from.Post(joined{})
		return
	}
	if j.settled.Swap(true) {
		return // over meanwhile
	}
	leaves, by := p.Agent, j.party.Talker
	by.Queue = p.Queue
	p.muted, p.held, p.holds, p.silent = j.party.muted, j.party.held, j.party.holds, j.party.silent
	c.replaced(p, by)
	p.left = j.left
	j.from.Post(joined{ok: true})
	c.agentLeft(leaves)
}

// replace has a party go on with another telephone.
func (c *Call) replace(r Replaced) {
	p := c.on(r.Leg)
	if p == nil || p.early || p.slot == callerSlot && !c.answered {
		r.By.Hangup(Cause{By: BySystem, Reason: ReasonFailed})
		return
	}
	by := p.Talker
	by.Leg = r.By
	p.holds, p.silent = false, false
	c.replaced(p, by)
}
