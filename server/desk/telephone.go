package desk

import (
	"slices"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/queue"
)

const (
	// keyTime is how long somebody who has picked up may take to press the accept
	// key: a voicemail never does.
	keyTime = 15 * time.Second
	// ownRing is how long an agent's telephone rings for a call of the agent's own.
	ownRing = 30 * time.Second
	// silentPause is how long a telephone is left alone that did not answer an
	// INVITE at all.
	silentPause = time.Minute
	// How long telephones may take to ring: mobile networks search for them first.
	linePatience  = 4 * time.Second
	phonePatience = 12 * time.Second
)

// The problems of telephones, in the words of the protocol.
const (
	problemSilent = "telephoneSilent" // it did not answer the last call at all
)

// Device is what an agent's calls ring on.
type Device struct {
	Kind   ccs.DeviceKind // never ""
	Line   string         // id, of DeviceLine
	Number string         // the line's own or the outside phone's
	Name   string         // of the line
}

// telephone tells whether calls ring on something else than the page.
func (d Device) telephone() bool { return d.Kind != ccs.DeviceBrowser }

// Ringing is a call to an agent's own telephone.
type Ringing struct {
	Agent  string
	Device Device
	// From and FromName are what the telephone shows; Anonymous hides the number.
	From, FromName string
	Anonymous      bool
	Codec          string // of the other party, as in queue.OfferDetails
	Queue          string // id; "" for a call that does not come from one
	// Call is the id of the call that is offered; "" for the agent's own, which
	// begins when the agent picks up.
	Call string
}

// Question is asked of who picks up an outside phone.
type Question struct {
	Agent string // in whose language
	Queue string // name; "" for a call that does not come from one
	Own   bool   // the agent's own call is what waits
	Key   byte
}

// Telephones calls the agents whose calls ring on telephones. The desks call its
// methods from their goroutines; none of them blocks.
type Telephones interface {
	// Device is what an agent's calls ring on now.
	Device(agent string) Device
	// Problem is what keeps a telephone from being called, in the words of
	// docs/protocol.md, "" for nothing.
	Problem(agent string, d Device) string
	// Call rings a telephone; what becomes of it is told by the leg's events.
	// confirm asks for the accept key because it may ring where a voicemail
	// answers. The error is a *NotPlacedError.
	Call(r Ringing) (leg call.CalledLeg, confirm bool, err error)
	// AcceptKey is what must be pressed to take a queue's call.
	AcceptKey(queueID string) byte
	// Question has done be given the sound of a question, nil where there is none.
	// done is called once, by any goroutine, and only posts.
	Question(q Question, done func(*media.Prompt))
}

// ring is an agent's telephone that rings: for an offer, or for the agent's own
// call.
type ring struct {
	leg   call.CalledLeg
	offer *queue.Offer // nil for the agent's own call
	own   Placement
	phase call.Phase // PhaseCalling, PhaseRinging or, asked for the key, PhaseTalking
	limit *time.Timer

	confirm  bool // the key must be pressed
	key      byte
	asked    bool // the question is on its way
	question *media.Prompt
	player   *media.Player
}

// handed is a leg that was given to a call.
type handed struct {
	leg  call.CalledLeg
	call string
}

type (
	// questionLoaded brings the sound of a ring's question.
	questionLoaded struct {
		ring   *ring
		prompt *media.Prompt
	}
	ringOver          struct{ ring *ring }
	silenceOver       struct{ silences int }
	telephonesChanged struct{}
)

// Patience is for the engine: how long the agent's device may take to ring.
func (d *Desk) Patience() time.Duration { return time.Duration(d.patience.Load()) }

// Single is for the engine: a page has one line for one call.
func (d *Desk) Single() bool { return !d.several.Load() }

// readDevice takes note of what the agent's calls ring on. While a telephone
// rings or the agent talks it stays what it was.
func (d *Desk) readDevice() {
	if d.options.Telephones == nil || d.ring != nil || d.view() != nil {
		return
	}
	now := d.options.Telephones.Device(d.agent)
	if now != d.device {
		d.device = now
		d.silent = false
		if now.telephone() {
			d.closePeer()
		}
		patience := map[ccs.DeviceKind]time.Duration{ccs.DeviceLine: linePatience, ccs.DevicePhone: phonePatience}[now.Kind]
		d.patience.Store(int64(patience))
		d.several.Store(now.telephone())
		d.push()
	}
	d.readTrouble()
}

// readTrouble takes note of what keeps the telephone from being called.
func (d *Desk) readTrouble() {
	trouble := ""
	if d.device.telephone() {
		trouble = d.options.Telephones.Problem(d.agent, d.device)
		if trouble == "" && d.silent {
			trouble = problemSilent
		}
	}
	if trouble != d.trouble {
		d.trouble = trouble
		d.push()
	}
	d.reach()
}

// fellSilent leaves a telephone alone that did not even say that it rings.
func (d *Desk) fellSilent() {
	d.silent = true
	d.silences++
	n := d.silences
	time.AfterFunc(silentPause, func() { d.inbox.Post(silenceOver{n}) })
	d.readTrouble()
}

// ringFor has the telephone ring for an offer.
func (d *Desk) ringFor(o queue.Offer) {
	if d.ring != nil {
		_ = d.options.Engine.Fail(o.ID, d.agent, queue.WithdrawnEngaged)
		return
	}
	leg, confirm, err := d.options.Telephones.Call(Ringing{
		Agent: d.agent, Device: d.device, From: o.Details.ShownFrom, FromName: o.Details.ShownName,
		Anonymous: o.Details.ShownNone, Codec: o.Details.Codec, Queue: o.Queue, Call: o.Caller,
	})
	if err != nil {
		_ = d.options.Engine.Fail(o.ID, d.agent, withdrawal(reasonOf(err)))
		return
	}
	d.ring = &ring{
		leg: leg, offer: &o, phase: call.PhaseCalling, confirm: confirm, key: d.options.Telephones.AcceptKey(o.Queue),
	}
	leg.Listen(call.Listener{Events: d.inbox.Post})
	if confirm {
		d.loadQuestion(d.ring)
	}
}

// loadQuestion has the question ready by the time somebody picks up.
func (d *Desk) loadQuestion(r *ring) {
	if r.asked {
		return
	}
	r.asked = true
	q := Question{Agent: d.agent, Key: r.key, Own: r.offer == nil}
	if r.offer != nil {
		q.Queue = r.offer.Details.QueueName
	}
	d.options.Telephones.Question(q, func(p *media.Prompt) { d.inbox.Post(questionLoaded{r, p}) })
}

// legEvent follows a telephone that was called. What comes of a leg that a call
// has by now is the call's.
func (d *Desk) legEvent(leg call.Leg, e call.Event) {
	r := d.ring
	if r == nil || r.leg != leg {
		if d.handed != nil && d.handed.leg == leg {
			if c := d.options.Calls.Get(d.handed.call); c != nil {
				c.Post(e)
			}
		}
		return
	}
	switch e := e.(type) {
	case call.Ringing:
		d.rings(r)
	case call.Forwarded:
		// Whoever answers there may be a voicemail.
		r.confirm = true
		d.loadQuestion(r)
	case call.Answered:
		d.pickedUp(r)
	case call.Digit:
		if r.phase == call.PhaseTalking && e.Digit == r.key {
			d.take(r)
		}
	case call.Gone:
		d.notTaken(r, e.Cause)
	}
}

func (d *Desk) rings(r *ring) {
	if r.phase != call.PhaseCalling {
		return
	}
	r.phase = call.PhaseRinging
	if r.offer != nil {
		d.options.Engine.Delivered(r.offer.ID)
	}
	d.push()
}

// pickedUp gives the call to who answers, or asks for the key first.
func (d *Desk) pickedUp(r *ring) {
	if !r.confirm {
		d.take(r)
		return
	}
	r.phase = call.PhaseTalking
	if r.offer != nil {
		d.options.Engine.Expire(r.offer.ID, keyTime)
		r.offer.Expires = time.Now().Add(keyTime)
	} else {
		d.limit(r, keyTime)
	}
	d.ask(r)
	d.push()
}

// ask plays the question, over and over.
func (d *Desk) ask(r *ring) {
	if r.phase == call.PhaseTalking && r.question != nil && r.player == nil {
		r.player = media.Play(d.options.Pacer, r.question, r.leg, true, nil)
	}
}

// take gives the leg to the call: the offer's, or the agent's own, which begins
// now.
func (d *Desk) take(r *ring) {
	d.ring = nil
	r.stop()
	if r.offer == nil {
		d.beginOwn(r)
		return
	}
	// The call is told at once: what the telephone tells us in between is its.
	d.handed = &handed{r.leg, r.offer.Caller}
	if err := d.options.Engine.Accept(r.offer.ID, d.agent, r.leg); err != nil {
		d.handed = nil
		r.leg.Hangup(unwanted)
		d.lateAccept(err)
		d.push()
	}
	d.offer = nil
}

// unwanted is how a telephone is told that the call has gone elsewhere, so that it
// does not list it as missed (RFC 3326 §3.1).
var unwanted = call.Cause{By: call.BySystem, Reason: call.ReasonCancelled, Status: 200}

// notTaken is the end of a telephone that nobody has taken the call with.
func (d *Desk) notTaken(r *ring, cause call.Cause) {
	picked := r.phase == call.PhaseTalking
	d.ring = nil
	r.stop()
	if r.offer == nil {
		d.endOwn(r, cause.Reason)
		return
	}
	why := withdrawal(cause.Reason)
	if picked && cause.Reason == call.ReasonHangup {
		why = queue.WithdrawnDeclined // heard who it is for, and hung up
	}
	if why == queue.WithdrawnDeclined {
		_ = d.options.Engine.Decline(r.offer.ID, d.agent)
	} else {
		_ = d.options.Engine.Fail(r.offer.ID, d.agent, why)
	}
}

// withdrawal is what the end of a call to a telephone means for the offer.
func withdrawal(reason call.Reason) queue.WithdrawReason {
	switch reason {
	case call.ReasonTheirBusy, call.ReasonBusy, call.ReasonCongestion:
		return queue.WithdrawnEngaged
	case call.ReasonDeclined:
		return queue.WithdrawnDeclined
	case call.ReasonForwarded:
		return queue.WithdrawnForwarded
	case call.ReasonNoAnswer, call.ReasonUnavailable:
		return queue.WithdrawnMissed
	}
	return queue.WithdrawnFailed
}

// silence ends the ringing of a telephone whose offer is over.
func (d *Desk) silence(why queue.WithdrawReason) {
	r := d.ring
	d.ring = nil
	r.stop()
	cause := unwanted
	switch why {
	case queue.WithdrawnMissed:
		cause = call.Cause{By: call.BySystem, Reason: call.ReasonNoAnswer}
		if r.phase == call.PhaseTalking {
			cause.Reason = call.ReasonNotAccepted
		}
	case queue.WithdrawnCallerLeft:
		cause = call.Cause{By: call.ByCaller, Reason: call.ReasonCancelled}
	}
	r.leg.Hangup(cause)
	if why == queue.WithdrawnUndelivered && r.phase == call.PhaseCalling {
		d.fellSilent()
	}
}

// limit gives a ring of the agent's own call a time.
func (d *Desk) limit(r *ring, within time.Duration) {
	if r.limit != nil {
		r.limit.Stop()
	}
	r.limit = time.AfterFunc(within, func() { d.inbox.Post(ringOver{r}) })
}

// stop ends what goes on besides the leg.
func (r *ring) stop() {
	if r.limit != nil {
		r.limit.Stop()
	}
	if r.player != nil {
		r.player.Stop()
	}
}

// checkHanded hangs up a telephone whose call was over before it could take the
// leg.
func (d *Desk) checkHanded() {
	if d.handed == nil || slices.ContainsFunc(d.calls, func(c *call.View) bool { return c.ID == d.handed.call }) {
		return
	}
	for _, c := range d.options.Engine.Agent(d.agent).Calls {
		if c.ID == d.handed.call {
			return
		}
	}
	d.handed.leg.Hangup(call.Cause{By: call.BySystem, Reason: call.ReasonCancelled})
	d.handed = nil
}

// quiet ends everything that rings, at the desk's end or after a fault.
func (d *Desk) quiet() {
	if d.ring == nil {
		return
	}
	r := d.ring
	d.ring = nil
	r.stop()
	r.leg.Hangup(call.Cause{By: call.BySystem, Reason: call.ReasonCancelled})
	if r.offer == nil {
		d.options.Engine.Release(d.agent, r.own.ID)
	}
	d.readDevice()
}
