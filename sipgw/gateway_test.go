package sipgw

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
)

// fast are timers for tests that wait for something to be repeated. Whoever does not
// answer is given up after 64*T1, 6.4 s: a machine may stand still for a second.
func fast(c *Config) {
	c.Timers = Timers{T1: 100 * time.Millisecond, T2: 400 * time.Millisecond, Farewell: 200 * time.Millisecond}
}

func TestCallIsAnsweredAndHungUpByTheCaller(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	s, ok := r.talk(g, r.offer())
	if s.From != "+33123456789" || s.FromName != "Eve" || s.To != "1000" || s.Anonymous || s.Codec != media.PCMA {
		t.Errorf("incoming is %+v", s.Incoming)
	}
	for _, want := range []string{"Contact: <sip:1000@" + g.Addr().String() + ">", "m=audio ", "RTP/AVP 8 101\r\n", "a=sendrecv\r\n", "Allow: "} {
		if !strings.Contains(ok, want) {
			t.Errorf("the 200 lacks %q:\n%s", want, ok)
		}
	}
	if got := r.request("BYE", ""); !strings.HasPrefix(got, "SIP/2.0 200") {
		t.Errorf("BYE got %s", got)
	}
	if got := s.gone(t); got != (call.Cause{By: call.ByCaller, Reason: call.ReasonHangup}) {
		t.Errorf("gone by %v", got)
	}
	if got := r.request("BYE", ""); !strings.HasPrefix(got, "SIP/2.0 481") {
		t.Errorf("a second BYE got %s", got)
	}
}

func TestHangupSendsByeFromTheListeningPort(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, r.offer())
	eventually(t, "the ACK is taken", func() bool { l := s.Leg.(*caller); l.mu.Lock(); defer l.mu.Unlock(); return !l.unacked })
	s.Leg.Hangup(call.Cause{By: call.BySystem, Reason: call.ReasonPlanEnd})
	s.Leg.Hangup(call.Cause{By: call.BySystem, Reason: call.ReasonPlanEnd})
	buffer := make([]byte, 4096)
	_ = r.conn.SetReadDeadline(time.Now().Add(patience))
	for {
		n, from, err := r.conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			t.Fatal("no BYE came")
		}
		text := string(buffer[:n])
		if !strings.HasPrefix(text, "BYE ") || !strings.Contains(text, r.callID) {
			continue
		}
		if from.Port() != g.Addr().Port() {
			t.Errorf("the BYE left from %v, we listen on %v", from, g.Addr())
		}
		break
	}
	close(s.done)
}

func TestRefusalHasTheStatusOfItsReason(t *testing.T) {
	rows := map[call.Reason]string{
		call.ReasonAnonymous:     "SIP/2.0 433 ",
		call.ReasonPlanEnd:       "SIP/2.0 480 ",
		call.ReasonUnknownNumber: "SIP/2.0 404 ",
		call.ReasonBusy:          "SIP/2.0 503 ",
		"somethingNew":           "SIP/2.0 500 ",
	}
	g := start(t, nil)
	for reason, want := range rows {
		r := newRaw(t, g, "127.0.0.1")
		s := r.invite(g, r.offer())
		s.Leg.Refuse(call.Cause{By: call.BySystem, Reason: reason})
		got := r.await(want, "INVITE")
		if reason == call.ReasonBusy && !strings.Contains(got, "Retry-After: ") {
			t.Errorf("busy without Retry-After:\n%s", got)
		}
		r.send(r.message("ACK", "first", r.seq, nil, ""))
		close(s.done)
	}
}

func TestCancelEndsAnUnansweredCall(t *testing.T) {
	for _, ring := range []bool{false, true} {
		g := start(t, nil)
		r := newRaw(t, g, "127.0.0.1")
		s := r.invite(g, r.offer())
		if ring {
			s.Leg.Ring()
			r.await("SIP/2.0 180", "INVITE")
			r.toTag = ""
		}
		r.send(r.message("CANCEL", "first", r.seq, nil, ""))
		r.await("SIP/2.0 200", "CANCEL")
		r.await("SIP/2.0 487", "INVITE")
		r.send(r.message("ACK", "first", r.seq, nil, ""))
		if got := s.gone(t); got != (call.Cause{By: call.ByCaller, Reason: call.ReasonCancelled}) {
			t.Errorf("gone by %v", got)
		}
		if err := s.Leg.Answer(); err == nil {
			t.Error("a cancelled call was answered")
		}
	}
}

func TestCancelThatOvertakesItsInvite(t *testing.T) {
	g := start(t, func(c *Config) { c.Timers.T1 = patience }) // it waits for half of that
	r := newRaw(t, g, "127.0.0.1")
	invite := r.message("INVITE", "first", r.seq, nil, r.offer())
	r.send(r.message("CANCEL", "first", r.seq, nil, ""))
	eventually(t, "the CANCEL waits", func() bool { g.mu.Lock(); defer g.mu.Unlock(); return len(g.hasty) == 1 })
	r.send(invite)
	r.await("SIP/2.0 200", "CANCEL")
	r.await("SIP/2.0 487", "INVITE")
	r.send(r.message("ACK", "first", r.seq, nil, ""))
	if got := g.next(t).gone(t); got.Reason != call.ReasonCancelled || got.By != call.ByCaller {
		t.Errorf("gone by %v", got)
	}
	eventually(t, "nothing waits", func() bool { g.mu.Lock(); defer g.mu.Unlock(); return len(g.hasty) == 0 })
}

func TestCancelThatCrossesTheAnswerNeverGivesBoth(t *testing.T) {
	g := start(t, nil)
	for range 30 {
		r := newRaw(t, g, "127.0.0.1")
		s := r.invite(g, r.offer())
		answered := make(chan error, 1)
		go func() { answered <- s.Leg.Answer() }()
		r.send(r.message("CANCEL", "first", r.seq, nil, ""))
		err := <-answered
		if err != nil {
			r.await("SIP/2.0 487", "INVITE")
			// The 487 is repeated, since no ACK comes, and must stay one.
			if text := r.read(700 * time.Millisecond); strings.HasPrefix(text, "SIP/2.0 200") && strings.Contains(text, "INVITE") {
				t.Fatal("a cancelled call got a 200")
			}
			s.gone(t)
			return // one of them is enough
		}
		r.await("SIP/2.0 200", "INVITE")
		r.send(r.message("ACK", "ack1", r.seq, nil, ""))
		r.request("BYE", "")
		s.gone(t)
	}
}

func TestAnswerIsRepeatedUntilTheAck(t *testing.T) {
	g := start(t, fast)
	r := newRaw(t, g, "127.0.0.1")
	s := r.invite(g, r.offer())
	if err := s.Leg.Answer(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		r.await("SIP/2.0 200", "INVITE")
	}
	// An INFO between the 200 and the ACK must not spoil the match.
	r.request("INFO", "Signal=1\r\n", "Content-Type: application/dtmf-relay")
	r.send(r.message("ACK", "ack1", 1, nil, ""))
	eventually(t, "the ACK is taken", func() bool { l := s.Leg.(*caller); l.mu.Lock(); defer l.mu.Unlock(); return !l.unacked })
	r.flush() // what was on its way
	r.silent(2*g.cfg.Timers.T2, "200 OK")
	close(s.done)
}

func TestNoAckEndsTheCallOnlyWithoutSound(t *testing.T) {
	t.Parallel()
	for name, sound := range map[string]bool{"silence": false, "sound": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := start(t, fast)
			r := newRaw(t, g, "127.0.0.1")
			s := r.invite(g, r.offer())
			if err := s.Leg.Answer(); err != nil {
				t.Fatal(err)
			}
			ok := r.await("SIP/2.0 200", "INVITE")
			if !sound {
				if got := s.gone(t); got.Reason != call.ReasonNoAck {
					t.Errorf("gone by %v", got)
				}
				r.await("BYE ", "")
				return
			}
			for i := range 5 {
				sendRTP(t, r.rtp, mediaPort(t, ok), media.Header{PayloadType: 8, Sequence: uint16(i), SSRC: 1}, make([]byte, 160))
			}
			l := s.Leg.(*caller)
			eventually(t, "the ACK is waited for no longer", func() bool { l.mu.Lock(); defer l.mu.Unlock(); return !l.unacked })
			r.silent(200*time.Millisecond, "BYE ")
			if got := r.request("BYE", ""); !strings.HasPrefix(got, "SIP/2.0 200") {
				t.Errorf("BYE got %s", got)
			}
			s.gone(t)
		})
	}
}

func TestRepeatedInviteIsOneCall(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	invite := r.message("INVITE", "first", 1, nil, r.offer())
	r.send(invite)
	s := g.next(t)
	s.Leg.Ring()
	r.await("SIP/2.0 180", "INVITE")
	r.toTag = ""
	r.send(invite)
	r.await("SIP/2.0 180", "INVITE")
	r.toTag = ""
	// The same INVITE by another way (RFC 3261 §8.2.2.2).
	r.send(r.message("INVITE", "otherway", 1, nil, r.offer()))
	r.await("SIP/2.0 482", "INVITE")
	if n := g.Stats().Total; n != 1 {
		t.Errorf("%d calls", n)
	}
	close(s.done)
}

func TestHoldIsAnsweredByTheTable(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, r.offer())
	rows := []struct {
		ip, direction, answer string
		held, sends           bool
	}{
		{"127.0.0.1", "a=sendonly", "a=recvonly", true, false},
		{"127.0.0.1", "a=sendrecv", "a=sendrecv", false, true},
		{"127.0.0.1", "a=inactive", "a=inactive", true, false},
		{"127.0.0.1", "a=x-nothing", "a=sendrecv", false, true},
		{"127.0.0.1", "a=recvonly", "a=sendonly", true, true},
		{"127.0.0.1", "a=sendrecv", "a=sendrecv", false, true},
		{"0.0.0.0", "a=sendrecv", "a=recvonly", true, false},
		{"127.0.0.1", "a=sendrecv", "a=sendrecv", false, true},
		{"0.0.0.0", "a=sendonly", "a=recvonly", true, false},
		{"127.0.0.1", "a=sendrecv", "a=sendrecv", false, true},
		{"0.0.0.0", "a=inactive", "a=inactive", true, false},
		{"127.0.0.1", "a=sendrecv", "a=sendrecv", false, true},
	}
	for _, row := range rows {
		got := r.request("INVITE", r.offerAt(row.ip, port(r.rtp), row.direction))
		if !strings.Contains(got, row.answer+"\r\n") {
			t.Fatalf("%s at %s: want %s in\n%s", row.direction, row.ip, row.answer, got)
		}
		if held := expect[call.Held](t, s); held.On != row.held {
			t.Errorf("%s at %s: held is %v", row.direction, row.ip, held.On)
		}
		if sends := s.Leg.(*caller).port.Stats().Remote.IsValid(); sends != row.sends {
			t.Errorf("%s at %s: sends is %v", row.direction, row.ip, sends)
		}
	}
	// UPDATE does the same, without an ACK.
	if got := r.request("UPDATE", r.offer("a=sendonly")); !strings.Contains(got, "a=recvonly\r\n") {
		t.Errorf("UPDATE got %s", got)
	}
	if got := r.request("UPDATE", ""); !strings.HasPrefix(got, "SIP/2.0 200") || strings.Contains(got, "m=audio") {
		t.Errorf("UPDATE without an offer got %s", got)
	}
	close(s.done)
}

func TestReInviteMovesTheSound(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, r.offer())
	other := newRaw(t, g, "127.0.0.1")
	if got := r.request("INVITE", r.offerAt("127.0.0.1", port(other.rtp))); !strings.HasPrefix(got, "SIP/2.0 200") {
		t.Fatal(got)
	}
	_ = other.rtp.SetReadDeadline(time.Now().Add(patience))
	if _, err := other.rtp.Read(make([]byte, 2000)); err != nil {
		t.Error("no sound at the new address")
	}
	close(s.done)
}

func TestRefusedReInviteLeavesTheCallAsItWas(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, r.offer())
	before := s.Leg.(*caller).port.Stats().Remote
	got := r.request("INVITE", strings.Replace(r.offerAt("127.0.0.1", 4000), "RTP/AVP 8 0 101", "RTP/AVP 18", 1))
	if !strings.HasPrefix(got, "SIP/2.0 488") {
		t.Errorf("got %s", got)
	}
	if after := s.Leg.(*caller).port.Stats().Remote; after != before || s.Leg.Codec() != media.PCMA {
		t.Errorf("sound goes to %v in %v", after, s.Leg.Codec())
	}
	if got := r.request("BYE", ""); !strings.HasPrefix(got, "SIP/2.0 200") {
		t.Errorf("BYE got %s", got)
	}
	s.gone(t)
}

func TestOffersThatCrossAreRefused(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	s := r.invite(g, r.offer())
	s.Leg.Ring()
	r.await("SIP/2.0 180", "INVITE")
	for _, method := range []string{"UPDATE", "INVITE"} {
		got := r.request(method, r.offer())
		if !strings.HasPrefix(got, "SIP/2.0 500") || !strings.Contains(got, "Retry-After: ") {
			t.Errorf("%s before the answer got %s", method, got)
		}
	}
	close(s.done)
}

func TestLateOffer(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	s := r.invite(g, "")
	if err := s.Leg.Answer(); err != nil {
		t.Fatal(err)
	}
	ok := r.await("SIP/2.0 200", "INVITE")
	if !strings.Contains(ok, "RTP/AVP 8 0 9 101\r\n") {
		t.Fatalf("no offer in\n%s", ok)
	}
	answer := strings.Replace(r.offer(), "RTP/AVP 8 0 101", "RTP/AVP 0 101", 1)
	r.send(r.message("ACK", "ack1", 1, nil, answer))
	eventually(t, "the answer is in force", func() bool { return s.Leg.Codec() == media.PCMU })
	_ = r.rtp.SetReadDeadline(time.Now().Add(patience))
	buffer := make([]byte, 2000)
	if _, err := r.rtp.Read(buffer); err != nil || buffer[1]&0x7f != 0 {
		t.Errorf("payload type %d, %v", buffer[1]&0x7f, err)
	}
	r.request("BYE", "")
	s.gone(t)
}

func TestLateOfferWithoutAUsableAnswerEnds(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	s := r.invite(g, "")
	if err := s.Leg.Answer(); err != nil {
		t.Fatal(err)
	}
	r.await("SIP/2.0 200", "INVITE")
	r.send(r.message("ACK", "ack1", 1, nil, ""))
	if got := s.gone(t); got.Reason != call.ReasonNoCodec {
		t.Errorf("gone by %v", got)
	}
	r.await("BYE ", "")
}

func TestInviteThatCannotBeTakenIsRefused(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	rows := []struct {
		name, body, status string
		headers            []string
	}{
		{"no encoding in common", strings.Replace(r.offer(), "RTP/AVP 8 0 101", "RTP/AVP 18", 1), "488", nil},
		{"encrypted sound", strings.Replace(r.offer(), "RTP/AVP", "RTP/SAVP", 1), "488", nil},
		{"no session description", "hello", "400", nil},
		{"a foreign body", "hello", "415", []string{"Content-Type: text/plain"}},
		{"reliable provisional responses", r.offer(), "420", []string{"Require: 100rel"}},
		{"a session that is too short", r.offer(), "422", []string{"Supported: timer", "Session-Expires: 30"}},
	}
	for _, row := range rows {
		r := newRaw(t, g, "127.0.0.1")
		r.send(r.message("INVITE", "first", 1, row.headers, row.body))
		got := r.await("SIP/2.0 "+row.status, "INVITE")
		if row.status == "420" && !strings.Contains(got, "Unsupported: 100rel") {
			t.Errorf("no Unsupported in\n%s", got)
		}
		r.send(r.message("ACK", "first", 1, nil, ""))
	}
	if n := g.Stats(); n.Total != 0 || n.RTPPorts != 0 {
		t.Errorf("%+v", n)
	}
}

func TestStrangersGetNoAnswer(t *testing.T) {
	t.Parallel()
	g := start(t, func(c *Config) {
		c.AllowLoopback = false
		c.AllowedNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	})
	stranger := newRaw(t, g, "127.0.0.2")
	for _, method := range []string{"INVITE", "OPTIONS", "REGISTER", "BYE", "CANCEL"} {
		stranger.send(stranger.message(method, method, 1, nil, ""))
	}
	stranger.send("\r\n\r\n")
	stranger.send("garbage \x00\xff")
	stranger.silent(300*time.Millisecond, "")
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	conn, err := dialer.Dial("tcp", g.Addr().String())
	if err == nil {
		defer conn.Close()
		_, _ = conn.Write([]byte(stranger.message("OPTIONS", "tcp", 1, nil, "")))
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		if n, err := conn.Read(make([]byte, 100)); n > 0 || err == nil {
			t.Errorf("a stranger read %d bytes, %v", n, err)
		}
	}
	eventually(t, "all of it is dropped", func() bool { return g.Stats().Dropped >= 7 })
	if n := g.Stats(); n.Total != 0 {
		t.Errorf("%+v", n)
	}
	// The trunk is heard all the while, and named.
	r := newRaw(t, g, "127.0.0.1")
	s := r.invite(g, r.offer())
	if s.Trunk != "127.0.0.1/32" {
		t.Errorf("trunk %q", s.Trunk)
	}
	close(s.done)
	g.acl.set(nil)
	late := newRaw(t, g, "127.0.0.1")
	late.send(late.message("OPTIONS", "late", 1, nil, ""))
	late.silent(200*time.Millisecond, "")
}

func TestGarbageFromATrunkDoesNoHarm(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	for _, text := range []string{
		"", "\x00", "x", "\r\n\r\n", "INVITE", "INVITE sip:x SIP/2.0\r\n\r\n", "SIP/2.0 200 OK\r\n\r\n",
		"INVITE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP x\r\nCSeq: 1 INVITE\r\n\r\n",
		"BYE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx\r\nCSeq: 1 BYE\r\nContent-Length: 99999999999\r\n\r\n",
		"ACK sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx\r\nCSeq: 1 ACK\r\n\r\n",
		strings.Repeat("A: b\r\n", 2000),
	} {
		r.send(text)
	}
	r.send(r.message("OPTIONS", "alive", 1, nil, ""))
	if got := r.await("SIP/2.0 200", "OPTIONS"); !strings.Contains(got, "Allow: ") {
		t.Errorf("no Allow in\n%s", got)
	}
	for method, status := range map[string]string{
		"REFER": "403", "SUBSCRIBE": "489", "NOTIFY": "481", "REGISTER": "405", "MESSAGE": "405", "PRACK": "481", "DANCE": "501", "CANCEL": "481",
		"BYE": "481", "INFO": "481", "UPDATE": "481",
	} {
		r.send(r.message(method, "m"+method, 2, nil, ""))
		r.await("SIP/2.0 "+status, "2 "+method)
	}
}

func TestPanicInACallLeavesTheOthersAlone(t *testing.T) {
	g := start(t, nil)
	good := newRaw(t, g, "127.0.0.1")
	s, _ := good.talk(g, good.offer())
	bad := newRaw(t, g, "127.0.0.1")
	bad.send(strings.Replace(bad.message("INVITE", "bad", 1, nil, bad.offer()), "sip:1000@", "sip:"+faultyNumber+"@", 1))
	bad.await("SIP/2.0 500", "INVITE")
	bad.send(bad.message("ACK", "bad", 1, nil, ""))
	eventually(t, "the fault is counted", func() bool { return g.Stats().Panics == 1 && g.Stats().Calls == 1 })
	if got := good.request("BYE", ""); !strings.HasPrefix(got, "SIP/2.0 200") {
		t.Errorf("BYE got %s", got)
	}
	s.gone(t)
}

func TestDigitsOfAllWays(t *testing.T) {
	g := start(t, func(c *Config) { c.sameKey = time.Minute })
	r := newRaw(t, g, "127.0.0.1")
	s, ok := r.talk(g, r.offer())
	to := mediaPort(t, ok)
	seq := uint16(100)
	event := func(code byte, timestamp uint32, end bool, marker bool) {
		second := byte(10)
		if end {
			second |= 0x80
		}
		seq++
		sendRTP(t, r.rtp, to, media.Header{PayloadType: 101, Sequence: seq, Timestamp: timestamp, SSRC: 7, Marker: marker}, []byte{code, second, 1, 0})
	}
	digit := func(want byte) {
		t.Helper()
		if got := expect[call.Digit](t, s); got.Digit != want {
			t.Fatalf("digit %q, want %q", got.Digit, want)
		}
	}
	event(5, 1000, false, true) // its end is lost
	event(5, 1000, false, false)
	digit('5')
	event(5, 3000, false, false) // the same key again, no marker
	event(5, 3000, true, false)
	event(5, 3000, true, false)
	digit('5')
	event(11, 5000, true, false) // only an end
	digit('#')
	// An INFO that tells the same key once more is no other key.
	if got := r.request("INFO", "Signal=#\r\nDuration=160\r\n", "Content-Type: application/dtmf-relay"); !strings.HasPrefix(got, "SIP/2.0 200") {
		t.Error(got)
	}
	r.request("INFO", "Signal=7\r\n", "Content-Type: application/dtmf-relay")
	digit('7')
	r.request("INFO", "8", "Content-Type: application/dtmf")
	digit('8')
	if got := r.request("INFO", "Signal=x", "Content-Type: application/dtmf-relay"); !strings.HasPrefix(got, "SIP/2.0 415") {
		t.Error(got)
	}
	if got := r.request("INFO", ""); !strings.HasPrefix(got, "SIP/2.0 200") {
		t.Errorf("an INFO that says nothing got %s", got)
	}
	// A key that is held for longer than two keys may be apart, and told by INFO
	// when it is released.
	event(9, 9000, false, true)
	digit('9')
	l := s.Leg.(*caller)
	last := func() time.Duration { l.mu.Lock(); defer l.mu.Unlock(); return l.last.at }
	l.mu.Lock()
	l.last.at -= 2 * g.cfg.sameKey
	l.mu.Unlock()
	began := last()
	event(9, 9000, false, false)
	event(9, 9000, true, false)
	eventually(t, "the key is held", func() bool { return last() > began })
	r.request("INFO", "Signal=9\r\n", "Content-Type: application/dtmf-relay")
	r.request("INFO", "Signal=0\r\n", "Content-Type: application/dtmf-relay")
	digit('0')
	close(s.done)
}

func TestForeignSoundIsIgnored(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	s, ok := r.talk(g, r.offer())
	to := mediaPort(t, ok)
	for i := range 5 {
		sendRTP(t, r.rtp, to, media.Header{PayloadType: 8, Sequence: uint16(i), SSRC: 1}, make([]byte, 160))
	}
	eventually(t, "the caller is heard", func() bool { return s.sound.packets() == 5 })
	intruder := newRaw(t, g, "127.0.0.1")
	for i := range 20 {
		sendRTP(t, intruder.rtp, to, media.Header{PayloadType: 8, Sequence: uint16(i), SSRC: 66}, make([]byte, 160))
	}
	eventually(t, "the intruder is noticed", func() bool { return s.Leg.(*caller).port.Stats().Foreign == 20 })
	if n := s.sound.packets(); n != 5 {
		t.Errorf("%d packets heard", n)
	}
	close(s.done)
}

func TestIdentity(t *testing.T) {
	rows := []struct {
		name    string
		headers []string
		want    Incoming
	}{
		{"From", nil, Incoming{From: "+33123456789", FromName: "Eve"}},
		{"asserted by the trunk", []string{`P-Asserted-Identity: "Bob, B." <sip:+331@trunk>, <tel:+33-1>`}, Incoming{From: "+331", FromName: "Bob, B."}},
		{"asserted with a quotation in the name", []string{`P-Asserted-Identity: "5\" pipes, Ltd." <sip:+331@trunk>, <tel:+33-1>`}, Incoming{From: "+331", FromName: "5 pipes, Ltd."}},
		{"asserted as a telephone number", []string{"P-Asserted-Identity: <tel:+33-1-22>"}, Incoming{From: "+33122"}},
		{"hidden", []string{"Privacy: id", "P-Asserted-Identity: <sip:+331@trunk>"}, Incoming{Anonymous: true}},
		{"not hidden", []string{"Privacy: none"}, Incoming{From: "+33123456789", FromName: "Eve"}},
	}
	g := start(t, nil)
	for _, row := range rows {
		r := newRaw(t, g, "127.0.0.1")
		s := r.invite(g, r.offer(), row.headers...)
		if s.From != row.want.From || s.FromName != row.want.FromName || s.Anonymous != row.want.Anonymous {
			t.Errorf("%s: got %q %q %v", row.name, s.From, s.FromName, s.Anonymous)
		}
		close(s.done)
	}
}

func TestDrainRefusesNewCallsAndKeepsRunningOnes(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, r.offer())
	g.Drain()
	late := newRaw(t, g, "127.0.0.1")
	late.send(late.message("INVITE", "late", 1, nil, late.offer()))
	if got := late.await("SIP/2.0 503", "INVITE"); !strings.Contains(got, "Retry-After: ") {
		t.Errorf("no Retry-After in\n%s", got)
	}
	late.send(late.message("ACK", "late", 1, nil, ""))
	if got := r.request("INVITE", r.offer("a=sendonly")); !strings.HasPrefix(got, "SIP/2.0 200") {
		t.Errorf("hold got %s", got)
	}
	stopped := make(chan struct{})
	go func() { g.stop(); close(stopped) }()
	bye := r.await("BYE ", "")
	r.send(strings.Replace(bye, bye[:strings.Index(bye, "\r\n")], "SIP/2.0 200 OK", 1))
	if got := s.gone(t); got != (call.Cause{By: call.BySystem, Reason: call.ReasonShutdown}) {
		t.Errorf("gone by %v", got)
	}
	<-stopped
}

func TestTooManyCallsAreRefused(t *testing.T) {
	g := start(t, func(c *Config) { c.MaxCalls = 1 })
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, r.offer())
	late := newRaw(t, g, "127.0.0.1")
	late.send(late.message("INVITE", "late", 1, nil, late.offer()))
	late.await("SIP/2.0 503", "INVITE")
	late.send(late.message("ACK", "late", 1, nil, ""))
	close(s.done)
	eventually(t, "its RTP port is given back", func() bool { return g.Stats().RTPPorts == 0 })
}
