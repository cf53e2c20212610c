package sipgw

import (
	"strings"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
)

// What is asked within a call that is not answered yet.

// earlyRequests are answered alike whoever called.
var earlyRequests = []struct {
	name, method, body, status string
	headers                    []string
	want                       string // in the response
}{
	{"is the call there", "OPTIONS", "", "200", nil, "\r\nAllow: INVITE, "},
	{"a refresh", "UPDATE", "", "200", nil, "\r\nContact: <sip:"},
	{"a refresh that asks for a session timer", "UPDATE", "", "200", []string{"Supported: timer", "Session-Expires: 1800;refresher=uac"}, "\r\nSession-Expires: 1800;refresher=uac\r\n"},
	{"too short a session", "UPDATE", "", "422", []string{"Supported: timer", "Session-Expires: 30"}, "\r\nMin-SE: 90\r\n"},
	{"a foreign body", "UPDATE", "hello", "415", []string{"Content-Type: text/plain"}, ""},
	{"what is no description", "UPDATE", "hello", "400", nil, ""},
	{"a notice without a body", "INFO", "", "200", nil, ""},
	{"a foreign body", "INFO", "hello", "415", []string{"Content-Type: text/plain"}, ""},
	{"a reliable provisional response", "PRACK", "", "481", nil, ""},
	{"an event that was not asked for", "NOTIFY", "", "481", []string{"Event: dialog"}, ""},
	{"a transfer", "REFER", "", "491", []string{"Refer-To: <sip:1@gw>"}, ""},
	{"a text message", "MESSAGE", "hello", "405", []string{"Content-Type: text/plain"}, "\r\nAllow: INVITE, "},
	{"a method that nobody knows", "DANCE", "", "501", nil, "\r\nAllow: INVITE, "},
	{"an extension", "UPDATE", "", "420", []string{"Require: x"}, "\r\nUnsupported: x\r\n"},
}

func (r *raw) wantEarly(t *testing.T) {
	t.Helper()
	for _, row := range earlyRequests {
		got := r.request(row.method, row.body, row.headers...)
		if !strings.HasPrefix(got, "SIP/2.0 "+row.status) || !strings.Contains(got, row.want) {
			t.Errorf("%s in %s: got %s", row.name, row.method, got)
		}
	}
}

// rings has r, which is called, ring in the dialog that its requests name.
func (r *raw) rings(invite, status, body string) {
	r.t.Helper()
	r.callID, r.toTag = field(invite, "Call-ID"), tagOf(invite, "From")
	r.says(invite, status, "eve", body)
}

// says responds to an INVITE with a tag.
func (r *raw) says(invite, status, tag, body string) {
	r.t.Helper()
	r.reply(strings.Replace(invite, "\r\nTo: <sip:1001@"+r.conn.LocalAddr().String()+">", "\r\nTo: <sip:1001@x>;tag="+tag, 1), status, nil, body)
}

// coded is a description of one encoding.
func (r *raw) coded(payloadType, port string, attributes ...string) string {
	return strings.Join(append([]string{
		"v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", "m=audio " + port + " RTP/AVP " + payloadType,
	}, attributes...), "\r\n") + "\r\n"
}

func TestCallerAsksBeforeTheAnswer(t *testing.T) {
	g := start(t, nil)
	g.trust()
	r := newRaw(t, g, "127.0.0.1")
	s := r.invite(g, r.offer(), "Supported: timer", "Session-Expires: 1800")
	s.Leg.Ring()
	r.await("SIP/2.0 180", "INVITE")
	r.wantEarly(t)
	if got := r.request("INFO", "Signal=4\r\n", "Content-Type: application/dtmf-relay"); !strings.HasPrefix(got, "SIP/2.0 200") {
		t.Errorf("INFO got %s", got)
	}
	if got := expect[call.Digit](t, s); got.Digit != '4' {
		t.Errorf("digit %q", got.Digit)
	}
	// The offer of the INVITE has no answer yet (RFC 3261 §14.2, RFC 3311 §5.2).
	for _, method := range []string{"UPDATE", "INVITE"} {
		if got := r.request(method, r.offer()); !strings.HasPrefix(got, "SIP/2.0 500") || field(got, "Retry-After") == "" {
			t.Errorf("%s got %s", method, got)
		}
	}
	if err := s.Leg.Answer(); err != nil {
		t.Fatal(err)
	}
	if ok := r.await("SIP/2.0 200", " INVITE\r\n"); !strings.Contains(field(ok, "Session-Expires"), "1800") || !strings.Contains(ok, "RTP/AVP 8 ") {
		t.Errorf("answered with %s", ok)
	}
	close(s.done)
}

func TestCallerOffersAnewAfterItHeardTheNetwork(t *testing.T) {
	g := start(t, nil)
	r, other := newRaw(t, g, "127.0.0.1"), newRaw(t, g, "127.0.0.1")
	s := r.invite(g, r.offer(), "Supported: timer", "Session-Expires: 1800")
	if err := s.Leg.Progress(); err != nil {
		t.Fatal(err)
	}
	r.await("SIP/2.0 183", "RTP/AVP 8 ")
	if got := r.request("INVITE", r.offer()); !strings.HasPrefix(got, "SIP/2.0 500") {
		t.Errorf("INVITE got %s", got)
	}
	got := r.request("UPDATE", r.coded("18", "4000"))
	if !strings.HasPrefix(got, "SIP/2.0 488") {
		t.Errorf("what we do not speak got %s", got)
	}
	got = r.request("UPDATE", r.coded("0", itoa(port(other.rtp))))
	if !strings.HasPrefix(got, "SIP/2.0 200") || !strings.Contains(got, "RTP/AVP 0\r\n") {
		t.Fatalf("UPDATE got %s", got)
	}
	expect[call.CodecChanged](t, s)
	if codec := s.Leg.Codec(); codec != media.PCMU {
		t.Errorf("codec %v", codec)
	}
	s.Leg.WritePacket(&media.Packet{Codec: media.PCMU, Payload: make([]byte, 160)})
	_ = other.rtp.SetReadDeadline(time.Now().Add(patience))
	if n, err := other.rtp.Read(make([]byte, 2000)); err != nil || n != 172 {
		t.Errorf("%d bytes of sound, %v", n, err)
	}
	// The 200 repeats the newest answer, whatever the peer makes of it.
	if got = r.request("UPDATE", r.coded("0", itoa(port(other.rtp)), "a=sendonly")); !strings.Contains(got, "a=recvonly\r\n") {
		t.Errorf("UPDATE got %s", got)
	}
	_, answer, _ := strings.Cut(got, "\r\n\r\n")
	if err := s.Leg.Answer(); err != nil {
		t.Fatal(err)
	}
	ok := r.await("SIP/2.0 200", " INVITE\r\n")
	if !strings.HasSuffix(ok, "\r\n\r\n"+answer) {
		t.Errorf("answered with %s\nnot %s", ok, answer)
	}
	// No UPDATE asked for another session timer.
	if asked := field(ok, "Session-Expires"); !strings.HasPrefix(asked, "1800;") {
		t.Errorf("session interval %q", asked)
	}
	r.send(r.message("ACK", "ack1", 1, nil, ""))
	if !expect[call.Held](t, s).On {
		t.Error("not held")
	}
	close(s.done)
}

func TestCallerWithoutAnOfferCannotOfferBeforeOurs(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	s := r.invite(g, "")
	s.Leg.Ring()
	r.await("SIP/2.0 180", "INVITE")
	if got := r.request("UPDATE", r.offer()); !strings.HasPrefix(got, "SIP/2.0 491") {
		t.Errorf("UPDATE got %s", got)
	}
	close(s.done)
}

func TestTelephoneThatRingsAsks(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	s, invite := r.ring(g)
	r.rings(invite, "180 Ringing", "")
	expect[call.Ringing](t, s)
	r.wantEarly(t)
	if got := r.request("INFO", "Signal=4\r\n", "Content-Type: application/dtmf-relay"); !strings.HasPrefix(got, "SIP/2.0 200") {
		t.Errorf("INFO got %s", got)
	}
	// Our INVITE and its offer are under way.
	for _, method := range []string{"UPDATE", "INVITE"} {
		if got := r.request(method, r.offer()); !strings.HasPrefix(got, "SIP/2.0 491") {
			t.Errorf("%s got %s", method, got)
		}
	}
	r.send(r.message("UPDATE", "old", 2, nil, ""))
	r.await("SIP/2.0 500", "CSeq: 2 UPDATE")
	if got := r.request("BYE", ""); !strings.HasPrefix(got, "SIP/2.0 200") {
		t.Errorf("BYE got %s", got)
	}
	r.says(invite, "200 OK", "eve", r.offer())
	expect[call.Answered](t, s)
	r.await("ACK ", "")
	if got := r.request("UPDATE", r.offer("a=sendonly")); !strings.Contains(got, "a=recvonly\r\n") {
		t.Errorf("UPDATE got %s", got)
	}
	select {
	case e := <-s.events:
		if _, held := e.(call.Held); !held {
			t.Errorf("told %+v", e)
		}
	case <-time.After(patience):
		t.Error("no hold was told")
	}
}

func TestOnlyWhoRingsIsInADialog(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	s, invite := r.ring(g)
	r.rings(invite, "180 Ringing", "")
	refused := func(what string) {
		t.Helper()
		for _, method := range []string{"INVITE", "UPDATE", "BYE", "INFO", "OPTIONS", "REFER", "MESSAGE"} {
			if got := r.request(method, ""); !strings.HasPrefix(got, "SIP/2.0 481") {
				t.Errorf("%s: %s got %s", what, method, got)
			}
		}
	}
	expect[call.Ringing](t, s)
	ours, call := r.toTag, r.callID
	r.toTag = "nobody"
	refused("another tag of ours")
	r.toTag, r.callID = ours, "nothing@raw"
	refused("another call")
	r.callID = call
	// Another telephone answers: the one that rang is in no dialog any more.
	r.says(invite, "200 OK", "other", r.offer())
	r.await("ACK ", "")
	refused("after the answer of another")
}

func TestStrangerToACallThatRingsIsRefused(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	_, invite := r.ring(g)
	r.callID, r.toTag = field(invite, "Call-ID"), tagOf(invite, "From")
	// The 180 of this telephone never comes.
	if got := r.request("UPDATE", ""); !strings.HasPrefix(got, "SIP/2.0 481") {
		t.Errorf("UPDATE got %s", got)
	}
}

func TestRequestOvertakesTheRinging(t *testing.T) {
	g := start(t, func(c *Config) { c.Timers.T1 = patience }) // it waits for half of that
	r := newRaw(t, g, "127.0.0.1")
	s, invite := r.ring(g)
	r.callID, r.toTag = field(invite, "Call-ID"), tagOf(invite, "From")
	r.send(r.message("OPTIONS", "early", 2, nil, ""))
	r.says(invite, "180 Ringing", "eve", "")
	r.await("SIP/2.0 200", "OPTIONS")
	r.send(r.message("INFO", "late", 3, nil, ""))
	r.says(invite, "200 OK", "eve", r.offer())
	r.await("SIP/2.0 200", "INFO")
	expect[call.Answered](t, s)
}

func TestTelephoneThatRingsOffersAnew(t *testing.T) {
	rows := []struct {
		name   string
		tag    string // of who answers
		answer func(r *raw) string
		want   media.Codec
		port   bool // the sound goes to the port of the UPDATE
	}{
		{"the answer repeats what was said first", "eve", func(r *raw) string { return r.coded("8", "4002") }, media.PCMU, true},
		{"the answer says nothing", "eve", func(*raw) string { return "" }, media.PCMU, true},
		{"the answer repeats the offer", "eve", func(r *raw) string { return r.coded("0", itoa(port(r.rtp))) }, media.PCMU, true},
		{"the answer cannot be used", "eve", func(r *raw) string { return r.coded("8", "4004") }, media.PCMU, true},
		{"another telephone answers", "other", func(r *raw) string { return r.coded("9", itoa(port(r.rtp))) }, media.G722, true},
		{"the answer names another port", "eve", func(r *raw) string { return r.coded("0", "4006") }, media.PCMU, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			g := start(t, nil)
			r := newRaw(t, g, "127.0.0.1")
			s, invite := r.ring(g)
			r.rings(invite, "183 Session Progress", r.coded("8", "4002"))
			if !expect[call.Ringing](t, s).Early {
				t.Error("not early")
			}
			if got := r.request("UPDATE", r.coded("18", "4000")); !strings.HasPrefix(got, "SIP/2.0 488") {
				t.Errorf("what we do not speak got %s", got)
			}
			got := r.request("UPDATE", r.coded("0", itoa(port(r.rtp))))
			if !strings.HasPrefix(got, "SIP/2.0 200") || !strings.Contains(got, "RTP/AVP 0\r\n") || !strings.Contains(got, " 2 IN IP4 ") {
				t.Fatalf("UPDATE got %s", got)
			}
			r.says(invite, "200 OK", row.tag, row.answer(r))
			r.await("ACK ", "")
			l := expect[call.Answered](t, s).Leg.(*called)
			if codec := l.Codec(); codec != row.want {
				t.Errorf("codec %v, want %v", codec, row.want)
			}
			l.mu.Lock()
			remote := l.agreed.Remote.Port()
			l.mu.Unlock()
			if (int(remote) == port(r.rtp)) != row.port {
				t.Errorf("the sound goes to port %d", remote)
			}
		})
	}
}
