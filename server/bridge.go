package server

import (
	"errors"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/flow"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/queue"
	"github.com/carillon-cc/carillon/sipgw"
)

const (
	// maxHops is how often a call may be led on from number to number, by plans,
	// forwards and transfers.
	maxHops = 5
	// directTime is how long a telephone rings that a person calls: whoever calls
	// hangs up when they have waited enough, and most networks do before.
	directTime = 3 * time.Minute
)

// bridge is a call's way to somebody.
type bridge struct {
	*exchange
	call     *call.Call
	snapshot *flow.Snapshot
	// from and name are shown to who is called, unless hidden.
	from, name string
	hidden     bool
	by         string // id of the agent or line that pays for calls outside
	timeout    time.Duration
	early      bool // the network's own sound may be heard before the answer
	placed     bool // an agent's own call: a colleague needs no wrap-up, and a browser takes every codec
	telephone  bool // from a telephone rather than a browser
	hops       int
	spent      *int // as in phone
}

// Bridge rings whom a plan names.
func (p *phone) Bridge(b flow.Bridge) (call.Reason, error) {
	from, name, hidden := p.shown(b.Presentation)
	way := &bridge{
		exchange: p.exchange, call: p.Call, snapshot: p.snapshot, from: from, name: name, hidden: hidden, by: p.Info().Line,
		timeout: b.Timeout, early: !b.NoEarly, hops: p.hops, spent: p.spent,
	}
	cause, err := way.to(bridged(p.snapshot, b.Bridge))
	return cause.Reason, err
}

// to rings a destination until they have had the call (call.ErrOver), or returns
// why they were not reached.
func (b *bridge) to(d destination) (call.Cause, error) {
	if b.hops++; b.hops > maxHops {
		return b.missed("", "", call.Cause{By: call.BySystem, Reason: call.ReasonLimit})
	}
	switch {
	case d.agent != "":
		return b.toAgent(d.agent)
	case d.line != nil:
		return b.toLine(d.line)
	case d.number != nil:
		return b.toNumber(d.number)
	case d.outside != "":
		return b.dial(b.outgoing(d.outside), "", d.outside)
	}
	return b.missed("", "", call.Cause{By: call.BySystem, Reason: call.ReasonInvalid})
}

// missed notes that nobody was reached.
func (b *bridge) missed(name, object string, cause call.Cause) (call.Cause, error) {
	b.call.NotReached(name, object, cause)
	return cause, nil
}

// toLine rings the telephones of a line, or where it forwards its calls.
func (b *bridge) toLine(l *ccs.Line) (call.Cause, error) {
	if l.Forward != "" && !l.Disabled {
		noteForward(b.call, l)
		b.by = l.ID
		return b.to(resolve(b.snapshot, l.Forward, ""))
	}
	return b.dial(sipgw.Outgoing{
		Line: l.ID, From: b.from, FromName: b.name, Anonymous: b.hidden || b.from == "",
		Codec: b.codec(), FollowForwards: true, By: b.by,
	}, l.ID, l.Name)
}

func noteForward(c *call.Call, l *ccs.Line) {
	c.Note(ccs.CallEvent{Kind: ccs.EventForwarded, Name: l.Name, Object: l.ID, Digits: l.Forward})
}

// codec is the encoding to prefer, so that nothing has to be converted.
func (b *bridge) codec() media.Codec {
	if b.placed && !b.telephone {
		return media.NoCodec
	}
	return b.call.Codec()
}

// outgoing is a call to a number beyond.
func (b *bridge) outgoing(number string) sipgw.Outgoing {
	return sipgw.Outgoing{
		Number: number, From: b.from, FromName: b.name, Anonymous: b.hidden, Codec: b.codec(), FollowForwards: true, By: b.by,
	}
}

// dial calls a telephone and lets the two talk.
func (b *bridge) dial(o sipgw.Outgoing, line, name string) (call.Cause, error) {
	leg, cause, err := b.ring(o, line, name)
	if err != nil || leg == nil {
		return cause, err
	}
	return call.Cause{}, b.connect(call.Talker{Line: line, Name: name, Leg: leg, Telephone: true})
}

// ring calls a telephone until it is answered; without a leg the cause says why it
// was not.
func (b *bridge) ring(o sipgw.Outgoing, line, name string) (call.CalledLeg, call.Cause, error) {
	rung, ok := b.routes.begin(b.call.Info(), o)
	if !ok {
		b.log.Warn("a call that comes back again and again is not sent out once more", "call", b.call.ID())
		cause, err := b.missed(name, line, call.Cause{By: call.BySystem, Reason: call.ReasonLimit})
		return nil, cause, err
	}
	defer rung()
	leg, err := b.dialer.Call(o)
	if err != nil {
		cause, err := b.missed(name, line, b.refusal(err))
		return nil, cause, err
	}
	b.dialled()
	cause, err := b.call.Reach(call.Reaching{Leg: leg, Line: line, Name: name, By: b.by, Timeout: b.timeout, Early: b.early})
	if err != nil || cause != (call.Cause{}) {
		return nil, cause, err
	}
	return leg, cause, nil
}

// connect has the two talk until the call is over.
func (b *bridge) connect(t call.Talker) error {
	if err := b.talk(b.call, b.snapshot, t); err != nil {
		return err
	}
	return b.call.Hangup(call.Cause{By: call.ByAgent, Reason: call.ReasonAgentLost})
}

// toNumber runs the plan of one of our numbers within the call. Only a plan that
// runs out leads back to where the call came from.
func (b *bridge) toNumber(n *ccs.Number) (call.Cause, error) {
	cause := b.runPlan(b.call, b.snapshot, n, b.hops, b.spent)
	switch {
	case cause == (call.Cause{}):
		return cause, call.ErrOver
	case cause.Reason == call.ReasonPlanEnd || cause.Reason == call.ReasonNoPlan:
		return b.missed(n.Label, n.ID, cause)
	}
	return cause, b.call.Hangup(cause)
}

// missedOffers is what the ends of offers mean to who called an agent.
var missedOffers = map[queue.EndReason]call.Reason{
	queue.EndMissed:      call.ReasonNoAnswer,
	queue.EndDeclined:    call.ReasonDeclined,
	queue.EndUndelivered: call.ReasonUnavailable,
	queue.EndWithdrawn:   call.ReasonTheirBusy,
	queue.EndFailed:      call.ReasonUnavailable,
	queue.EndEngaged:     call.ReasonTheirBusy,
	queue.EndForwarded:   call.ReasonForwarded,
}

// toAgent rings an agent on whatever device, outside of all queues.
func (b *bridge) toAgent(agent string) (call.Cause, error) {
	c, name := b.call, b.config.userName(agent)
	info := c.Info()
	err := b.engine.Ring(queue.Caller{
		ID: c.ID(), NoWrapUp: b.placed,
		Details: queue.OfferDetails{
			From: info.From, FromName: c.CallerName(), To: info.To, Keys: c.Pressed(), Codec: c.Codec().String(),
			ShownFrom: b.from, ShownName: b.name, ShownNone: b.hidden,
		},
		Notify: func(n queue.Notice) { c.Post(n) },
	}, agent, b.timeout)
	switch {
	case errors.Is(err, queue.ErrBusy):
		return b.missed(name, agent, call.Cause{By: call.ByCalled, Reason: call.ReasonTheirBusy})
	case err != nil:
		return b.missed(name, agent, call.Cause{By: call.ByCalled, Reason: call.ReasonUnavailable})
	}
	// Whatever relation the engine has to the call ends with it.
	defer b.engine.Leave(c.ID(), queue.LeaveOver)
	c.Rings(name)
	var connected queue.Connected
	var reason call.Reason
	if _, err := c.Await(-1, func(e call.Event) bool {
		switch e := e.(type) {
		case queue.Connected:
			connected = e
			return true
		case queue.OfferEnded:
			reason = missedOffers[e.Reason]
			return true
		}
		return false
	}); err != nil {
		return call.Cause{}, err
	}
	if reason != "" {
		return b.missed(name, agent, call.Cause{By: call.ByCalled, Reason: reason})
	}
	c.StopMusic()
	c.DropKeys()
	return call.Cause{}, b.connect(b.talker(connected, ""))
}
