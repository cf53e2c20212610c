package queue

import (
	"slices"
	"time"

	"github.com/oklog/ulid/v2"
)

const (
	// deliveryTime is how soon a device must say that it shows an offer. One
	// that did not, and then proved that it lives, is slow rather than dead, as
	// on a busy computer: it is given twice the time, at most maxSlowness times
	// over, so that a caller whom only such agents can take is not offered for
	// ever in vain.
	deliveryTime = time.Second
	maxSlowness  = 2
	// ringTime is how long an offer lasts where neither queue nor agent says.
	ringTime = 20 * time.Second
	// retryPause is how long a caller is not offered again to an agent who did
	// not take them, so that nothing rings in a tight loop.
	retryPause = 5 * time.Second
)

// Offer is a caller ringing at an agent.
type Offer struct {
	ID      string // ULID
	Caller  string // id of the call
	Queue   string // id
	Agent   string
	Details OfferDetails
	Waited  time.Duration // since the caller's arrival, when the offer was made
	Made    time.Time
	Expires time.Time // when it counts as missed
}

// OfferDetails are what the agent is shown. The engine only passes them on.
type OfferDetails struct {
	From      string // the caller's number
	FromName  string
	To        string // the dialled number
	QueueName string
	Keys      string // that the caller pressed
	Codec     string // that the agent's page must send
	// ShownFrom and ShownName are what a telephone that rings shows.
	ShownFrom, ShownName string
	// ShownNone hides the number: the caller does.
	ShownNone bool
}

// WithdrawReason says to a device why an offer ended.
type WithdrawReason string

// The reasons.
const (
	WithdrawnTaken       WithdrawReason = "taken"      // by another agent
	WithdrawnCallerLeft  WithdrawReason = "callerLeft" // hung up, or the plan went on
	WithdrawnExpired     WithdrawReason = "expired"    // the caller's longest wait is over
	WithdrawnClosed      WithdrawReason = "closed"     // the queue is gone, or the agent's place in it
	WithdrawnBusy        WithdrawReason = "busy"       // the agent took another call meanwhile
	WithdrawnMissed      WithdrawReason = "missed"     // nobody answered
	WithdrawnDeclined    WithdrawReason = "declined"   // the agent said no, or went away
	WithdrawnEngaged     WithdrawReason = "engaged"    // the agent's telephone was busy
	WithdrawnForwarded   WithdrawReason = "forwarded"  // to a number that is not followed
	WithdrawnFailed      WithdrawReason = "failed"     // the agent's telephone could not be called
	WithdrawnUndelivered WithdrawReason = "undelivered"
	WithdrawnSignedOut   WithdrawReason = "signedOut"
)

// EndReason says in a call's timeline how an offer ended.
type EndReason string

// The reasons.
const (
	EndMissed      EndReason = "missed"      // it rang, and nobody answered
	EndDeclined    EndReason = "declined"    // by the agent
	EndUndelivered EndReason = "undelivered" // the device did not show it
	EndWithdrawn   EndReason = "withdrawn"   // by us
	EndEngaged     EndReason = "engaged"     // the agent's telephone was busy
	EndForwarded   EndReason = "forwarded"   // by it, to where nobody follows
	EndFailed      EndReason = "failed"      // it could not be called, or the agent signed out
)

// endings says what follows from the end of an offer: its reason in the
// timeline, whether the agent had their turn in the caller's round, and whether
// the caller pauses with this agent. An undelivered offer needs no pause: the
// device must prove itself first.
var endings = map[WithdrawReason]struct {
	reason       EndReason
	tried, pause bool
}{
	WithdrawnTaken:       {reason: EndWithdrawn},
	WithdrawnCallerLeft:  {reason: EndWithdrawn},
	WithdrawnExpired:     {reason: EndWithdrawn},
	WithdrawnClosed:      {reason: EndWithdrawn},
	WithdrawnBusy:        {reason: EndWithdrawn},
	WithdrawnMissed:      {reason: EndMissed, tried: true, pause: true},
	WithdrawnDeclined:    {reason: EndDeclined, tried: true, pause: true},
	WithdrawnEngaged:     {reason: EndEngaged, tried: true, pause: true},
	WithdrawnForwarded:   {reason: EndForwarded, tried: true, pause: true},
	WithdrawnFailed:      {reason: EndFailed, tried: true, pause: true},
	WithdrawnUndelivered: {reason: EndUndelivered, tried: true},
	WithdrawnSignedOut:   {reason: EndFailed, tried: true, pause: true},
}

// offer is an Offer at work.
type offer struct {
	Offer
	caller *caller
	agent  *agent
	device Device
	timer  *timer // of delivery, then of ringing

	delivered bool
}

// makeOffer has a caller ring at a member.
func (e *Engine) makeOffer(c *caller, m *member) {
	now := time.Now()
	q, a := c.room.queue, m.agent
	ring := q.RingTimeout.Or(a.config.RingTimeout.Or(ringTime))
	o := &offer{caller: c, agent: a, device: a.device, Offer: Offer{
		ID: ulid.Make().String(), Caller: c.ID, Queue: c.room.id, Agent: a.id, Details: c.Details,
		Waited: now.Sub(c.Since), Made: now, Expires: now.Add(ring),
	}}
	o.Details.QueueName = q.Name // may have been renamed since the caller joined
	if len(c.offers) == 0 || m.priority > c.level {
		c.level = m.priority
	}
	c.offers = append(c.offers, o)
	a.offer = o
	e.offers[o.ID] = o
	o.timer = e.after(a.patience(), func() { e.undelivered(o) })
	e.touch(a)
	e.change(c.room)
	shown := o.Offer
	e.outbox.put(func() { o.device.Offer(shown) })
	e.tell(c, Offered{Offer: o.ID, Agent: a.id})
}

// patience is how long the agent's device may take to show an offer.
func (a *agent) patience() time.Duration {
	if d, ok := a.device.(Patient); ok {
		if t := d.Patience(); t > 0 {
			return t
		}
	}
	return deliveryTime << min(a.unshown, maxSlowness)
}

// Delivered says that the agent's device shows the offer. Without it within 1 s,
// more for a device that was late before or is Patient, the offer ends as
// undelivered and the agent must be proven reachable anew.
func (e *Engine) Delivered(offerID string) {
	e.event(func() {
		o := e.offers[offerID]
		if o == nil || o.delivered {
			return
		}
		o.delivered = true
		o.agent.unshown = 0
		e.stop(o.timer)
		o.timer = e.after(time.Until(o.Expires), func() { e.missed(o) })
	})
}

// Expire sets in what time an offer that rings counts as missed, in place of what
// queue and agent say: somebody has picked up and still has to say that they are
// there.
func (e *Engine) Expire(offerID string, in time.Duration) {
	e.event(func() {
		o := e.offers[offerID]
		if o == nil {
			return
		}
		o.delivered, o.Expires = true, time.Now().Add(in)
		o.agent.unshown = 0
		e.stop(o.timer)
		o.timer = e.after(in, func() { e.missed(o) })
	})
}

// undelivered ends an offer whose device did not show it.
func (e *Engine) undelivered(o *offer) {
	o.agent.unshown++
	o.agent.reachable, o.agent.why = false, WhyUndelivered
	e.endOffer(o, WithdrawnUndelivered, "")
}

// missed ends an offer that nobody answered. An agent who misses too many in a
// row counts as not responding until they press ready.
func (e *Engine) missed(o *offer) {
	a := o.agent
	a.missed++
	if a.missed >= max(o.caller.room.queue.MissedLimit, 1) {
		a.intent = intent{state: NotResponding}
	}
	e.endOffer(o, WithdrawnMissed, "")
}

// endOffer ends a live offer that its agent did not win.
func (e *Engine) endOffer(o *offer, why WithdrawReason, takenBy string) {
	end, c, a := endings[why], o.caller, o.agent
	e.detach(o, takenBy)
	if end.tried {
		c.markTried(a)
	}
	if end.pause && c.waiting {
		e.pause(c, a)
	}
	e.look(c)
	shown := o.Offer
	e.outbox.put(func() { o.device.Withdraw(shown, why, takenBy) })
	e.tell(c, OfferEnded{Offer: o.ID, Agent: a.id, Reason: end.reason})
	if c.room.direct && c.waiting {
		e.forget(c, why) // there is nobody else to ring
	}
}

// detach takes an offer out of its caller and its agent. The agent keeps its
// memory, to tell a claim that comes late who was first.
func (e *Engine) detach(o *offer, takenBy string) {
	c, a := o.caller, o.agent
	e.stop(o.timer)
	delete(e.offers, o.ID)
	c.offers = slices.DeleteFunc(c.offers, func(x *offer) bool { return x == o })
	a.offer = nil
	a.last.id, a.last.takenBy = o.ID, takenBy
	e.touch(a)
	e.change(c.room)
}

// pause keeps a caller from being offered to an agent again for a while.
func (e *Engine) pause(c *caller, a *agent) {
	if c.pauses == nil {
		c.pauses = make(map[*agent]*timer)
	}
	c.pauses[a] = e.after(retryPause, func() {
		delete(c.pauses, a)
		e.look(c)
	})
}

func (c *caller) markTried(a *agent) {
	if c.tried == nil {
		c.tried = make(map[*agent]bool)
	}
	c.tried[a] = true
}
