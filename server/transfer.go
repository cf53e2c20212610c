package server

import (
	"cmp"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/flow"
)

// talk has a call talk until it is over (call.ErrOver) or the agent is lost (nil),
// and sees to transfers that a party's telephone asks for meanwhile.
func (x *exchange) talk(c *call.Call, s *flow.Snapshot, t call.Talker) error {
	for {
		end, err := c.Talk(t)
		if err != nil || end != call.TalkReferred {
			return err
		}
		if err = x.transfer(c, s); err != nil {
			return err
		}
		t = c.Talker()
	}
}

// transfer fulfils a telephone's wish or refuses it. The call goes on with its
// Talker.
func (x *exchange) transfer(c *call.Call, s *flow.Snapshot) error {
	wish, asker := c.Referral()
	if wish.Replaces != nil {
		return c.Join()
	}
	d, cause := x.mayTransfer(s, asker, wish.To)
	if cause != (call.Cause{}) {
		return c.Refuse(cause)
	}
	payer := cmp.Or(asker.Line, asker.Agent)
	d, by := forwarded(s, d, func(l *ccs.Line) { noteForward(c, l) })
	if by != nil {
		payer = by.ID
	}
	if d.none() {
		return c.Refuse(call.Cause{By: call.BySystem, Reason: call.ReasonLimit})
	}
	if d.number != nil {
		if stays := c.Dismiss(wish.To); stays.Agent != "" {
			// The plan may have the call wait in a queue.
			x.engine.Keep(stays.Agent, c.ID())
			defer x.free(c, stays.Agent)
		}
		return c.Hangup(orEnd(x.runPlan(c, s, d.number, maxHops-1, nil)))
	}
	b := &bridge{exchange: x, call: c, snapshot: s, from: c.Info().From, name: c.CallerName(), hidden: c.Info().Anonymous, by: payer}
	o, line, name := b.outgoing(d.outside), "", d.outside
	if d.line != nil {
		line, name = d.line.ID, d.line.Name
		o.Line, o.Number = d.line.ID, ""
	}
	leg, err := x.dialer.Call(o)
	if err != nil {
		return c.Refuse(x.refusal(err))
	}
	x.dialled()
	return c.Transfer(call.Reaching{Leg: leg, Line: line, Name: name, By: b.by, Timeout: directTime, Early: true}, wish.To)
}

// free is for an agent without whom a call goes on.
func (x *exchange) free(c *call.Call, agent string) {
	x.engine.Part(agent, c.ID(), c.Info().Direction != call.Internal)
}

// mayTransfer finds whom a telephone wants the other party sent to, and whether it
// may: outside only where its line or agent may call there. A trunk's own wishes
// are for the trunk's guards to judge.
func (x *exchange) mayTransfer(s *flow.Snapshot, asker call.Talker, to string) (destination, call.Cause) {
	d := resolve(s, to, "")
	switch line, agent := s.Lines[asker.Line], s.Agents[asker.Agent]; {
	case d.none():
		return d, call.Cause{By: call.BySystem, Reason: call.ReasonInvalid, Status: 404}
	case d.outside == "":
	case line != nil && !line.Outside, line == nil && agent != nil && !agent.Outside:
		return d, call.Cause{By: call.BySystem, Reason: call.ReasonNotAllowed, Status: 403}
	}
	return d, call.Cause{}
}

// orEnd is how a plan that ended without a cause ends the call.
func orEnd(cause call.Cause) call.Cause {
	if cause == (call.Cause{}) {
		return call.Cause{By: call.BySystem, Reason: call.ReasonPlanEnd}
	}
	return cause
}
