package desk

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/queue"
	"github.com/carillon-cc/carillon/webrtc"
)

const (
	// reloadGrace is how long a page that said it is leaving may take to come
	// back before its agent is signed out and the caller goes back to the queue.
	reloadGrace = 5 * time.Second
	// lostGrace is the same for a page that fell silent.
	lostGrace = 30 * time.Second
)

// Desk is one agent's place: the pages that are open, the one that leads, its
// media connection, and what the engine and the call last said. Its goroutine
// alone touches its fields; all others post.
type Desk struct {
	options Options
	agent   string
	name    string
	log     *slog.Logger
	inbox   *call.Mailbox

	pages   map[*conn]bool
	leader  *conn
	tab     string // of the leader, kept while its page reloads
	present bool   // signed in with the engine
	absence int    // counts the leader's absences; tells stale timers apart

	peer      *webrtc.Peer
	peerState webrtc.State
	proof     proof
	probes    int

	dirty    bool // the pages are to be told
	status   queue.AgentStatus
	offer    *queue.Offer
	calls    []*call.View // those in which the agent talks, in the order in which they were taken
	device   Device       // what the agent's calls ring on
	trouble  string       // what keeps a telephone from being called
	silent   bool         // the telephone did not answer at all, a moment ago
	silences int
	patience atomic.Int64 // of the device, in ns; the engine reads it
	several  atomic.Bool  // the device takes several calls at once; the engine reads it
	ring     *ring        // nil while no telephone rings
	handed   *handed      // the leg that a call was last given
	out      bool         // the agent signed out, and pages may still be open

	lost   string // a call that went back to the queue while the page was away
	lostAt time.Time
}

// What a desk is told, besides call.View and the engine's notices.
type (
	named    struct{ name string }
	fromPage struct {
		page    *conn
		request request
	}
	pageGone   struct{ page *conn }
	tick       struct{}
	peerChange struct {
		peer  *webrtc.Peer
		state webrtc.State
	}
	absenceOver struct{ absence int }
	signedOut   struct{}
	sessionOver struct{ page *conn }
	cutOff      struct{}
	offered     struct{ offer queue.Offer }
	withdrawn   struct {
		offer   queue.Offer
		why     queue.WithdrawReason
		takenBy string
	}
	statusChanged struct{ status queue.AgentStatus }
)

func newDesk(o Options, agent string) *Desk {
	d := &Desk{
		options: o, agent: agent, inbox: call.NewMailbox(), pages: make(map[*conn]bool),
		log:    o.Log.With("agent", agent),
		status: queue.AgentStatus{Agent: agent, State: queue.Offline, Since: time.Now()},
		device: Device{Kind: ccs.DeviceBrowser},
	}
	d.readDevice()
	return d
}

func (d *Desk) run(ctx context.Context) {
	defer d.inbox.Close()
	for {
		for {
			e, ok := d.inbox.Next()
			if !ok {
				break
			}
			d.guarded(func() { d.handle(e) })
		}
		if d.dirty {
			d.dirty = false
			d.guarded(d.tell)
		}
		select {
		case <-ctx.Done():
			d.quiet()
			d.closePeer()
			return
		case <-d.inbox.Wake():
		}
	}
}

// guarded keeps a fault at one desk from ending everybody's calls. The desk's
// pages are cut off: they come back and begin anew, while the agent's call and
// its sound go on.
func (d *Desk) guarded(f func()) {
	defer func() {
		fault := recover()
		if fault == nil {
			return
		}
		d.log.Error("a desk failed", "fault", fmt.Sprint(fault), "stack", string(debug.Stack()))
		for page := range d.pages {
			page.close()
		}
		clear(d.pages)
		d.offer = nil
		d.quiet()
		d.leaderless(lostGrace)
	}()
	f()
}

func (d *Desk) handle(e call.Event) {
	switch e := e.(type) {
	case named:
		d.name = e.name
	case fromPage:
		defer func() { <-e.page.unhandled }()
		d.request(e.page, e.request)
	case pageGone:
		d.pageGone(e.page)
	case tick:
		d.probe()
	case peerChange:
		d.peerChanged(e)
	case absenceOver:
		d.absenceOver(e.absence)
	case offered:
		d.offered(e.offer)
	case withdrawn:
		d.withdrawn(e)
	case signedOut:
		d.signedOut()
	case sessionOver:
		d.sessionOver(e.page)
	case cutOff:
		d.cutOff()
	case telephonesChanged:
		d.readDevice()
	case silenceOver:
		if e.silences == d.silences && d.silent {
			d.silent = false
			d.readTrouble()
		}
	case questionLoaded:
		if e.ring.question = e.prompt; e.ring == d.ring {
			d.ask(e.ring)
		}
	case ringOver:
		d.ringOver(e.ring)
	case statusChanged:
		d.status = e.status
		d.checkHanded()
		d.goHome()
		d.push()
	case call.Ringing:
		d.legEvent(e.Leg, e)
	case call.Forwarded:
		d.legEvent(e.Leg, e)
	case call.Answered:
		d.legEvent(e.Leg, e)
	case call.Digit:
		d.legEvent(e.Leg, e)
	case call.Gone:
		d.legEvent(e.Leg, e)
	case call.Held:
		d.legEvent(e.Leg, e)
	case call.CodecChanged:
		d.legEvent(e.Leg, e)
	case call.Refer:
		d.legEvent(e.Leg, e)
	case call.Replaced:
		d.legEvent(e.Leg, e)
	case call.View:
		d.callChanged(e)
	}
}

// Offer, Withdraw and StatusChanged make the desk the engine's device for the
// agent.

// Offer posts an offer.
func (d *Desk) Offer(o queue.Offer) { d.inbox.Post(offered{o}) }

// Withdraw posts the end of an offer.
func (d *Desk) Withdraw(o queue.Offer, why queue.WithdrawReason, takenBy string) {
	d.inbox.Post(withdrawn{o, why, takenBy})
}

// StatusChanged posts the agent's new state.
func (d *Desk) StatusChanged(s queue.AgentStatus) { d.inbox.Post(statusChanged{s}) }

// push has the state sent to every page once what is in the inbox has been
// handled: what happens together is told together.
func (d *Desk) push() { d.dirty = true }

// tell sends the whole state to every page.
func (d *Desk) tell() {
	for page := range d.pages {
		page.send(d.message(page == d.leader))
	}
}

// message is the state as the protocol tells it.
func (d *Desk) message(leading bool) deskMessage {
	m := deskMessage{
		Type: "desk", Now: time.Now().UnixMilli(),
		Agent: agentPart{d.agent, d.name}, Leading: leading,
		State: string(d.status.State), Reason: d.status.Reason, Since: d.status.Since.UnixMilli(),
		Next: string(d.next()), Problems: d.problems(), Device: d.devicePart(),
		Outside: d.options.MayDial != nil && d.options.MayDial(d.agent),
	}
	if o := d.offer; o != nil {
		m.Offer = &offerPart{
			ID: o.ID, Call: o.Caller, From: o.Details.From, FromName: o.Details.FromName,
			To: o.Details.To, ToName: d.options.NumberLabel(o.Details.To), Queue: o.Details.QueueName,
			Waited: o.Waited.Milliseconds(), Keys: o.Details.Keys, Codec: o.Details.Codec,
			Expires: o.Expires.UnixMilli(),
		}
		if r := d.ring; r != nil && r.offer != nil && r.offer.ID == o.ID {
			m.Offer.Phase, m.Offer.Expires = string(r.phase), r.offer.Expires.UnixMilli()
			if r.phase == call.PhaseTalking {
				m.Offer.Phase, m.Offer.Confirm = "confirm", string(r.key)
			}
		}
	}
	if r := d.ring; r != nil && r.offer == nil {
		m.Call = d.ringPart(r)
	}
	if v := d.view(); v != nil {
		m.Call = &callPart{
			ID: v.ID, Direction: string(v.Direction), Phase: string(v.Phase), Early: v.Early,
			From: v.From, FromName: v.FromName, To: v.To, ToName: cmp.Or(v.ToName, d.options.NumberLabel(v.To)),
			Queue: v.Queue, Codec: v.Codec.String(), Keys: v.Keys, Connected: millis(v.Connected), Started: millis(v.Started),
			Muted: v.Muted, Held: v.Held, CallerHolds: v.CallerHolds, Recording: v.Recording,
		}
		if v.Phase == call.PhaseNotReached {
			m.Call.Reason = string(v.Cause.Reason)
		}
	}
	if !d.status.WrapUpEnds.IsZero() {
		m.WrapUp = &wrapUpPart{Ends: d.status.WrapUpEnds.UnixMilli()}
	}
	return m
}

// next is what the agent will be after the call: what they chose, or what they
// were before.
func (d *Desk) next() queue.NextState {
	if d.status.Next == "" && d.status.Intent == queue.Away && d.status.State != queue.Away && d.status.State != queue.Offline {
		return queue.NextAway
	}
	return d.status.Next
}

// millis is a time as the protocol tells it, 0 for none.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func (d *Desk) notice(code string, params map[string]string) {
	for page := range d.pages {
		page.send(noticeMessage{Type: "notice", Code: code, Params: params})
	}
}
