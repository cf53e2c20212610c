package server

import (
	"context"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/flow"
	"github.com/carillon-cc/carillon/sipgw"
)

// serveCall runs one call that came in, in the goroutine of the SIP gateway that
// received it: through its number's plan, or to whom a line has called.
func (s *server) serveCall(_ context.Context, in sipgw.Incoming) {
	s.metrics.started.Inc()
	snapshot := s.config.snapshot()
	info := call.Info{From: in.From, FromName: in.FromName, To: in.To, Trunk: in.Trunk, Line: in.Line, Anonymous: in.Anonymous}
	if line := snapshot.Lines[in.Line]; line != nil {
		s.serveLine(in.Leg, info, snapshot, line)
		return
	}
	country := ""
	if t := snapshot.Trunks[in.Trunk]; t != nil {
		country = t.Outgoing.Country
	}
	s.calls.Serve(in.Leg, info, func(c *call.Call) call.Cause {
		d := resolve(snapshot, in.To, country)
		if d.number == nil {
			// Lines are not for everybody who has found a trunk of ours.
			return call.Cause{By: call.BySystem, Reason: call.ReasonUnknownNumber}
		}
		return s.exchange.runPlan(c, snapshot, d.number, 0, nil)
	})
}

// serveLine runs a call of one of our lines.
func (s *server) serveLine(leg call.CallerLeg, info call.Info, snapshot *flow.Snapshot, line *ccs.Line) {
	d := resolve(snapshot, info.To, "")
	info.Direction, info.FromName = call.Internal, line.Name
	from := line.Number
	switch {
	case d.outside != "":
		info.Direction, from = call.Out, line.CallerID
	case d.line != nil:
		info.ToName = d.line.Name
	}
	s.calls.Serve(leg, info, func(c *call.Call) call.Cause {
		switch {
		case d.number != nil:
			return s.exchange.runPlan(c, snapshot, d.number, 0, nil)
		case d.outside != "" && !line.Outside:
			return call.Cause{By: call.BySystem, Reason: call.ReasonNotAllowed}
		}
		b := &bridge{
			exchange: s.exchange, call: c, snapshot: snapshot, from: from, name: line.Name, hidden: info.Anonymous, by: line.ID,
			timeout: directTime, early: true,
		}
		cause, err := b.to(d)
		if err != nil {
			return call.Cause{}
		}
		return cause
	})
}
