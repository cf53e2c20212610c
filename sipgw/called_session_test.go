package sipgw

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
)

// ring places a call to r and returns its INVITE.
func (r *raw) ring(g *bench) (*served, string) {
	r.t.Helper()
	at := r.conn.LocalAddr().String()
	peer := netip.MustParseAddrPort(at)
	recipient := sip.Uri{Scheme: "sip", User: "1001", Host: peer.Addr().String(), Port: int(peer.Port())}
	var l *called
	eventually(r.t, "the gateway places calls", func() bool {
		var err error
		l, err = g.place(placing{
			hops: []hop{{target: at, transport: "UDP", peer: peer, recipient: recipient}}, trusted: true,
			from: sip.FromHeader{Address: sip.Uri{Scheme: "sip", User: "100", Host: "127.0.0.1"}}, to: recipient,
		})
		return err == nil
	})
	s := &served{events: make(chan call.Event, 100), done: make(chan struct{})}
	l.Listen(call.Listener{Events: func(e call.Event) { s.events <- e }})
	r.t.Cleanup(func() { l.Hangup(call.Cause{By: call.BySystem, Reason: call.ReasonPlanEnd}) })
	return s, r.await("INVITE ", "")
}

// pick answers a call of the gateway.
func (r *raw) pick(invite, status string, headers []string, body string) {
	r.t.Helper()
	r.reply(strings.Replace(invite, "\r\nTo: <sip:1001@"+r.conn.LocalAddr().String()+">", "\r\nTo: <sip:1001@x>;tag=theirs", 1), status, headers, body)
}

func TestSessionOfACallThatWePlace(t *testing.T) {
	t.Parallel()
	g := start(t, func(c *Config) { brief(c); c.Timers.Session = 2 * time.Second })
	t.Run("we refresh", func(t *testing.T) {
		r := newRaw(t, g, "127.0.0.1")
		s, invite := r.ring(g)
		if field(invite, "Session-Expires") != "2" || !strings.Contains(field(invite, "Supported"), "timer") {
			t.Errorf("asked with\n%s", invite)
		}
		// The interval is too short for them: the same call, asked for anew.
		r.pick(invite, "422 Session Interval Too Small", []string{"Min-SE: 3"}, "")
		again := r.await("INVITE ", "Session-Expires: 3")
		if field(again, "Min-SE") != "3" || field(again, "Call-ID") != field(invite, "Call-ID") || seq(again) <= seq(invite) {
			t.Errorf("asked again with\n%s", again)
		}
		begun := time.Now()
		r.pick(again, "200 OK", []string{"Allow: UPDATE", "Require: timer", "Session-Expires: 3;refresher=uac"}, r.offer())
		expect[call.Answered](t, s)
		update := r.await("UPDATE ", "Session-Expires: 3;refresher=uac")
		if took := time.Since(begun); took < 1500*time.Millisecond {
			t.Errorf("refreshed after %v", took)
		}
		r.reply(update, "481 Call/Transaction Does Not Exist", nil, "")
		if got := s.gone(t); got.By != call.ByCalled || got.Reason != call.ReasonNotRefreshed {
			t.Errorf("gone by %v", got)
		}
	})
	t.Run("they refresh", func(t *testing.T) {
		r := newRaw(t, g, "127.0.0.1")
		s, invite := r.ring(g)
		begun := time.Now()
		r.pick(invite, "200 OK", []string{"Session-Expires: 2;refresher=uas"}, r.offer())
		expect[call.Answered](t, s)
		if got := s.gone(t); got.Reason != call.ReasonNotRefreshed {
			t.Errorf("gone by %v", got)
		}
		if took := time.Since(begun); took < 1300*time.Millisecond {
			t.Errorf("lost after %v", took)
		}
		r.await("BYE ", "Reason: Q.850;cause=102")
	})
	t.Run("they know no timers", func(t *testing.T) {
		r := newRaw(t, g, "127.0.0.1")
		s, invite := r.ring(g)
		r.pick(invite, "200 OK", nil, r.offer())
		expect[call.Answered](t, s)
		r.await("ACK ", "")
		r.silent(1500*time.Millisecond, "Max-Forwards")
	})
}
