package call

import (
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// joinTime bounds how long another call may take to accept a party.
const joinTime = 2 * time.Second

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
// somebody is called. Answered (no cause), the one who asked is let go, and a Talk
// with the new leg follows. Otherwise the talk of before may go on with another
// Talk; where the one who asked has left meanwhile, the call is over.
func (c *Call) Transfer(r Reaching, to string) (Cause, error) {
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
		return Cause{}, err
	}
	if cause == (Cause{}) {
		c.Note(ccs.CallEvent{Kind: ccs.EventTransferred, Agent: asker.Agent, Name: asker.Name, Digits: to})
		report(*c.referral, 200)
		c.referral = nil
		c.unpark(Cause{By: BySystem, Reason: ReasonTransferred})
		return Cause{}, nil
	}
	c.refuseReferral(cause)
	if c.parked == nil {
		c.end(Cause{By: BySystem, Reason: cause.Reason, Status: cause.Status, Q850: cause.Q850})
		return Cause{}, ErrOver
	}
	c.parked = nil
	c.sit(asker)
	return cause, nil
}

// Dismiss fulfils a wish at once: the one who asked is let go, and the other party
// goes on alone, as one who has called to.
func (c *Call) Dismiss(to string) {
	asker := c.on(c.referral.Leg)
	if asker.slot == callerSlot {
		c.swap()
	}
	c.Note(ccs.CallEvent{Kind: ccs.EventTransferred, Agent: asker.Agent, Name: asker.Name, Digits: to})
	report(*c.referral, 200)
	c.referral, c.phase = nil, PhaseNone
	c.leave(asker, Cause{By: BySystem, Reason: ReasonTransferred})
	c.changed()
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
	party Talker
	from  *Call
	left  chan struct{} // to be closed when the party is no longer in the call
}

// joined is the answer to joining.
type joined struct {
	leg Leg
	ok  bool
}

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
	left := make(chan struct{})
	to.Post(joining{leg: r.Replaces, party: stays.Talker, from: c, left: left})
	ok := false
	if _, err := c.Await(joinTime, func(e Event) bool {
		answer, isAnswer := e.(joined)
		ok = isAnswer && answer.leg == stays.Leg && answer.ok
		return isAnswer && answer.leg == stays.Leg
	}); err != nil {
		// The leg may have a seat there by now, but its end was told here.
		to.Post(Gone{Leg: stays.Leg, Cause: c.cause})
		return err
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
	// Whoever runs this call gives back what the leg holds when it returns: the
	// INVITE of a caller, the place of an agent. That is when the leg is over.
	<-left
	return ErrOver
}

// join seats a party of another call in place of one of this call's legs.
func (c *Call) join(j joining) {
	p := c.on(j.leg)
	if p == nil || p.early || p.slot == callerSlot && !c.answered {
		j.from.Post(joined{leg: j.party.Leg})
		return
	}
	j.party.Queue = p.Queue
	p.Talker.Agent, p.Talker.Line, p.Talker.Name = j.party.Agent, j.party.Line, j.party.Name
	p.Talker.Telephone = j.party.Telephone
	c.agents[p.slot] = j.party.Agent
	c.replaced(p, j.party.Leg)
	p.left = j.left
	j.from.Post(joined{leg: j.party.Leg, ok: true})
}

// replace has a party go on with another telephone.
func (c *Call) replace(r Replaced) {
	p := c.on(r.Leg)
	if p == nil || p.early || p.slot == callerSlot && !c.answered {
		r.By.Hangup(Cause{By: BySystem, Reason: ReasonFailed})
		return
	}
	c.replaced(p, r.By)
}
