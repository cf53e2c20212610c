package server

import (
	"errors"
	"log/slog"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/flow"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/queue"
	"github.com/carillon-cc/carillon/sipgw"
	"github.com/carillon-cc/carillon/tts"
	"github.com/carillon-cc/carillon/webrtc"
)

// dialer calls telephones: the SIP gateway. Call never blocks; its error is a
// *sipgw.RefusedError where the call is not even tried.
type dialer interface {
	Call(o sipgw.Outgoing) (call.CalledLeg, error)
}

// exchange connects calls with whom they are for: plans, agents, lines, numbers
// beyond. Each of its methods runs in the goroutine of the call that it is given.
type exchange struct {
	dialer  dialer
	engine  *queue.Engine
	config  *configuration
	prompts *tts.Library
	busy    *media.Prompt // heard by an agent whose call reaches nobody
	failed  *media.Prompt
	dialled func() // counts the calls that go out
	routes  routes
	log     *slog.Logger
}

// runPlan runs the published plan of a number over a call. hops and spent, which
// is nil at first, are of the plans that led here.
func (x *exchange) runPlan(c *call.Call, s *flow.Snapshot, number *ccs.Number, hops int, spent *int) call.Cause {
	version := s.Versions[number.PlanID]
	if version == nil {
		return call.Cause{By: call.BySystem, Reason: call.ReasonNoPlan}
	}
	c.SetPlan(version.PlanID, version.ID)
	if spent == nil {
		spent = new(int)
	}
	p := &phone{
		Call: c, exchange: x, snapshot: s, language: version.Flow.Language, presentation: version.Flow.Presentation,
		hops: hops, spent: spent,
	}
	return flow.Run(p, s, version, flow.Limits{Spent: spent})
}

// talker is the agent whom the engine has given the call.
func (x *exchange) talker(connected queue.Connected, queueName string) call.Talker {
	_, browser := connected.Leg.(*webrtc.Line)
	return call.Talker{
		Agent: connected.Agent, Name: x.config.userName(connected.Agent), Queue: queueName,
		Leg: connected.Leg, Telephone: !browser,
	}
}

// refusal is the cause of a call that the gateway did not even try.
func (x *exchange) refusal(err error) call.Cause {
	var refused *sipgw.RefusedError
	if errors.As(err, &refused) {
		x.log.Info("a call was not placed", "reason", string(refused.Reason), "detail", refused.Detail)
		return call.Cause{By: call.BySystem, Reason: refused.Reason}
	}
	x.log.Error("a call could not be placed", "err", err)
	return call.Cause{By: call.BySystem, Reason: call.ReasonFailed}
}
