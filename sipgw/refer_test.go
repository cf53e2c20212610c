package sipgw

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/call"
)

// refer sends a REFER and returns its response.
func (r *raw) refer(to string, headers ...string) string {
	r.t.Helper()
	return r.request("REFER", "", append([]string{"Refer-To: " + to}, headers...)...)
}

func TestTransferIsAskedForAndItsOutcomeTold(t *testing.T) {
	rows := []struct {
		to, want string
		status   int
		line     string
	}{
		{"<sip:+33155@gw;user=phone>", "+33155", 200, "SIP/2.0 200 OK"},
		{"<sip:0155@gw?Subject=a%20b>;x=y", "0155", 486, "SIP/2.0 486 Busy Here"},
		{"sip:1001@gw", "1001", 603, "SIP/2.0 603 Decline"},
		{`"A" <tel:+33-1-55>`, "+33155", 408, "SIP/2.0 408 Request Timeout"},
		{"<sip:10%0D%0AX-Evil:%201@gw;method=INVITE>", "10X-Evil", 500, "SIP/2.0 500 Server Internal Error"},
	}
	g := start(t, fast)
	g.trust()
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, r.offer())
	for i, row := range rows {
		got := r.refer(row.to)
		if !strings.HasPrefix(got, "SIP/2.0 202") || !strings.Contains(got, "\r\nContact: <") {
			t.Fatalf("%s got\n%s", row.to, got)
		}
		e := expect[call.Refer](t, s)
		if e.To != row.want || e.Leg != call.Leg(s.Leg) || e.Replaces != nil {
			t.Errorf("%s: asked for %+v", row.to, e)
		}
		// The later ones say which they belong to (RFC 3515 §2.4.6).
		event := "refer"
		if i > 0 {
			event = fmt.Sprintf("refer;id=%d", r.seq)
		}
		trying := r.await("NOTIFY ", "SIP/2.0 100 Trying\r\n")
		if field(trying, "Event") != event || field(trying, "Subscription-State") != "active;expires=180" ||
			field(trying, "Content-Type") != "message/sipfrag;version=2.0" || field(trying, "Contact") == "" {
			t.Errorf("%s: told\n%s", row.to, trying)
		}
		if second := r.refer("<sip:1@gw>"); !strings.HasPrefix(second, "SIP/2.0 491") {
			t.Errorf("a second transfer meanwhile got %s", second)
		}
		// However soon the outcome is known, the peer hears of it second.
		e.Report(row.status)
		e.Report(200)
		r.reply(trying, "200 OK", nil, "")
		final := r.await("NOTIFY ", row.line+"\r\n")
		if field(final, "Event") != event || field(final, "Subscription-State") != "terminated;reason=noresource" || seq(final) <= seq(trying) {
			t.Errorf("%s: told\n%s", row.to, final)
		}
		r.reply(final, "200 OK", nil, "")
		eventually(t, "the transfer is over", func() bool {
			l := s.Leg.(*caller)
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.referral == nil
		})
	}
	close(s.done)
}

func TestTransferThatCannotBeFollowedIsRefused(t *testing.T) {
	g := start(t, fast)
	g.trust()
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, r.offer())
	rows := map[string]string{
		"<http://example.org/>":       "416",
		"<mailto:eve@example.org>":    "416",
		"<sip:1001@gw;method=BYE>":    "403",
		"<sip:gw>":                    "400",
		"<sip:1001@gw?Replaces=x%zz>": "400",
		"<sip:1001@gw?Replaces=nothing%3Bto-tag%3Da%3Bfrom-tag%3Db>": "404",
	}
	for to, status := range rows {
		if got := r.refer(to); !strings.HasPrefix(got, "SIP/2.0 "+status) {
			t.Errorf("%s got %s", to, got)
		}
	}
	for name, headers := range map[string][]string{"none": nil, "two": {"Refer-To: <sip:1@gw>", "Refer-To: <sip:2@gw>"}} {
		if got := r.request("REFER", "", headers...); !strings.HasPrefix(got, "SIP/2.0 400") {
			t.Errorf("%s: got %s", name, got)
		}
	}
	// A call with itself would be the same call on both ends.
	own := fmt.Sprintf("<sip:1001@gw?Replaces=%s%%3Bto-tag%%3D%s%%3Bfrom-tag%%3Deve>", strings.Replace(r.callID, "@", "%40", 1), r.toTag)
	if got := r.refer(own); !strings.HasPrefix(got, "SIP/2.0 404") {
		t.Errorf("its own call got %s", got)
	}
	close(s.done)
	select {
	case e := <-s.events:
		t.Errorf("told %+v", e)
	default:
	}
	g.SetTrunks(nil)
	r = newRaw(t, g, "127.0.0.1")
	s, _ = r.talk(g, r.offer())
	if got := r.refer("<sip:1001@gw>"); !strings.HasPrefix(got, "SIP/2.0 403") {
		t.Errorf("a stranger's transfer got %s", got)
	}
	close(s.done)
}

func TestTransferWhoseOutcomeNobodyWantsToKnow(t *testing.T) {
	t.Parallel()
	g := start(t, fast)
	g.trust()
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, r.offer())
	if got := r.refer("<sip:1001@gw>", "Refer-Sub: false"); !strings.HasPrefix(got, "SIP/2.0 200") || field(got, "Refer-Sub") != "false" {
		t.Errorf("got %s", got)
	}
	expect[call.Refer](t, s).Report(200)
	r.silent(200*time.Millisecond, "NOTIFY ")
	close(s.done)
}

func TestOutcomeOfATransferComesBeforeTheBye(t *testing.T) {
	g := start(t, nil)
	g.trust()
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, r.offer())
	r.refer("<sip:1001@gw>")
	trying := r.await("NOTIFY ", "100 Trying")
	expect[call.Refer](t, s).Report(200)
	s.Leg.Hangup(call.Cause{By: call.BySystem, Reason: call.ReasonTransferred})
	r.reply(trying, "200 OK", nil, "")
	var text string
	for text = r.await("", ""); !strings.HasPrefix(text, "NOTIFY ") && !strings.HasPrefix(text, "BYE "); text = r.await("", "") {
	}
	if !strings.Contains(text, "SIP/2.0 200 OK") {
		t.Fatalf("first came\n%s", text)
	}
	r.reply(text, "200 OK", nil, "")
	bye := r.await("BYE ", "")
	r.reply(bye, "200 OK", nil, "")
	close(s.done)
}

func TestAttendedTransferNamesTheOtherCall(t *testing.T) {
	g := start(t, fast)
	g.trust()
	first := newRaw(t, g, "127.0.0.1")
	s1, _ := first.talk(g, first.offer())
	second := newRaw(t, g, "127.0.0.1")
	s2, _ := second.talk(g, second.offer())
	to := fmt.Sprintf("<sip:1001@gw?Replaces=%s%%3Bfrom-tag%%3Deve%%3Bto-tag%%3D%s>", strings.Replace(second.callID, "@", "%40", 1), second.toTag)
	if got := first.refer(to); !strings.HasPrefix(got, "SIP/2.0 202") {
		t.Fatalf("got %s", got)
	}
	if e := expect[call.Refer](t, s1); e.Replaces != call.Leg(s2.Leg) {
		t.Errorf("asked for %+v", e)
	}
	close(s1.done)
	close(s2.done)
}
