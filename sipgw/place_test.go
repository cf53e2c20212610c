package sipgw_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw"
)

// outcomes notes how hops did.
type outcomes struct {
	mu   sync.Mutex
	seen []string
}

func (o *outcomes) note(peer netip.AddrPort, status int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen = append(o.seen, fmt.Sprint(peer.Port(), " ", status))
}

func (o *outcomes) any() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.seen) > 0
}

func (o *outcomes) want(t *testing.T, what string, want ...string) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if !slices.Equal(o.seen, want) {
		t.Errorf("%s: outcomes %q, want %q", what, o.seen, want)
	}
}

func gone(t *testing.T, o *outgoing, want call.Cause) {
	t.Helper()
	if got := expect[call.Gone](t, o).Cause; got != want {
		t.Errorf("gone by %+v, want %+v", got, want)
	}
}

func TestNextHopIsTriedOnlyWhereTheFirstIsOfNoUse(t *testing.T) {
	t.Parallel()
	// 0 is silence, 200 an answer.
	rows := []struct {
		name          string
		first, second int
		want          call.Cause // of Gone; none where it is answered
		outcomes      []int
	}{
		{"no room, then an answer", 503, 200, call.Cause{}, []int{503, 200}},
		{"timed out, then an answer", 408, 200, call.Cause{}, []int{408, 200}},
		{"silence, then an answer", 0, 200, call.Cause{}, []int{0, 200}},
		{"busy", 486, -1, call.Cause{By: call.ByCalled, Reason: call.ReasonTheirBusy, Status: 486}, []int{486}},
		{"unknown", 404, -1, call.Cause{By: call.ByCalled, Reason: call.ReasonInvalid, Status: 404}, []int{404}},
		{"broken", 500, -1, call.Cause{By: call.ByCalled, Reason: call.ReasonTrunkFailed, Status: 500}, []int{500}},
		{"no room, then declined", 503, 603, call.Cause{By: call.ByCalled, Reason: call.ReasonDeclined, Status: 603}, []int{503, 603}},
		{"no room, then silence", 503, 0, call.Cause{By: call.ByCalled, Reason: call.ReasonCongestion, Status: 503}, []int{503, 0}},
		{"silence twice", 0, 0, call.Cause{By: call.ByCalled, Reason: call.ReasonTrunkFailed}, []int{0, 0}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			g := build(t, nil)
			a, b := newWire(t), newWire(t)
			var told outcomes
			var released atomic.Int32
			wait := patience // for an answer; where none comes, it has to come to an end
			if row.first == 0 || row.second == 0 {
				wait = 3 * time.Second
			}
			o := g.place(t, sipgw.Place{
				Peers: []netip.AddrPort{a.addr(), b.addr()}, Patience: wait,
				Outcome: told.note, Release: func() { released.Add(1) },
			})
			for i, side := range []struct {
				*wire
				status int
			}{{a, row.first}, {b, row.second}} {
				switch side.status {
				case -1:
					side.quiet(sip.INVITE, 200*time.Millisecond)
				case 0:
					side.next(sip.INVITE)
				case 200:
					side.respond(side.next(sip.INVITE), 200, "tag", side.answer())
					side.next(sip.ACK)
				default:
					side.respond(side.next(sip.INVITE), side.status, fmt.Sprint("tag", i), "")
					side.next(sip.ACK)
				}
			}
			if row.want.Reason == "" {
				expect[call.Answered](t, o)
				if released.Load() != 0 {
					t.Error("released while it runs")
				}
				o.Hangup(call.Cause{By: call.BySystem, Reason: call.ReasonHangup})
				if r := b.bye("tag"); reason(r) != "Q.850;cause=16" {
					t.Errorf("the BYE says %q", reason(r))
				}
			} else {
				gone(t, o, row.want)
			}
			settled(t, "it is released", func() bool { return released.Load() == 1 && g.Stats().Calls == 0 && g.Stats().RTPPorts == 0 })
			var want []string
			for i, status := range row.outcomes {
				want = append(want, fmt.Sprint([]*wire{a, b}[i].addr().Port(), " ", status))
			}
			told.want(t, row.name, want...)
		})
	}
}

func TestHopThatWasGivenUpIsHungUpWhenItAnswersLate(t *testing.T) {
	t.Parallel()
	g := build(t, nil)
	a, b := newWire(t), newWire(t)
	o := g.place(t, sipgw.Place{Peers: []netip.AddrPort{a.addr(), b.addr()}, Patience: 3 * time.Second})
	late := a.next(sip.INVITE)
	b.respond(b.next(sip.INVITE), 200, "b", b.answer())
	b.next(sip.ACK)
	expect[call.Answered](t, o)
	a.quiet(sip.CANCEL, 100*time.Millisecond) // nothing came from it yet
	a.respond(late, 180, "a", "")
	a.ok(a.next(sip.CANCEL))
	a.respond(late, 200, "a", a.answer())
	a.next(sip.ACK)
	a.bye("a")
	o.Hangup(call.Cause{})
	b.bye("b")
}

func TestFirstOfManyTelephonesToAnswerWins(t *testing.T) {
	g := build(t, nil)
	a, b, c := newWire(t), newWire(t), newWire(t)
	var told outcomes
	o := g.place(t, sipgw.Place{Peers: []netip.AddrPort{a.addr(), b.addr(), c.addr()}, Fork: true, Outcome: told.note})
	ia, ib, ic := a.next(sip.INVITE), b.next(sip.INVITE), c.next(sip.INVITE)
	a.respond(ia, 180, "a", "")
	b.respond(ib, 180, "b", "")
	c.respond(ic, 486, "c", "")
	c.next(sip.ACK)
	expect[call.Ringing](t, o)
	b.respond(ib, 200, "b", b.answer())
	b.next(sip.ACK)
	expect[call.Answered](t, o)
	cancel := a.next(sip.CANCEL)
	if reason(cancel) != `SIP;cause=200;text="Call completed elsewhere"` {
		t.Errorf("the CANCEL says %q", reason(cancel))
	}
	a.ok(cancel)
	// It was answered at the same instant.
	a.respond(ia, 200, "a", a.answer())
	a.next(sip.ACK)
	if r := a.bye("a"); reason(r) != reason(cancel) {
		t.Errorf("the BYE says %q", reason(r))
	}
	if g.Stats().Calls != 1 {
		t.Errorf("%+v", g.Stats())
	}
	o.Hangup(call.Cause{})
	b.bye("b")
}

func TestFailureOfManyTelephonesIsTheBest(t *testing.T) {
	rows := []struct {
		statuses []int
		want     call.Cause
	}{
		{[]int{404, 486, 480}, call.Cause{By: call.ByCalled, Reason: call.ReasonTheirBusy, Status: 486}},
		{[]int{503, 480, 408}, call.Cause{By: call.ByCalled, Reason: call.ReasonUnavailable, Status: 480}},
		{[]int{486, 480, 600}, call.Cause{By: call.ByCalled, Reason: call.ReasonTheirBusy, Status: 600}},
	}
	for _, row := range rows {
		g := build(t, nil)
		var sides []*wire
		var p sipgw.Place
		p.Fork = true
		for range row.statuses {
			side := newWire(t)
			sides, p.Peers = append(sides, side), append(p.Peers, side.addr())
		}
		o := g.place(t, p)
		for i, side := range sides {
			invite := side.next(sip.INVITE)
			side.respond(invite, row.statuses[i], "t", "")
			side.next(sip.ACK)
		}
		gone(t, o, row.want)
	}
}

func TestDeclineForAllEndsTheRingingOfTheOthers(t *testing.T) {
	g := build(t, nil)
	a, b := newWire(t), newWire(t)
	o := g.place(t, sipgw.Place{Peers: []netip.AddrPort{a.addr(), b.addr()}, Fork: true})
	ia, ib := a.next(sip.INVITE), b.next(sip.INVITE)
	a.respond(ia, 180, "a", "")
	expect[call.Ringing](t, o)
	b.respond(ib, 603, "b", "", `Reason: Q.850;cause=21;text="no"`)
	b.next(sip.ACK)
	gone(t, o, call.Cause{By: call.ByCalled, Reason: call.ReasonDeclined, Status: 603, Q850: 21})
	a.cancelled(ia, "a")
}

func TestRequestsLeaveFromTheListeningPort(t *testing.T) {
	g := build(t, nil)
	a := newWire(t)
	o := g.place(t, sipgw.Place{Peers: []netip.AddrPort{a.addr()}})
	check := func(r *sip.Request) *sip.Request {
		t.Helper()
		if r.Source() != g.Addr().String() {
			t.Errorf("%s left from %s, we listen on %s", r.Method, r.Source(), g.Addr())
		}
		return r
	}
	invite := check(a.next(sip.INVITE))
	for _, want := range []string{
		"Contact: <sip:1000@" + g.Addr().String() + ">\r\n", "Via: SIP/2.0/UDP " + g.Addr().String() + ";", "Supported: ", "timer", "Allow: INVITE, ",
		"Max-Forwards: 70\r\n", "From: \"Carillon\" <sip:1000@127.0.0.1>;tag=", "Content-Type: application/sdp\r\n",
	} {
		if !strings.Contains(invite.String(), want) {
			t.Errorf("no %q in\n%s", want, invite)
		}
	}
	if strings.Contains(invite.String(), "100rel") {
		t.Error("reliable provisional responses are offered")
	}
	// A private contact, as of a peer behind a NAT, is passed over.
	a.respond(invite, 200, "a", a.answer(), "Contact: <sip:2000@10.9.8.7:5555>")
	ack := check(a.next(sip.ACK))
	if ack.Recipient.String() != "sip:2000@10.9.8.7:5555" || ack.CSeq().SeqNo != invite.CSeq().SeqNo {
		t.Errorf("%s", ack)
	}
	expect[call.Answered](t, o)
	o.Hangup(call.Cause{})
	check(a.bye("a"))
}

func TestAnswersBeyondTheFirst(t *testing.T) {
	g := build(t, nil)
	a := newWire(t)
	o := g.place(t, sipgw.Place{Peers: []netip.AddrPort{a.addr()}})
	invite := a.next(sip.INVITE)
	a.respond(invite, 200, "first", a.answer())
	first := a.next(sip.ACK)
	expect[call.Answered](t, o)
	// Its ACK was lost.
	a.respond(invite, 200, "first", a.answer())
	if again := a.next(sip.ACK); again.To().Value() != first.To().Value() || again.CSeq().SeqNo != invite.CSeq().SeqNo {
		t.Errorf("acknowledged with %s", again)
	}
	// A proxy that forks passes on another telephone's answer.
	a.respond(invite, 200, "second", a.answer())
	if ack := a.next(sip.ACK); ack.To().Params[0].V != "second" {
		t.Errorf("acknowledged with %s", ack)
	}
	a.bye("second")
	a.respond(invite, 200, "second", a.answer())
	a.next(sip.ACK)
	a.quiet(sip.BYE, 100*time.Millisecond)
	if g.Stats().Calls != 1 {
		t.Errorf("%+v", g.Stats())
	}
	o.Hangup(call.Cause{})
	a.bye("first")
}

func TestAnswerOfATransactionThatIsOver(t *testing.T) {
	g := build(t, nil)
	a := newWire(t)
	o := g.place(t, sipgw.Place{Peers: []netip.AddrPort{a.addr()}})
	invite := a.next(sip.INVITE)
	a.respond(invite, 200, "first", a.answer())
	a.next(sip.ACK)
	expect[call.Answered](t, o)
	invite.Via().Params.Add("branch", "z9hG4bKunknown")
	a.respond(invite, 200, "first", a.answer())
	a.next(sip.ACK)
	a.respond(invite, 200, "other", a.answer())
	a.next(sip.ACK)
	a.bye("other")
	if g.Stats().Calls != 1 {
		t.Errorf("%+v", g.Stats())
	}
	o.Hangup(call.Cause{})
	a.bye("first")
}

func TestHangupBeforeAnythingWasHeardWaitsWithTheCancel(t *testing.T) {
	g := build(t, nil)
	a := newWire(t)
	o := g.place(t, sipgw.Place{Peers: []netip.AddrPort{a.addr()}})
	invite := a.next(sip.INVITE)
	o.Hangup(call.Cause{By: call.BySystem, Reason: call.ReasonNoAnswer})
	a.quiet(sip.CANCEL, 200*time.Millisecond)
	a.respond(invite, 100, "", "")
	if r := a.next(sip.CANCEL); reason(r) != "Q.850;cause=19" || r.Via().Value() != invite.Via().Value() || r.CSeq().SeqNo != invite.CSeq().SeqNo {
		t.Errorf("%s", r)
	} else {
		a.ok(r)
	}
	a.respond(invite, 487, "a", "")
	a.next(sip.ACK)
	settled(t, "it is released", func() bool { return g.Stats().Calls == 0 })
}

func TestAnswerThatCrossesTheCancelIsHungUp(t *testing.T) {
	g := build(t, nil)
	a := newWire(t)
	var told outcomes
	o := g.place(t, sipgw.Place{Peers: []netip.AddrPort{a.addr()}, Outcome: told.note})
	invite := a.next(sip.INVITE)
	a.respond(invite, 180, "a", "")
	expect[call.Ringing](t, o)
	o.Hangup(call.Cause{By: call.ByCaller, Reason: call.ReasonCancelled})
	a.ok(a.next(sip.CANCEL))
	a.respond(invite, 200, "a", a.answer())
	a.next(sip.ACK)
	a.bye("a")
	settled(t, "it is released", func() bool { return g.Stats().Calls == 0 && g.Stats().RTPPorts == 0 })
	told.want(t, "crossing", fmt.Sprint(a.addr().Port(), " 200"))
	select {
	case e := <-o.events:
		t.Errorf("%T came after Hangup", e)
	default:
	}
}

func TestCancelThatIsNotAnsweredIsForgotten(t *testing.T) {
	t.Parallel()
	g := build(t, func(c *sipgw.Config) { c.Timers.T1 = 50 * time.Millisecond })
	a := newWire(t)
	var told outcomes
	o := g.place(t, sipgw.Place{Peers: []netip.AddrPort{a.addr()}, Outcome: told.note})
	invite := a.next(sip.INVITE)
	a.respond(invite, 183, "a", "")
	expect[call.Ringing](t, o)
	o.Hangup(call.Cause{})
	a.next(sip.CANCEL)
	settled(t, "it is forgotten", func() bool { return told.any() }) // after 64*T1
	told.want(t, "forgotten", fmt.Sprint(a.addr().Port(), " 183"))
	// Whoever answers now is not left alone all the same.
	a.respond(invite, 200, "a", a.answer())
	a.next(sip.ACK)
	a.bye("a")
}

func TestRingingEndsAtLast(t *testing.T) {
	t.Parallel()
	g := build(t, func(c *sipgw.Config) { c.Timers.Ringing = 3 * time.Second })
	a := newWire(t)
	o := g.place(t, sipgw.Place{Peers: []netip.AddrPort{a.addr()}})
	invite := a.next(sip.INVITE)
	a.respond(invite, 180, "a", "")
	expect[call.Ringing](t, o)
	gone(t, o, call.Cause{By: call.ByCalled, Reason: call.ReasonNoAnswer})
	a.cancelled(invite, "a")
}

func TestForwardIsFollowedOrTold(t *testing.T) {
	g := build(t, nil)
	a, b, c := newWire(t), newWire(t), newWire(t)
	contacts := []string{"Contact: <sip:3000@10.0.0.1>;q=0.2", "Contact: <sip:3001@10.0.0.1>;q=0.7"}
	o := g.place(t, sipgw.Place{Peers: []netip.AddrPort{a.addr(), c.addr()}})
	a.respond(a.next(sip.INVITE), 302, "a", "", contacts...)
	a.next(sip.ACK)
	if got := expect[call.Forwarded](t, o); got.To != "3001" {
		t.Errorf("forwarded to %q", got.To)
	}
	gone(t, o, call.Cause{By: call.ByCalled, Reason: call.ReasonForwarded, Status: 302})

	var followed []string
	o = g.place(t, sipgw.Place{Peers: []netip.AddrPort{a.addr(), c.addr()}, Follow: func(contact sip.Uri) ([]netip.AddrPort, error) {
		followed = append(followed, contact.User)
		return []netip.AddrPort{b.addr()}, nil
	}})
	a.respond(a.next(sip.INVITE), 302, "a", "", contacts...)
	a.next(sip.ACK)
	expect[call.Forwarded](t, o)
	invite := b.next(sip.INVITE)
	b.respond(invite, 180, "b", "")
	expect[call.Ringing](t, o)
	b.respond(invite, 200, "b", b.answer())
	b.next(sip.ACK)
	expect[call.Answered](t, o)
	if !slices.Equal(followed, []string{"3001", "3000"}) {
		t.Errorf("followed %q", followed)
	}
	o.Hangup(call.Cause{})
	b.bye("b")
	c.quiet(sip.INVITE, 50*time.Millisecond)
}

func TestForwardsWithoutEndAreGivenUp(t *testing.T) {
	g := build(t, nil)
	a := newWire(t)
	o := g.place(t, sipgw.Place{Peers: []netip.AddrPort{a.addr()}, Follow: func(sip.Uri) ([]netip.AddrPort, error) {
		return []netip.AddrPort{a.addr()}, nil
	}})
	for range 4 {
		a.respond(a.next(sip.INVITE), 302, "a", "", "Contact: <sip:3000@10.0.0.1>")
		a.next(sip.ACK)
		expect[call.Forwarded](t, o)
	}
	gone(t, o, call.Cause{By: call.ByCalled, Reason: call.ReasonForwarded, Status: 302})
	o = g.place(t, sipgw.Place{Peers: []netip.AddrPort{a.addr()}, Follow: func(sip.Uri) ([]netip.AddrPort, error) {
		return nil, &sipgw.RefusedError{Reason: call.ReasonNotAllowed}
	}})
	a.respond(a.next(sip.INVITE), 302, "a", "", "Contact: <sip:3000@10.0.0.1>")
	a.next(sip.ACK)
	expect[call.Forwarded](t, o)
	gone(t, o, call.Cause{By: call.BySystem, Reason: call.ReasonNotAllowed, Status: 302})
}

func TestCallThatMayNotBePlacedIsRefused(t *testing.T) {
	g := build(t, func(c *sipgw.Config) { c.MaxCalls = 1 })
	a := newWire(t)
	o := g.place(t, sipgw.Place{Peers: []netip.AddrPort{a.addr()}})
	invite := a.next(sip.INVITE)
	released := 0
	try := func(what string, want call.Reason) {
		t.Helper()
		before := released
		_, err := g.Place(sipgw.Place{Peers: []netip.AddrPort{a.addr()}, Release: func() { released++ }})
		var refused *sipgw.RefusedError
		if !errors.As(err, &refused) || refused.Reason != want || released != before+1 {
			t.Errorf("%s: %v, released %d times", what, err, released-before)
		}
	}
	try("the second of one", call.ReasonBusy)
	a.respond(invite, 200, "a", a.answer())
	a.next(sip.ACK)
	expect[call.Answered](t, o)
	try("the second of one that runs", call.ReasonBusy)
	g.Drain()
	try("while draining", call.ReasonShutdown)
	o.Hangup(call.Cause{})
	a.bye("a")
	settled(t, "the port is given back", func() bool { return g.Stats().RTPPorts == 0 })
}

func TestShutdownCancelsWhatRings(t *testing.T) {
	g := build(t, func(c *sipgw.Config) { c.Timers.Farewell = patience })
	a := newWire(t)
	o := g.place(t, sipgw.Place{Peers: []netip.AddrPort{a.addr()}})
	invite := a.next(sip.INVITE)
	a.respond(invite, 180, "a", "")
	expect[call.Ringing](t, o)
	stopped := make(chan struct{})
	go func() {
		g.stop()
		close(stopped)
	}()
	a.cancelled(invite, "a")
	gone(t, o, call.Cause{By: call.BySystem, Reason: call.ReasonShutdown})
	<-stopped
}

func TestSessionIntervalThatIsTooSmallIsRaised(t *testing.T) {
	g := build(t, nil)
	a := newWire(t)
	o := g.place(t, sipgw.Place{Peers: []netip.AddrPort{a.addr()}})
	first := a.next(sip.INVITE)
	a.respond(first, 422, "a", "", "Min-SE: 7200")
	a.next(sip.ACK)
	again := a.next(sip.INVITE)
	if again.CSeq().SeqNo != first.CSeq().SeqNo+1 || len(again.GetHeaders("Session-Expires")) != 1 ||
		again.GetHeader("Session-Expires").Value() != "7200" || again.CallID().Value() != first.CallID().Value() {
		t.Errorf("%s", again)
	}
	a.respond(again, 200, "b", a.answer())
	a.next(sip.ACK)
	expect[call.Answered](t, o)
	o.Hangup(call.Cause{})
	a.bye("b")
}

func TestPreferredCodecIsOfferedFirst(t *testing.T) {
	g := build(t, nil)
	a := newWire(t)
	o := g.place(t, sipgw.Place{Peers: []netip.AddrPort{a.addr()}, Codecs: []media.Codec{media.PCMU, media.PCMA}})
	if o.Codec() != media.PCMU {
		t.Errorf("%v before the answer", o.Codec())
	}
	invite := a.next(sip.INVITE)
	if !strings.Contains(string(invite.Body()), "RTP/AVP 0 8 101\r\n") {
		t.Errorf("offered\n%s", invite.Body())
	}
	a.respond(invite, 200, "a", a.answerAt(a.port(), 8))
	a.next(sip.ACK)
	expect[call.Answered](t, o)
	if o.Codec() != media.PCMA {
		t.Errorf("%v after the answer", o.Codec())
	}
	o.Hangup(call.Cause{})
	a.bye("a")
}
