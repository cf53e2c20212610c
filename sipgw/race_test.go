package sipgw

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
)

func TestNoAckToAReInviteEndsTheCallOnlyWithoutSound(t *testing.T) {
	t.Parallel()
	for name, sound := range map[string]bool{"silence": false, "sound": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := start(t, fast)
			r := newRaw(t, g, "127.0.0.1")
			s, ok := r.talk(g, r.offer())
			l := s.Leg.(*caller)
			eventually(t, "the first ACK is taken", func() bool { l.mu.Lock(); defer l.mu.Unlock(); return !l.unacked })
			r.seq++
			r.send(r.message("INVITE", "again", r.seq, nil, r.offer("a=sendonly")))
			for range 3 { // the 200 is repeated
				r.await("SIP/2.0 200", fmt.Sprintf("CSeq: %d INVITE", r.seq))
			}
			if !sound {
				if got := s.gone(t); got.Reason != call.ReasonNoAck {
					t.Errorf("gone by %v", got)
				}
				r.await("BYE ", "Reason: Q.850;cause=102")
				return
			}
			for i := range 5 {
				sendRTP(t, r.rtp, mediaPort(t, ok), media.Header{PayloadType: 8, Sequence: uint16(i), SSRC: 1}, make([]byte, 160))
			}
			eventually(t, "the ACK is waited for no longer", func() bool { l.mu.Lock(); defer l.mu.Unlock(); return len(l.waiting) == 0 })
			r.silent(200*time.Millisecond, "BYE ")
			// And an offer of theirs still gets an answer.
			if got := r.request("INVITE", r.offer()); !strings.HasPrefix(got, "SIP/2.0 200") {
				t.Errorf("got %s", got)
			}
			close(s.done)
		})
	}
}

func TestByeBeforeTheAck(t *testing.T) {
	g := start(t, fast)
	r := newRaw(t, g, "127.0.0.1")
	s := r.invite(g, r.offer())
	if err := s.Leg.Answer(); err != nil {
		t.Fatal(err)
	}
	r.await("SIP/2.0 200", "INVITE")
	if got := r.request("BYE", "", `Reason: SIP;cause=200;text="Call completed elsewhere"`, `Reason: Q.850 ;cause=26`); !strings.HasPrefix(got, "SIP/2.0 200") {
		t.Errorf("BYE got %s", got)
	}
	if got := s.gone(t); got != (call.Cause{By: call.ByCaller, Reason: call.ReasonHangup, Status: 200, Q850: 26}) {
		t.Errorf("gone by %+v", got)
	}
	r.silent(200*time.Millisecond, "BYE ")
}

func TestOurByeWaitsForTheAckAndSaysWhy(t *testing.T) {
	g := start(t, fast)
	r := newRaw(t, g, "127.0.0.1")
	s := r.invite(g, r.offer())
	if err := s.Leg.Answer(); err != nil {
		t.Fatal(err)
	}
	s.Leg.Hangup(call.Cause{By: call.ByAgent, Reason: call.ReasonHangup, Q850: 31})
	r.await("SIP/2.0 200", "INVITE")
	r.silent(100*time.Millisecond, "BYE ")
	r.send(r.message("ACK", "ack1", 1, nil, ""))
	r.await("BYE ", "\r\nReason: Q.850;cause=31\r\n")
	close(s.done)
}

func TestByeOfAnEarlyCallEndsIt(t *testing.T) {
	g := start(t, fast)
	r := newRaw(t, g, "127.0.0.1")
	s := r.invite(g, r.offer())
	s.Leg.Ring()
	r.await("SIP/2.0 180", "INVITE")
	r.seq++
	r.send(r.message("BYE", "bye", r.seq, nil, ""))
	r.await("SIP/2.0 ", "")
	if got := s.gone(t); got.Reason != call.ReasonCancelled {
		t.Errorf("gone by %v", got)
	}
}

func TestCancelSaysWhy(t *testing.T) {
	g := start(t, fast)
	r := newRaw(t, g, "127.0.0.1")
	s := r.invite(g, r.offer())
	r.send(r.message("CANCEL", "first", 1, []string{"Reason: SIP;cause=200"}, ""))
	if got := s.gone(t); got != (call.Cause{By: call.ByCaller, Reason: call.ReasonCancelled, Status: 200}) {
		t.Errorf("gone by %+v", got)
	}
}

func TestInviteThatComesAgainAfterItsRefusalGetsTheSame(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	invite := r.message("INVITE", "first", 1, nil, r.offer())
	r.send(invite)
	s := g.next(t)
	s.Leg.Refuse(call.Cause{By: call.BySystem, Reason: call.ReasonUnknownNumber})
	first := r.await("SIP/2.0 404", "INVITE")
	r.toTag = ""
	for range 3 {
		r.send(invite)
		if again := r.await("SIP/2.0 ", "INVITE"); again != first {
			t.Errorf("then came\n%s\nnot\n%s", again, first)
		}
	}
	r.send(r.message("ACK", "first", 1, nil, ""))
	if n := g.Stats().Total; n != 1 {
		t.Errorf("%d calls", n)
	}
	close(s.done)
}

func TestRequestsOutOfOrder(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, r.offer())
	r.seq = 10
	if got := r.request("INVITE", r.offer("a=sendonly")); !strings.HasPrefix(got, "SIP/2.0 200") {
		t.Fatal(got)
	}
	expect[call.Held](t, s)
	for i, method := range []string{"INVITE", "UPDATE"} {
		r.send(r.message(method, fmt.Sprintf("old%d", i), 5+i, nil, r.offer("a=sendrecv")))
		r.await("SIP/2.0 500", fmt.Sprintf("CSeq: %d %s", 5+i, method))
	}
	l := s.Leg.(*caller)
	l.mu.Lock()
	sends := l.agreed.Direction.Sends()
	l.mu.Unlock()
	if sends {
		t.Error("an old offer ended the hold")
	}
	// A key or the end of a call is taken all the same.
	r.seq = 6
	if got := r.request("INFO", "Signal=4\r\n", "Content-Type: application/dtmf-relay"); !strings.HasPrefix(got, "SIP/2.0 200") {
		t.Error(got)
	}
	if got := expect[call.Digit](t, s); got.Digit != '4' {
		t.Errorf("digit %q", got.Digit)
	}
	if got := r.request("BYE", ""); !strings.HasPrefix(got, "SIP/2.0 200") {
		t.Error(got)
	}
	s.gone(t)
}

func TestUpdateBetweenTheAnswerAndItsAck(t *testing.T) {
	g := start(t, fast)
	r := newRaw(t, g, "127.0.0.1")
	s := r.invite(g, r.offer())
	if err := s.Leg.Answer(); err != nil {
		t.Fatal(err)
	}
	r.await("SIP/2.0 200", "INVITE")
	if got := r.request("UPDATE", r.offer("a=sendonly")); !strings.Contains(got, "a=recvonly\r\n") {
		t.Errorf("UPDATE got %s", got)
	}
	r.send(r.message("ACK", "ack1", 1, nil, ""))
	l := s.Leg.(*caller)
	eventually(t, "the ACK is taken", func() bool { l.mu.Lock(); defer l.mu.Unlock(); return !l.unacked })
	if !expect[call.Held](t, s).On {
		t.Error("not held")
	}
	close(s.done)
}

func TestRequestsOfUnknownCalls(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	r.toTag = "nothing"
	for _, method := range []string{"INVITE", "UPDATE", "BYE", "INFO", "OPTIONS", "REFER", "NOTIFY", "PRACK", "MESSAGE", "SUBSCRIBE"} {
		if got := r.request(method, ""); !strings.HasPrefix(got, "SIP/2.0 481") {
			t.Errorf("%s got %s", method, got)
		}
	}
	r.send(r.message("ACK", "ack", 1, nil, ""))
	r.silent(100*time.Millisecond, "ACK")
}
