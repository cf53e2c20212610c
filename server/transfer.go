package server

import (
	"cmp"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/flow"
	"github.com/carillon-cc/carillon/queue"
)

// talk has a call talk until it is over (call.ErrOver) or the agent is lost (nil),
// and sees to transfers that a party's telephone asks for meanwhile.
func (x *exchange) talk(c *call.Call, s *flow.Snapshot, t call.Talker) error {
	for {
		end, err := c.Talk(t)
		if err != nil || end != call.TalkReferred {
			return err
		}
		if t, err = x.transfer(c, s, t); err != nil {
			return err
		}
	}
}

// transfer fulfils a telephone's wish or refuses it; it returns with whom the call
// goes on.
func (x *exchange) transfer(c *call.Call, s *flow.Snapshot, t call.Talker) (call.Talker, error) {
	wish, asker := c.Referral()
	if wish.Replaces != nil {
		return t, c.Join()
	}
	d, cause := x.mayTransfer(s, asker, wish.To)
	if cause != (call.Cause{}) {
		return t, c.Refuse(cause)
	}
	if d.number != nil {
		c.Dismiss(wish.To)
		x.engine.Leave(c.ID(), queue.LeaveOver)
		return t, c.Hangup(orEnd(x.runPlan(c, s, d.number, maxHops-1)))
	}
	b := &bridge{exchange: x, call: c, snapshot: s, from: c.Info().From, name: c.CallerName(), by: cmp.Or(asker.Line, asker.Agent)}
	o, line, name := b.outgoing(d.outside), "", d.outside
	if d.line != nil {
		line, name = d.line.ID, d.line.Name
		o.Line, o.Number = d.line.ID, ""
	}
	leg, err := x.dialer.Call(o)
	if err != nil {
		return t, c.Refuse(x.refusal(err))
	}
	x.dialled()
	cause, err = c.Transfer(call.Reaching{Leg: leg, Line: line, Name: name, By: b.by, Timeout: directTime, Early: true}, wish.To)
	switch {
	case err != nil:
		return t, err
	case cause != (call.Cause{}):
		return asker, nil
	}
	// An agent who has moved the caller on is free.
	x.engine.Leave(c.ID(), queue.LeaveOver)
	return call.Talker{Line: line, Name: name, Leg: leg, Telephone: true}, nil
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
