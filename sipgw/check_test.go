package sipgw

import (
	"strings"
	"testing"

	"github.com/carillon-cc/carillon/call"
)

func TestRequestsWithinACallThatCannotBeDone(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, r.offer())
	rows := []struct {
		name, method, body, status string
		headers                    []string
		want                       string // in the response
	}{
		{"is the call there", "OPTIONS", "", "200", nil, "\r\nAllow: INVITE, "},
		{"a text message", "MESSAGE", "hello", "405", []string{"Content-Type: text/plain"}, "\r\nAllow: INVITE, "},
		{"a method that nobody knows", "DANCE", "", "501", nil, "\r\nAllow: INVITE, "},
		{"a reliable provisional response", "PRACK", "", "481", nil, ""},
		{"a subscription", "SUBSCRIBE", "", "489", []string{"Event: message-summary", "Expires: 60"}, "\r\nAllow-Events: refer\r\n"},
		{"an event that was not asked for", "NOTIFY", "", "481", []string{"Event: dialog"}, ""},
		{"an extension", "INVITE", r.offer(), "420", []string{"Require: 100rel, timer", "Require: x"}, "\r\nUnsupported: 100rel, x\r\n"},
		{"an extension", "UPDATE", "", "420", []string{"Require: x"}, "\r\nUnsupported: x\r\n"},
		{"an extension", "INFO", "5", "420", []string{"Require: x", "Content-Type: application/dtmf"}, "\r\nUnsupported: x\r\n"},
		{"an extension", "OPTIONS", "", "420", []string{"Require: x"}, "\r\nUnsupported: x\r\n"},
		{"an extension", "REFER", "", "420", []string{"Require: x", "Refer-To: <sip:1@gw>"}, "\r\nUnsupported: x\r\n"},
		{"an extension", "BYE", "", "420", []string{"Require: x"}, "\r\nUnsupported: x\r\n"},
		{"an extension", "DANCE", "", "420", []string{"Require: x"}, "\r\nUnsupported: x\r\n"},
		{"a foreign body", "INVITE", "hello", "415", []string{"Content-Type: text/plain"}, "\r\nAccept: application/sdp\r\n"},
		{"a foreign body that may be passed over", "UPDATE", "hello", "200", []string{"Content-Type: text/plain", "Content-Disposition: render;handling=optional"}, ""},
		{"a foreign body", "INFO", "hello", "415", []string{"Content-Type: text/plain"}, ""},
		{"a compressed body", "INVITE", r.offer(), "415", []string{"Content-Type: application/sdp", "Content-Encoding: gzip"}, "\r\nAccept-Encoding: identity\r\n"},
		{"a compressed body", "INFO", "5", "415", []string{"Content-Type: application/dtmf", "e: deflate"}, "\r\nAccept-Encoding: identity\r\n"},
		{"a body that is not encoded", "INFO", "5", "200", []string{"Content-Type: application/dtmf", "Content-Encoding: identity"}, ""},
		{"a huge body", "UPDATE", strings.Repeat("a=x\r\n", 5000), "413", []string{"Content-Type: application/sdp"}, ""},
		{"a huge body", "INFO", strings.Repeat(" ", 20000), "413", []string{"Content-Type: application/dtmf"}, ""},
	}
	for _, row := range rows {
		got := r.request(row.method, row.body, row.headers...)
		if !strings.HasPrefix(got, "SIP/2.0 "+row.status) || !strings.Contains(got, row.want) {
			t.Errorf("%s in %s: got %s", row.name, row.method, got)
		}
	}
	// The call stands all the while, and ACK and CANCEL are taken whatever they require.
	g.Drain()
	if got := r.request("OPTIONS", ""); !strings.HasPrefix(got, "SIP/2.0 200") {
		t.Errorf("OPTIONS got %s", got)
	}
	if got := r.request("BYE", ""); !strings.HasPrefix(got, "SIP/2.0 200") {
		t.Errorf("BYE got %s", got)
	}
	s.gone(t)
}

func TestAckAndCancelAreTakenWhateverTheyRequire(t *testing.T) {
	g := start(t, fast)
	r := newRaw(t, g, "127.0.0.1")
	s := r.invite(g, r.offer())
	if err := s.Leg.Answer(); err != nil {
		t.Fatal(err)
	}
	r.await("SIP/2.0 200", "INVITE")
	r.send(r.message("ACK", "ack1", 1, []string{"Require: x"}, ""))
	l := s.Leg.(*caller)
	eventually(t, "the ACK is taken", func() bool { l.mu.Lock(); defer l.mu.Unlock(); return !l.unacked })
	close(s.done)
	r = newRaw(t, g, "127.0.0.1")
	s = r.invite(g, r.offer())
	r.send(r.message("CANCEL", "first", 1, []string{"Require: x"}, ""))
	r.await("SIP/2.0 200", "CANCEL")
	if got := s.gone(t); got.Reason != call.ReasonCancelled {
		t.Errorf("gone by %v", got)
	}
}
