package sipgw

import (
	"strings"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/sipgw/dialog"
)

// replaces names the call of r as a Replaces header does.
func (r *raw) replaces() string {
	return "Replaces: " + r.callID + ";to-tag=" + r.toTag + ";from-tag=eve"
}

func TestTelephoneTakesTheCallOfAnother(t *testing.T) {
	g := start(t, fast)
	g.trust()
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, r.offer())
	by := newRaw(t, g, "127.0.0.1")
	by.send(by.message("INVITE", "first", 1, []string{r.replaces(), "Require: replaces"}, by.offer()))
	ok := by.await("SIP/2.0 200", "INVITE")
	if !strings.Contains(field(ok, "Supported"), "replaces") {
		t.Errorf("no replaces in\n%s", ok)
	}
	by.send(by.message("ACK", "ack1", 1, nil, ""))
	e := expect[call.Replaced](t, s)
	if e.Leg != call.Leg(s.Leg) {
		t.Errorf("told %+v", e)
	}
	// The old telephone stays until the call has the new one.
	r.silent(100*time.Millisecond, "BYE ")
	gone := make(chan call.Cause, 1)
	e.By.Listen(call.Listener{Events: func(e call.Event) {
		if g, ok := e.(call.Gone); ok {
			gone <- g.Cause
		}
	}})
	bye := r.await("BYE ", "")
	r.reply(bye, "200 OK", nil, "")
	if got := by.request("BYE", "", `Reason: Q.850;cause=31`); !strings.HasPrefix(got, "SIP/2.0 200") {
		t.Errorf("BYE got %s", got)
	}
	select {
	case cause := <-gone:
		if cause.Reason != call.ReasonHangup || cause.Q850 != 31 {
			t.Errorf("gone by %+v", cause)
		}
	case <-time.After(patience):
		t.Error("the new telephone's end was not told")
	}
	close(s.done)
	eventually(t, "nothing is left", func() bool { n := g.Stats(); return n.Calls == 0 && n.RTPPorts == 0 })
}

func TestReplacementThatCannotBe(t *testing.T) {
	g := start(t, fast)
	g.trust()
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, r.offer())
	ringing := newRaw(t, g, "127.0.0.1")
	s2 := ringing.invite(g, ringing.offer())
	s2.Leg.Ring()
	ringing.await("SIP/2.0 180", "INVITE")
	rows := []struct {
		name, status string
		headers      []string
	}{
		{"an unknown call", "481", []string{"Replaces: nothing;to-tag=a;from-tag=b"}},
		{"tags the wrong way round", "481", []string{"Replaces: " + r.callID + ";from-tag=" + r.toTag + ";to-tag=eve"}},
		{"only an early call", "486", []string{r.replaces() + ";early-only"}},
		{"a call that has not been answered by us", "481", []string{ringing.replaces()}},
		{"no tags", "400", []string{"Replaces: " + r.callID}},
		{"two calls", "400", []string{r.replaces(), r.replaces()}},
	}
	for _, row := range rows {
		by := newRaw(t, g, "127.0.0.1")
		by.send(by.message("INVITE", "first", 1, row.headers, by.offer()))
		by.await("SIP/2.0 "+row.status, "INVITE")
		by.send(by.message("ACK", "first", 1, nil, ""))
	}
	g.SetTrunks(nil)
	by := newRaw(t, g, "127.0.0.1")
	by.send(by.message("INVITE", "first", 1, []string{r.replaces()}, by.offer()))
	by.await("SIP/2.0 403", "INVITE")
	by.send(by.message("ACK", "first", 1, nil, ""))
	r.silent(100*time.Millisecond, "BYE ")
	close(s.done)
	close(s2.done)
}

func TestTelephoneThatTakesOverMayCancel(t *testing.T) {
	g := start(t, fast)
	g.trust()
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, r.offer())
	by := newRaw(t, g, "127.0.0.1")
	by.send(by.message("INVITE", "first", 1, []string{r.replaces()}, by.offer()))
	by.await("SIP/2.0 200", "INVITE")
	by.send(by.message("ACK", "ack1", 1, nil, ""))
	// The call does not listen to it; it hangs up again, and the old one stays.
	if got := by.request("BYE", ""); !strings.HasPrefix(got, "SIP/2.0 200") {
		t.Errorf("BYE got %s", got)
	}
	r.silent(100*time.Millisecond, "BYE ")
	eventually(t, "only the old one is left", func() bool { return g.Stats().Calls == 1 })
	close(s.done)
}

func TestReplacesIsRead(t *testing.T) {
	rows := []struct {
		value string
		want  replacement
		ok    bool
	}{
		{"a@b;to-tag=1;from-tag=2", replacement{id: dialog.ID{CallID: "a@b", LocalTag: "1", RemoteTag: "2"}}, true},
		{" a ; From-Tag = 2 ; to-tag= 1 ;early-only;x=y", replacement{id: dialog.ID{CallID: "a", LocalTag: "1", RemoteTag: "2"}, earlyOnly: true}, true},
		{"a;to-tag=1;from-tag=0", replacement{id: dialog.ID{CallID: "a", LocalTag: "1", RemoteTag: ""}}, true},
		{"a;from-tag=2", replacement{}, false},
		{";to-tag=1;from-tag=2", replacement{}, false},
		{"", replacement{}, false},
	}
	for _, row := range rows {
		if got, ok := parseReplaces(row.value); ok != row.ok || ok && got != row.want {
			t.Errorf("%q: %+v, %v", row.value, got, ok)
		}
	}
}
