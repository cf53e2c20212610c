package server

import (
	"errors"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/flow"
	"github.com/carillon-cc/carillon/queue"
	"github.com/carillon-cc/carillon/server/desk"
)

// mayPlace tells whether an agent may make a call.
func (s *server) mayPlace(p desk.Placement) error {
	_, err := s.whom(s.config.snapshot(), p)
	return err
}

// whom finds whom an agent wants to call, and whether they may. The error is a
// *desk.NotPlacedError.
func (s *server) whom(snapshot *flow.Snapshot, p desk.Placement) (destination, error) {
	agent := snapshot.Agents[p.Agent]
	d := resolve(snapshot, p.To, "")
	if p.Colleague {
		d = destination{agent: p.To}
	}
	switch {
	case s.stopping():
		return d, &desk.NotPlacedError{Reason: call.ReasonShutdown}
	case agent == nil || d.outside != "" && !agent.Outside || d.agent == p.Agent:
		return d, &desk.NotPlacedError{Reason: call.ReasonNotAllowed}
	case d.none() || d.agent != "" && snapshot.Agents[d.agent] == nil:
		return d, &desk.NotPlacedError{Reason: call.ReasonInvalid}
	}
	return d, nil
}

// place begins a call of an agent's, for the desk.
func (s *server) place(p desk.Placement) error {
	snapshot := s.config.snapshot()
	d, err := s.whom(snapshot, p)
	if err != nil {
		return err
	}
	agent, id := snapshot.Agents[p.Agent], p.ID
	// From now on no queue rings there.
	if err := s.engine.Reserve(p.Agent, id); err != nil {
		reason := call.ReasonUnavailable
		if errors.Is(err, queue.ErrBusy) {
			reason = call.ReasonBusy
		}
		return &desk.NotPlacedError{Reason: reason}
	}
	b := &bridge{
		exchange: s.exchange, snapshot: snapshot, from: agent.CallerID, name: p.Name, by: p.Agent,
		timeout: directTime, early: true, placed: true, telephone: p.Telephone,
	}
	run := s.calls.Place(call.Placing{
		ID: id, Info: placedInfo(snapshot, d, agent, p),
		Agent: call.Talker{Agent: p.Agent, Name: p.Name, Leg: p.Leg, Telephone: p.Telephone},
	}, func(c *call.Call) call.Cause {
		b.call = c
		return b.place(d)
	})
	s.placed.Go(func() {
		finish := s.engine.Release
		defer func() { finish(p.Agent, id) }()
		run()
		if d.outside != "" && b.call.Connected() {
			finish = s.engine.Finish
		}
	})
	return nil
}

// placedInfo is what is known of an agent's call when it begins.
func placedInfo(s *flow.Snapshot, d destination, agent *ccs.Agent, p desk.Placement) call.Info {
	info := call.Info{Direction: call.Internal, FromName: p.Name, To: p.To}
	switch {
	case d.agent != "":
		info.To = ""
		if u := s.Users[d.agent]; u != nil {
			info.ToName = u.Name
		}
	case d.line != nil:
		info.To, info.ToName = d.line.Number, d.line.Name
	case d.number != nil:
		info.To, info.ToName = d.number.Number, d.number.Label
	default:
		info.Direction, info.From, info.To = call.Out, agent.CallerID, d.outside
	}
	return info
}

// place runs an agent's call. Who reaches nobody hears so.
func (b *bridge) place(d destination) call.Cause {
	if d.number != nil {
		return b.runPlan(b.call, b.snapshot, d.number, 0, nil)
	}
	cause, err := b.to(d)
	if err != nil {
		return call.Cause{}
	}
	tone := b.failed
	if cause.Reason == call.ReasonTheirBusy || cause.Reason == call.ReasonDeclined {
		tone = b.busy
	}
	_ = b.call.Play(tone, false) // the call may be over by then, which is its end
	return cause
}

// stopping tells whether no new calls are taken.
func (s *server) stopping() bool {
	select {
	case <-s.draining:
		return true
	default:
		return false
	}
}
