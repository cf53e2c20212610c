package call

import (
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// TalkEnd says how a talk ended with the caller still there.
type TalkEnd uint8

// The ends of talks.
const (
	// TalkAgentLost is that the agent went away and did not come back.
	TalkAgentLost TalkEnd = 1
	// TalkReferred is that a party's telephone asks to send the other one
	// elsewhere: see Call.Referral.
	TalkReferred TalkEnd = 2
)

// Talk connects who takes the call and who began it until one of them ends the
// call (ErrOver), the one who took it is lost for good, when the other is still
// there and hears music, or a party wants to move the other.
func (c *Call) Talk(t Talker) (TalkEnd, error) {
	if err := c.Answer(); err != nil {
		t.Leg.Hangup(c.cause)
		return 0, err
	}
	p := c.parties[calledSlot]
	if p == nil || p.Leg != t.Leg {
		p = &party{slot: calledSlot}
	}
	goesOn := !p.connected.IsZero() // after a wish of a telephone that was not fulfilled
	p.Talker, p.early, p.lost = t, false, false
	if !goesOn {
		p.connected = time.Now().UTC()
		c.parties[callerSlot].connected = p.connected
	}
	if t.Agent != "" && (c.record.Agent == "" || c.info.Direction == In) {
		c.record.Agent = t.Agent
	}
	if c.record.Answered.IsZero() {
		c.record.Answered = p.connected // of a call that was placed
	}
	if c.record.Connected.IsZero() {
		c.record.Connected = p.connected
	}
	c.stopMusic()
	c.phase, c.early = PhaseTalking, false
	c.sit(p)
	if !goesOn {
		c.Note(connectedEvent(t))
	}
	c.changed()
	defer c.watchTalk().stop()
	c.alreadyGone(p)
	if !p.lost {
		if _, err := c.Await(-1, func(Event) bool { return p.lost || c.referral != nil }); err != nil {
			return 0, err
		}
	}
	if c.referral != nil {
		return TalkReferred, nil
	}
	c.phase = PhaseNone
	c.leave(p, Cause{By: ByAgent, Reason: ReasonAgentLost})
	if !p.away {
		c.parties[callerSlot].play(c.options.Pacer, c.options.Music)
	}
	c.Note(ccs.CallEvent{Kind: ccs.EventAgentLost, Agent: p.Agent, Name: p.Name, Reason: "gone"})
	c.changed()
	return TalkAgentLost, nil
}

// Talker is who has taken the call and talks. It is another than Talk was given
// where a telephone took the place of theirs meanwhile.
func (c *Call) Talker() Talker { return c.parties[calledSlot].Talker }

// alreadyGone is for a party whose end was told before the party had a seat.
func (c *Call) alreadyGone(p *party) {
	for _, e := range c.strays {
		if e.Leg == p.Leg {
			c.gone(p, e.Cause)
			return
		}
	}
}

func connectedEvent(t Talker) ccs.CallEvent {
	e := ccs.CallEvent{Kind: ccs.EventConnected, Agent: t.Agent, Name: t.Name}
	if t.Agent == "" {
		e.Reason, e.Object = "called", t.Line
	}
	return e
}
