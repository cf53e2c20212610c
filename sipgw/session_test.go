package sipgw

import (
	"strings"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/call"
)

// brief has session timers of seconds, so that tests see them run.
func brief(c *Config) {
	fast(c)
	c.Timers.MinSession = time.Second
}

// answered calls with headers, is answered and acknowledges.
func (r *raw) answered(b *bench, headers ...string) (*served, string) {
	r.t.Helper()
	s := r.invite(b, r.offer(), headers...)
	if err := s.Leg.Answer(); err != nil {
		r.t.Fatal(err)
	}
	ok := r.await("SIP/2.0 200", "INVITE")
	r.send(r.message("ACK", "ack1", r.seq, nil, ""))
	return s, ok
}

func TestWhoRefreshesTheSession(t *testing.T) {
	rows := []struct {
		name    string
		headers []string
		want    string // Session-Expires of the 200
		require bool
	}{
		{"left to us", []string{"Supported: timer", "Session-Expires: 1800"}, "1800;refresher=uac", true},
		{"they want to", []string{"Supported: 100rel, timer", "Session-Expires: 90;refresher=uac"}, "90;refresher=uac", true},
		{"they want us to", []string{"Supported: timer", "Session-Expires: 1800 ; refresher=UAS"}, "1800;refresher=uas", false},
		{"a proxy asks, they know no timers", []string{"Session-Expires: 1800"}, "1800;refresher=uas", false},
		{"a proxy asks for too little", []string{"Session-Expires: 60"}, "", false},
		{"compact", []string{"k: timer", "x: 600"}, "600;refresher=uac", true},
		{"required", []string{"Require: timer", "Session-Expires: 600"}, "600;refresher=uac", true},
		{"nobody asks", []string{"Supported: timer"}, "", false},
		{"nonsense", []string{"Supported: timer", "Session-Expires: soon"}, "", false},
	}
	g := start(t, nil)
	for _, row := range rows {
		r := newRaw(t, g, "127.0.0.1")
		s, ok := r.answered(g, row.headers...)
		got := ""
		if _, rest, found := strings.Cut(ok, "\r\nSession-Expires: "); found {
			got, _, _ = strings.Cut(rest, "\r\n")
		}
		if got != row.want || strings.Contains(ok, "Require: timer\r\n") != row.require {
			t.Errorf("%s: Session-Expires %q, want %q; require %v in\n%s", row.name, got, row.want, row.require, ok)
		}
		close(s.done)
	}
}

func TestShortSessionIsRefused(t *testing.T) {
	g := start(t, nil)
	first := newRaw(t, g, "127.0.0.1")
	first.send(first.message("INVITE", "first", 1, []string{"Supported: timer", "Session-Expires: 89"}, first.offer()))
	if got := first.await("SIP/2.0 422", "INVITE"); !strings.Contains(got, "\r\nMin-SE: 90\r\n") {
		t.Errorf("no Min-SE in\n%s", got)
	}
	first.send(first.message("ACK", "first", 1, nil, ""))
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, r.offer())
	for _, method := range []string{"INVITE", "UPDATE"} {
		body := ""
		if method == "INVITE" {
			body = r.offer()
		}
		got := r.request(method, body, "Supported: timer", "Session-Expires: 30")
		if !strings.HasPrefix(got, "SIP/2.0 422") || !strings.Contains(got, "\r\nMin-SE: 90\r\n") {
			t.Errorf("%s got %s", method, got)
		}
		got = r.request(method, body, "Supported: timer", "Session-Expires: 90")
		if !strings.HasPrefix(got, "SIP/2.0 200") || !strings.Contains(got, "\r\nSession-Expires: 90;refresher=uac\r\n") {
			t.Errorf("%s got %s", method, got)
		}
	}
	close(s.done)
}

func TestSessionTimes(t *testing.T) {
	const now = -time.Hour // the clock may stand anywhere
	rows := []struct {
		session      session
		refresh, end time.Duration // after now; 0 for never
	}{
		{session{}, 0, 0},
		{session{interval: 1800 * time.Second}, 0, 1768 * time.Second}, // RFC 4028 §10
		{session{interval: 90 * time.Second}, 0, 60 * time.Second},
		{session{interval: 1800 * time.Second, ours: true}, 900 * time.Second, 0},
	}
	for _, row := range rows {
		refresh, end := row.session.times(now)
		if refresh != 0 {
			refresh -= now
		}
		if end != 0 {
			end -= now
		}
		if refresh != row.refresh || end != row.end {
			t.Errorf("%+v: refresh %v, end %v; want %v, %v", row.session, refresh, end, row.refresh, row.end)
		}
	}
}

func TestDeadlineComesOnce(t *testing.T) {
	var d deadline
	if d.take(1 << 62) {
		t.Error("no deadline has passed")
	}
	for _, at := range []time.Duration{-5, 0, 5} {
		d.set(at)
		if d.take(at-1) || !d.take(at+1) || d.take(at+2) {
			t.Errorf("the deadline at %d", at)
		}
	}
}

func TestPeerThatStopsRefreshingIsLost(t *testing.T) {
	t.Parallel()
	g := start(t, brief)
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.answered(g, "Supported: timer", "Session-Expires: 6")
	end := &s.Leg.(*caller).sessionEnd
	before, _ := end.time()
	begun := time.Now()
	if got := r.request("UPDATE", "", "Supported: timer", "Session-Expires: 6;refresher=uac"); !strings.HasPrefix(got, "SIP/2.0 200") {
		t.Error(got)
	}
	if after, ok := end.time(); !ok || after <= before {
		t.Errorf("the end went from %v to %v", before, after)
	}
	if got := s.gone(t); got.By != call.ByCaller || got.Reason != call.ReasonNotRefreshed {
		t.Errorf("gone by %v", got)
	}
	// The interval less a third of it, from the refresh on.
	if took := time.Since(begun); took < 4*time.Second {
		t.Errorf("lost after %v", took)
	}
	if bye := r.await("BYE ", ""); !strings.Contains(bye, "\r\nReason: Q.850;cause=102\r\n") {
		t.Errorf("no reason in\n%s", bye)
	}
}

func TestWeRefreshByUpdateOrElseByInvite(t *testing.T) {
	t.Parallel()
	g := start(t, brief)
	r := newRaw(t, g, "127.0.0.1")
	begun := time.Now()
	s, ok := r.answered(g, "Allow: INVITE, ACK, BYE, UPDATE", "Supported: timer", "Session-Expires: 2;refresher=uas")
	_, described, _ := strings.Cut(ok, "\r\n\r\n")
	update := r.await("UPDATE ", "")
	if took := time.Since(begun); took < time.Second {
		t.Errorf("refreshed after %v", took)
	}
	for _, want := range []string{"\r\nSession-Expires: 2;refresher=uac\r\n", "Supported: timer", "\r\nContact: <sip:1000@", "Content-Length: 0\r\n"} {
		if !strings.Contains(update, want) {
			t.Errorf("no %q in\n%s", want, update)
		}
	}
	r.reply(update, "200 OK", []string{"Require: timer", "Session-Expires: 2;refresher=uac"}, "")
	// A peer that has unlearnt UPDATE gets a re-INVITE at once, which changes nothing.
	r.reply(r.await("UPDATE ", ""), "405 Method Not Allowed", []string{"Allow: INVITE, ACK, BYE"}, "")
	invite := r.await("INVITE ", "")
	if _, body, _ := strings.Cut(invite, "\r\n\r\n"); body != described {
		t.Errorf("the refresh offers\n%s\nnot\n%s", body, described)
	}
	r.reply(invite, "100 Trying", nil, "")
	r.reply(invite, "200 OK", []string{"Session-Expires: 2;refresher=uac"}, r.offer())
	ack := r.await("ACK ", "")
	r.reply(invite, "200 OK", []string{"Session-Expires: 2;refresher=uac"}, r.offer()) // as if the ACK was lost
	if again := r.await("ACK ", ""); again != ack {
		t.Errorf("the repeated 200 got\n%s\nnot\n%s", again, ack)
	}
	// Too short for somebody: the interval is raised, and so it is the next time.
	r.reply(r.await("INVITE ", ""), "422 Session Interval Too Small", []string{"Min-SE: 4"}, "")
	r.await("ACK ", "")
	raised := r.await("INVITE ", "Session-Expires: 4;refresher=uac")
	if !strings.Contains(raised, "\r\nMin-SE: 4\r\n") {
		t.Errorf("no Min-SE in\n%s", raised)
	}
	// A failure that says nothing of the call does not end it, an unknown call does.
	r.reply(raised, "500 Server Internal Error", nil, "")
	r.reply(r.await("INVITE ", "Session-Expires: 4"), "481 Call/Transaction Does Not Exist", nil, "")
	if got := s.gone(t); got != (call.Cause{By: call.ByCaller, Reason: call.ReasonNotRefreshed, Status: 481}) {
		t.Errorf("gone by %v", got)
	}
	r.await("BYE ", "")
}

func TestRefreshThatIsNotAnsweredEndsTheCall(t *testing.T) {
	t.Parallel()
	g := start(t, brief)
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.answered(g, "Session-Expires: 1")
	r.await("INVITE ", "refresher=uac")
	if got := s.gone(t); got.Reason != call.ReasonNotRefreshed || got.Status != 408 {
		t.Errorf("gone by %v", got)
	}
}

func TestHoldWithoutATimerLeavesOurRefreshing(t *testing.T) {
	t.Parallel()
	g := start(t, brief)
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.answered(g, "Session-Expires: 8")
	if got := r.request("INVITE", r.offer("a=sendonly")); !strings.Contains(got, "\r\nSession-Expires: 8;refresher=uas\r\n") {
		t.Errorf("the hold got\n%s", got)
	}
	refresh := r.await("INVITE ", "")
	if !strings.Contains(refresh, "a=recvonly\r\n") {
		t.Errorf("the refresh ends the hold:\n%s", refresh)
	}
	r.reply(refresh, "200 OK", nil, r.offer("a=sendonly"))
	r.await("ACK ", "")
	close(s.done)
}

func TestSessionWishIsRaisedByA422(t *testing.T) {
	g := start(t, nil)
	req := parseRequest(t, "INVITE sip:x@y SIP/2.0", "CSeq: 1 INVITE")
	w := g.sessionWish()
	w.add(req)
	if got := header(req, "Session-Expires", "x"); got != "1800" {
		t.Errorf("we ask for %q", got)
	}
	refused := func(least string) bool {
		return w.raise(parseResponse(t, "SIP/2.0 422 Session Interval Too Small", "CSeq: 1 INVITE", "Min-SE: "+least))
	}
	if !refused("1900") || w.interval != 1900*time.Second || w.minimum != 1900*time.Second {
		t.Errorf("raised to %+v", w)
	}
	// The same again, nonsense, or a week would have us ask for ever.
	for _, least := range []string{"1900", "90", "x", "604800"} {
		if refused(least) {
			t.Errorf("%s raised to %+v", least, w)
		}
	}
}
