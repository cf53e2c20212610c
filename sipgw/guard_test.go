package sipgw

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw/digest"
	"github.com/carillon-cc/carillon/sipgw/registrar"
)

// deaf fails the test when the gateway says anything.
func (h *handset) deaf(what string) {
	h.t.Helper()
	if m := h.read(200 * time.Millisecond); m != nil {
		h.t.Errorf("%s got\n%s", what, m)
	}
}

func TestStrangersGetNoAnswerWhateverTheySend(t *testing.T) {
	t.Parallel()
	b := startLines(t, nil, line100())
	for _, number := range []string{"999", "sipvicious", "", "1001", "10"} {
		h := newHandset(t, b, "udp", "127.0.0.1")
		h.number = number
		for _, method := range []string{"REGISTER", "INVITE", "OPTIONS", "BYE", "SUBSCRIBE", "CANCEL", "ACK", "NONSENSE"} {
			h.seq++
			h.send(h.message(method, h.uri(), nil, ""))
		}
		h.send("INVITE sip:1000@x SIP/2.0\r\n\r\n")
		h.send("SIP/2.0 200 OK\r\nFrom: <sip:100@x>\r\n\r\n")
		h.send("hello, anybody there?")
		h.deaf(number)
	}
	eventually(t, "all of it is dropped", func() bool { return b.Stats().Dropped >= 50 })
	if s := b.Stats(); s.Challenges != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestStrangersWhoNameALineLeaveNothingBehind(t *testing.T) {
	b := startLines(t, nil, line100())
	for range 50 {
		h := newHandset(t, b, "udp", "127.0.0.1")
		if res := h.plain("INVITE", nil, handsetOffer); res.StatusCode != sip.StatusProxyAuthRequired {
			t.Fatalf("got %s", res.StartLine())
		}
		h.send(h.message("ACK", h.uri(), nil, ""))
		h.conn.Close()
	}
	// The listener itself is in the pool.
	if n := b.ua.TransportLayer().Pool("udp").Size(); n != 1 {
		t.Errorf("sipgo keeps %d sources", n)
	}
	if s := b.Stats(); s.Challenges != 50 {
		t.Errorf("stats %+v", s)
	}
}

func TestSipgoForgetsSources(t *testing.T) {
	t.Parallel()
	b := start(t, func(c *Config) { c.shift = 20 })
	for i := range 100 {
		r := newRaw(t, b, "127.0.0.1")
		r.send(r.message("OPTIONS", fmt.Sprint("o", i), 1, nil, ""))
		r.await("SIP/2.0 200", "OPTIONS")
	}
	eventually(t, "sipgo keeps few sources", func() bool { return b.ua.TransportLayer().Pool("udp").Size() <= 41 })
}

func TestWrongPasswordsAreThrottledAndARightOneIsLetIn(t *testing.T) {
	b := startLines(t, nil, line100(), &ccs.Line{Meta: ccs.Meta{ID: "line-101"}, Number: "101", Secrets: ccs.NewLineSecrets("101", "secret")})
	registered := newHandset(t, b, "udp", "127.0.0.1")
	registered.mustRegister()
	attacker := newHandset(t, b, "udp", "127.0.0.1")
	attacker.password = "guess"
	at := netip.MustParseAddrPort(attacker.conn.LocalAddr().String())
	answered := 0
	for n := range 15 {
		wait := patience // for what is answered; silence is soon believed
		if n >= freeGuesses {
			wait = 50 * time.Millisecond
			// The silence ends by itself, but not in this test.
			b.guard.guesses.recent.change(guesser{netip.AddrPortFrom(at.Addr(), 0), "line-100"}, func(v guessing) guessing {
				v.silent = v.silent.Add(time.Hour)
				return v
			})
		}
		res := attacker.plain("REGISTER", nil, "")
		attacker.seq++
		attacker.send(attacker.message("REGISTER", attacker.uri(), []string{attacker.answer(res, "REGISTER")}, ""))
		if res := attacker.final(wait); res != nil {
			if answered++; res.StatusCode != sip.StatusUnauthorized {
				t.Fatalf("a wrong password got %s", res.StartLine())
			}
		}
	}
	if answered != freeGuesses {
		t.Errorf("%d wrong passwords were answered", answered)
	}
	eventually(t, "all were looked at, and the last ones not answered", func() bool {
		s := b.Stats()
		return s.Failures == 15 && s.Throttled == 10
	})
	for _, state := range b.LineStates() {
		if state.Line == "line-100" && (state.RefusedFrom.String() != at.String() || time.Since(state.Refused) > time.Minute) {
			t.Errorf("state %+v", state)
		}
	}
	// The line's own telephone, at the same address and elsewhere, and another
	// line at that address.
	registered.mustRegister()
	newHandset(t, b, "udp", "127.0.0.1").mustRegister()
	newHandset(t, b, "udp", "127.0.0.2").mustRegister()
	other := newHandset(t, b, "udp", "127.0.0.1")
	other.number = "101"
	other.mustRegister()
	other.password = "wrong"
	if res := other.register(); res.StatusCode != sip.StatusUnauthorized {
		t.Errorf("a wrong password of another line got %s", res.StartLine())
	}
	// Even when that address may not guess any more.
	before, res := b.Stats().Throttled, attacker.plain("REGISTER", nil, "")
	for range 40 {
		attacker.seq++
		attacker.send(attacker.message("REGISTER", attacker.uri(), []string{attacker.answer(res, "REGISTER")}, ""))
	}
	eventually(t, "the attacker is not looked at", func() bool { return b.Stats().Throttled >= before+20 })
	registered.mustRegister()
}

func TestUnknownLineLooksLikeAWrongPassword(t *testing.T) {
	b := startLines(t, func(c *Config) { c.AllowLoopback = true }, line100())
	texts := make(map[string]string)
	for _, number := range []string{"100", "555"} {
		h := newHandset(t, b, "udp", "127.0.0.1")
		h.number, h.password, h.callID = number, "wrong", "same"
		res := h.register()
		text := strings.ReplaceAll(res.String(), number, "NUMBER")
		for _, line := range strings.Split(text, "\r\n") {
			if name, _, _ := strings.Cut(line, ":"); name != "Via" && !strings.HasPrefix(line, "To") && name != "WWW-Authenticate" {
				texts[number] += line + "\n"
			}
		}
	}
	if texts["100"] != texts["555"] || !strings.HasPrefix(texts["100"], "SIP/2.0 401") {
		t.Errorf("%q", texts)
	}
}

func TestConnectionsOfStrangersAreClosedWithoutAWord(t *testing.T) {
	for _, network := range []string{"tcp", "tls"} {
		b := startLines(t, func(c *Config) { secure(t, c) }, line100())
		for _, first := range []string{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "REGISTER sip:x SIP/2.0\r\nFrom: <sip:999@x>\r\n", strings.Repeat("x", 10000)} {
			h := newHandset(t, b, network, "127.0.0.1")
			h.send(first)
			_ = h.conn.SetReadDeadline(time.Now().Add(firstTime + patience))
			n, err := h.conn.Read(make([]byte, 100))
			if timeout := net.Error(nil); n > 0 || err == nil || errors.As(err, &timeout) && timeout.Timeout() {
				t.Errorf("%s: %.20q got %d bytes and %v", network, first, n, err)
			}
		}
		eventually(t, "no connection is left", func() bool {
			s := b.guard.streams
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.open) == 0 && s.total == 0
		})
	}
}

func TestConnectionsOfStrangersAreFew(t *testing.T) {
	b := startLines(t, nil, line100())
	var open []net.Conn
	for range maxSameStrangers + 10 {
		if conn, err := net.Dial("tcp", b.Addr().String()); err == nil { // the last may see the reset already
			open = append(open, conn)
		}
	}
	eventually(t, "some are closed", func() bool { return b.Stats().Dropped >= 10 })
	// Another address is not shut out, and who proves a password counts no more.
	other := newHandset(t, b, "tcp", "127.0.0.2")
	other.mustRegister()
	for _, conn := range open {
		conn.Close()
	}
	eventually(t, "they are forgotten", func() bool {
		s := b.guard.streams
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.total == 0 && len(s.strangers) == 0 && len(s.open) == 1
	})
}

func TestFirstMessageMayComeInPieces(t *testing.T) {
	b := startLines(t, nil, line100())
	h := newHandset(t, b, "tcp", "127.0.0.1")
	h.seq++
	text := "\r\n\r\n" + h.message("REGISTER", h.uri(), nil, "")
	for len(text) > 0 {
		n := min(7, len(text))
		h.send(text[:n])
		text = text[n:]
		time.Sleep(time.Millisecond)
	}
	if res := h.final(patience); res == nil || res.StatusCode != sip.StatusUnauthorized {
		t.Errorf("got %v", res)
	}
	h.send("\r\n\r\n")
	pong := make([]byte, 2)
	_ = h.conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.ReadFull(h.stream, pong); err != nil || string(pong) != "\r\n" {
		t.Errorf("a keep-alive got %q, %v", pong, err)
	}
}

func TestGuessesAreAllowedAtARateAndForgiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g guesses
		who := guesser{source: netip.MustParseAddrPort("192.0.2.1:0"), line: "a"}
		silent, alarms := 0, 0
		for range int(guessBurst) {
			if !g.allowed(who) {
				t.Fatal("the burst is not allowed")
			}
			quiet, alarm := g.wrong(who)
			if quiet {
				silent++
			}
			if alarm {
				alarms++
			}
		}
		if alarms != 1 {
			t.Errorf("%d alarms", alarms)
		}
		if g.allowed(who) {
			t.Error("guessing goes on without end")
		}
		if !g.allowed(guesser{source: who.source, line: "b"}) || !g.allowed(guesser{source: netip.MustParseAddrPort("192.0.2.2:0"), line: "a"}) {
			t.Error("another line or another source pays too")
		}
		if silent != guessBurst-freeGuesses {
			t.Errorf("%d of them were silent", silent)
		}
		time.Sleep(2 * time.Second)
		if !g.allowed(who) {
			t.Error("a right password is not even looked at")
		}
		time.Sleep(forgiveGuesses)
		if quiet, alarm := g.wrong(who); quiet || alarm {
			t.Error("nothing is forgiven")
		}
	})
}

// flood asks a guard to hear datagrams of many sources and returns how many it
// heard.
func flood(g *guard, text []byte, sources int) int {
	heard := 0
	for i := range sources {
		ip := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		if g.familiar("UDP", netip.AddrPortFrom(ip, 5060)) || glanced(g, text, ip) {
			heard++
		}
	}
	return heard
}

// glanced tells whether a guard hears a stranger's datagram.
func glanced(g *guard, text []byte, ip netip.Addr) bool {
	m, ok := scan(text)
	return ok && g.hears(m, ip)
}

func testGuard(lines ...*ccs.Line) *guard {
	g := newGuard(newACL(false), registrar.New(nil), digest.NewServer(ccs.LineRealm))
	g.lines.Store(newLines(lines))
	return g
}

func TestFloodCostsNoMemory(t *testing.T) {
	g := testGuard(line100())
	for _, from := range []string{"sip:900@x", "sip:100@x"} {
		text := []byte("INVITE sip:1@x SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKa\r\nFrom: \"A \\\" <x>\" <" + from + ">;tag=a\r\nTo: <sip:1@x>\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\n\r\n")
		flood(g, text, 1000)
		// The process's other goroutines may allocate a little meanwhile.
		if n := testing.AllocsPerRun(5, func() { flood(g, text, 50_000) }); n > 500 {
			t.Errorf("%s: %v allocations", from, n)
		}
	}
}

func TestOneSourceIsHeardAtARate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGuard(line100())
		text := []byte("REGISTER sip:x SIP/2.0\r\nFrom: <sip:100@x>\r\n\r\n")
		heard := 0
		for i := range 1000 {
			// All of one network of IPv6.
			ip := netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", i+1))
			if glanced(g, text, ip) {
				heard++
			}
		}
		if heard != strangerBurst {
			t.Errorf("%d of 1000 were heard", heard)
		}
		time.Sleep(time.Second)
		if !glanced(g, text, netip.MustParseAddr("2001:db8::1")) || !glanced(g, text, netip.MustParseAddr("2001:db8:0:1::1")) {
			t.Error("the source is never heard again, or another network is not")
		}
	})
}

func TestScanReadsWhatThePreciseParserReads(t *testing.T) {
	rows := map[string]string{
		"From: <sip:100@x>;tag=a":                          "100",
		"f:sip:100@x;tag=a":                                "100",
		"FROM : \"A <sip:200@x> \\\" B\" <sip:100@x:5060>": "100",
		"From: <sips:100:pw@x>":                            "100",
		"From: <sip:100;phone-context=x@x>":                "100",
		"From: <sip:x>":                                    "",
		"From: <tel:100>":                                  "",
		"Subject: 1\r\nFrom: A <sip:100@x>":                "100",
	}
	for header, want := range rows {
		got, ok := scan([]byte("INVITE sip:1@x SIP/2.0\r\n" + header + "\r\nTo: <sip:1@x>;a=b;tag=1\r\n\r\n"))
		if !ok || string(got.user) != want || string(got.method) != "INVITE" || !got.toTag || !got.whole {
			t.Errorf("%q: %+v, %v", header, got, ok)
		}
	}
	if _, ok := scan([]byte("INVITE sip:1@x SIP/2.0\r\nFrom: <sip:100@x>")); ok {
		t.Error("half a header was taken")
	}
}

func FuzzScan(f *testing.F) {
	f.Add([]byte("INVITE sip:1@x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: \"a\" <sip:100@x>;tag=a\r\nTo: <sip:1@x>;tag=b\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n"))
	f.Add([]byte("SIP/2.0 200 OK\r\nf: sip:100@x\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, ok := scan(b)
		if !ok {
			return
		}
		// Who is let through by the glance alone is looked at again; but it must
		// not see a user where there is none at all.
		if len(g.user) > 0 && !strings.Contains(string(b), string(g.user)) {
			t.Errorf("%q is not in %q", g.user, b)
		}
		if m, err := sip.ParseMessage(b); err == nil {
			_, response := m.(*sip.Response)
			if response != g.response {
				t.Errorf("response is %v in %q", g.response, b)
			}
		}
	})
}

func BenchmarkScan(b *testing.B) {
	g := testGuard(line100())
	text := []byte("INVITE sip:1@x SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKa\r\nFrom: \"A\" <sip:900@x>;tag=a\r\nTo: <sip:1@x>\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\nContact: <sip:a@b>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n")
	b.ReportAllocs()
	for b.Loop() {
		flood(g, text, 1)
	}
}
