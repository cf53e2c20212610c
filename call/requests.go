package call

import (
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// graceOver says that an agent who went away has not come back in time.
type graceOver struct {
	party   *party
	absence int // one that is over means nothing
}

// request does what the agents of the call ask for, and follows their pages as
// they go and come back.
func (c *Call) request(e Event) {
	switch e := e.(type) {
	case AgentAway:
		if p := c.browserOf(e.Agent); p != nil {
			c.agentAway(p, e)
		}
	case AgentBack:
		if p := c.browserOf(e.Agent); p != nil {
			c.agentBack(p, e.Leg)
		}
	case graceOver:
		if e.party.away && e.absence == e.party.absence {
			c.agentLost(e.party)
		}
	case Mute:
		if p := c.agentOf(e.Agent); p != nil && e.On != p.muted {
			p.muted = e.On
			c.noteSwitch(p, e.On, ccs.EventMuted, ccs.EventUnmuted)
		}
	case Hold:
		if p := c.agentOf(e.Agent); p != nil && e.On != p.held {
			p.held = e.On
			c.noteSwitch(p, e.On, ccs.EventHeld, ccs.EventResumed)
		}
	case Press:
		if p := c.agentOf(e.Agent); p != nil {
			c.press(c.other(p), e.Digit)
		}
	case HangUp:
		if p := c.parked; p != nil && e.Agent != "" && p.Agent == e.Agent {
			c.unpark(Cause{By: ByAgent, Reason: ReasonHangup})
			c.changed()
			return
		}
		for _, p := range c.parties {
			if p != nil && e.Agent != "" && p.Agent == e.Agent {
				c.hungUp(p, Cause{Reason: ReasonHangup})
				return
			}
		}
	}
}

// press sends a key to a party whose leg can take one.
func (c *Call) press(to *party, digit byte) {
	if to == nil {
		return
	}
	if sender, ok := to.Leg.(DigitSender); ok {
		sender.SendDigit(digit)
	}
}

// hungUp ends the call because a party wants so.
func (c *Call) hungUp(p *party, cause Cause) {
	cause.By = p.by()
	if cause.Reason == ReasonHangup && p.slot == callerSlot && c.record.Connected.IsZero() && p.Agent != "" {
		cause.Reason = ReasonCancelled // who was called had not answered
	}
	c.end(cause)
}

// agentAway gives the other party music while the agent's page comes back.
func (c *Call) agentAway(p *party, e AgentAway) {
	if p.away {
		return
	}
	p.away = true
	c.detach(p)
	p.absence++
	over := graceOver{p, p.absence}
	p.timer = time.AfterFunc(e.Grace, func() { c.Post(over) })
	reason := "away"
	if e.SignedOut {
		reason = "signedOut"
	}
	c.Note(ccs.CallEvent{Kind: ccs.EventAgentLost, Agent: p.Agent, Name: p.Name, Reason: reason})
	c.seat()
	c.changed()
}

// agentBack goes on with the agent's new leg.
func (c *Call) agentBack(p *party, leg Leg) {
	if !p.away {
		c.detach(p)
		if p.Leg != leg {
			p.Leg.Hangup(Cause{By: BySystem, Reason: ReasonReplaced})
		}
	}
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	if p.away {
		p.away = false
		c.Note(ccs.CallEvent{Kind: ccs.EventAgentBack, Agent: p.Agent, Name: p.Name})
	}
	c.attach(p, leg)
	c.changed()
}

// agentLost is for an agent who will not come back. Who called without them has
// no call any more; a caller is left to whoever runs the talk.
func (c *Call) agentLost(p *party) {
	p.lost = true
	if p.slot == callerSlot {
		c.end(Cause{By: ByAgent, Reason: ReasonAgentLost})
	}
}

// gone is the end of a party's leg that the party, its network or its browser
// brought about.
func (c *Call) gone(p *party, cause Cause) {
	switch {
	case p.early: // Reach sees to it
	case !p.Telephone && p.Agent != "":
		c.agentAway(p, AgentAway{Grace: lostGrace})
	case p.slot == callerSlot && p.Agent == "":
		c.end(cause)
	case p.slot == callerSlot, cause.Reason == ReasonHangup, cause.Reason == ReasonTransferred, cause.Reason == ReasonReplaced, p.Queue == "":
		cause.By = p.by()
		c.end(cause)
	default:
		p.lost = true // without a word: the queue's caller goes back into it
	}
}

// replaced goes on with another telephone in a party's seat, of the same party or
// of another.
func (c *Call) replaced(p *party, by Talker) {
	c.detach(p)
	c.noteQuality(p)
	p.Leg.Hangup(Cause{By: BySystem, Reason: ReasonReplaced})
	p.letGo()
	before := p.Agent
	p.Talker = by
	if before != "" && p.Agent != before {
		c.partings[p.slot] = ReasonTransferred
	}
	c.attach(p, by.Leg)
	c.Note(ccs.CallEvent{Kind: ccs.EventTransferred, Agent: p.Agent, Name: p.Name, Reason: string(ReasonReplaced)})
	c.changed()
	if p.Agent != "" && p.Agent != before {
		// Now that who sat there before knows.
		c.agents[p.slot] = p.Agent
		c.changed()
	}
}
