package sipgw_test

import (
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw"
	"github.com/carillon-cc/carillon/sipgw/phone"
	"github.com/carillon-cc/carillon/sipgw/siptest"
)

// counter counts packets.
type counter struct{ n atomic.Int64 }

func (c *counter) WritePacket(*media.Packet) { c.n.Add(1) }

// say sends packets of sound to where an offer wants them.
func say(t *testing.T, from *net.UDPConn, invite *sip.Request, first uint16, count int) {
	t.Helper()
	to := soundAt(t, invite)
	for i := range count {
		sequence := first + uint16(i)
		h := media.Header{PayloadType: 8, Sequence: sequence, Timestamp: uint32(sequence) * 160, SSRC: 7}
		if _, err := from.WriteToUDPAddrPort(append(media.AppendHeader(nil, h), make([]byte, 160)...), to); err != nil {
			t.Fatal(err)
		}
	}
}

func TestProvisionalResponsesOfEveryOrder(t *testing.T) {
	const nothing, ringing, early = 0, 1, 2
	type step struct {
		status int
		sound  bool
		tag    string
		told   int
	}
	rows := []struct {
		name  string
		steps []step
	}{
		{"only trying", []step{{100, false, "", nothing}}},
		{"ringing", []step{{100, false, "", nothing}, {180, false, "a", ringing}}},
		{"ringing often", []step{{180, false, "a", ringing}, {180, false, "a", nothing}, {180, false, "b", nothing}}},
		{"progress without sound", []step{{183, false, "a", ringing}}},
		{"early media", []step{{183, true, "a", early}}},
		{"sound with the ringing", []step{{180, true, "a", early}}},
		{"ringing, then early media", []step{{180, false, "a", ringing}, {183, true, "a", early}}},
		{"early media, then ringing", []step{{183, true, "a", early}, {180, false, "a", nothing}}},
		{"early media of two telephones", []step{{183, true, "a", early}, {183, true, "b", nothing}}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			g := build(t, nil)
			a := newWire(t)
			o := g.place(t, sipgw.Place{Peers: []netip.AddrPort{a.addr()}})
			invite := a.next(sip.INVITE)
			for _, s := range row.steps {
				body := ""
				if s.sound {
					body = a.answer()
				}
				a.respond(invite, s.status, s.tag, body, "Require: 100rel", "RSeq: 1")
				// Each message has a goroutine of its own, so the next one must wait.
				if s.told == nothing {
					time.Sleep(20 * time.Millisecond)
				} else if got := expect[call.Ringing](t, o); got.Early != (s.told == early) {
					t.Errorf("early %v after %+v", got.Early, s)
				}
			}
			a.respond(invite, 200, "a", a.answer())
			a.next(sip.ACK)
			expect[call.Answered](t, o)
			o.Hangup(call.Cause{})
			a.bye("a")
		})
	}
}

func TestManyProvisionalResponsesDoNotEndTheCall(t *testing.T) {
	g := build(t, nil)
	a := newWire(t)
	o := g.place(t, sipgw.Place{Peers: []netip.AddrPort{a.addr()}})
	invite := a.next(sip.INVITE)
	for range 40 {
		a.respond(invite, 183, "a", a.answer())
	}
	if !expect[call.Ringing](t, o).Early {
		t.Error("not early")
	}
	a.respond(invite, 200, "a", a.answer())
	a.next(sip.ACK)
	expect[call.Answered](t, o)
	o.Hangup(call.Cause{})
	a.bye("a")
}

func TestEarlyMediaIsHeardFromTheNewestTelephone(t *testing.T) {
	g := build(t, nil)
	a, other := newWire(t), newWire(t)
	o := g.place(t, sipgw.Place{Peers: []netip.AddrPort{a.addr()}})
	var heard counter
	o.hear(&heard)
	invite := a.next(sip.INVITE)
	looked := func(count uint64) {
		t.Helper()
		settled(t, "they are looked at", func() bool {
			s := sipgw.PortStats(o.CalledLeg)
			return s.Received+s.Foreign+s.Bad == count
		})
	}
	say(t, a.rtp, invite, 0, 5)
	looked(5)
	if n := heard.n.Load(); n != 0 {
		t.Errorf("%d packets before any session description", n)
	}
	a.respond(invite, 183, "a", a.answer())
	expect[call.Ringing](t, o)
	// Nobody is heard before the answer from elsewhere than the network says.
	stranger, err := net.ListenUDP("udp", &net.UDPAddr{IP: siptest.Address().AsSlice()})
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	say(t, stranger, invite, 500, 5)
	looked(10)
	if n := heard.n.Load(); n != 0 {
		t.Errorf("%d packets of a stranger", n)
	}
	say(t, a.rtp, invite, 100, 5)
	settled(t, "the network is heard", func() bool { return heard.n.Load() == 5 })
	newest := netip.AddrPortFrom(other.addr().Addr(), uint16(other.port()))
	a.respond(invite, 183, "b", a.answerTo(newest, 8))
	settled(t, "the newest is sent to", func() bool { return sipgw.PortStats(o.CalledLeg).Remote == newest })
	before := heard.n.Load()
	say(t, other.rtp, invite, 100, 5)
	settled(t, "the newest is heard", func() bool { return heard.n.Load() == before+5 })
	// The 200 counts, with an address and an encoding of its own.
	a.respond(invite, 200, "a", a.answerAt(a.port(), 0))
	a.next(sip.ACK)
	expect[call.Answered](t, o)
	if o.Codec() != media.PCMU {
		t.Errorf("codec %v", o.Codec())
	}
	say(t, a.rtp, invite, 200, 5)
	settled(t, "who answered is heard", func() bool { return heard.n.Load() == before+10 })
	o.Hangup(call.Cause{})
	a.bye("a")
}

func TestAnswerWithoutSoundIsHungUp(t *testing.T) {
	rows := []struct {
		name   string
		body   func(a *wire) string
		before bool // a provisional response had a session description
		ok     bool
	}{
		{"no session description", func(*wire) string { return "" }, false, false},
		{"garbage", func(*wire) string { return "hello" }, false, false},
		{"no codec of ours", func(a *wire) string { return a.answerAt(a.port(), 18) }, false, false},
		{"refused sound", func(a *wire) string { return a.answerAt(0, 8) }, false, false},
		{"as told before", func(*wire) string { return "" }, true, true},
		{"worse than before", func(*wire) string { return "hello" }, true, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			g := build(t, nil)
			a, b := newWire(t), newWire(t)
			o := g.place(t, sipgw.Place{Peers: []netip.AddrPort{a.addr(), b.addr()}})
			invite := a.next(sip.INVITE)
			if row.before {
				a.respond(invite, 183, "a", a.answer())
				expect[call.Ringing](t, o)
			}
			a.respond(invite, 200, "a", row.body(a))
			a.next(sip.ACK)
			if row.ok {
				expect[call.Answered](t, o)
				o.Hangup(call.Cause{})
				a.bye("a")
				return
			}
			if r := a.bye("a"); reason(r) != "Q.850;cause=88" {
				t.Errorf("the BYE says %q", reason(r))
			}
			gone(t, o, call.Cause{By: call.ByCalled, Reason: call.ReasonNoCodec})
			b.quiet(sip.INVITE, 50*time.Millisecond)
		})
	}
}

// challenge is the value of a header that demands a digest.
func challenge(realm, nonce, algorithm, more string) string {
	return `Digest realm="` + realm + `", nonce="` + nonce + `", algorithm=` + algorithm + `, qop="auth"` + more
}

// proves tells whether a header of a request proves a password.
func proves(t *testing.T, r *sip.Request, header, nonce, algorithm string) bool {
	t.Helper()
	for _, h := range r.GetHeaders(header) {
		given, err := digest.ParseCredentials(h.Value())
		if err != nil {
			t.Fatal(err)
		}
		if given.Nonce != nonce || given.Algorithm != algorithm || given.URI != r.Recipient.String() && r.Method == sip.INVITE {
			continue
		}
		want, err := digest.Digest(&digest.Challenge{Realm: given.Realm, Nonce: nonce, Algorithm: algorithm, QOP: []string{"auth"}}, digest.Options{
			Method: "INVITE", URI: given.URI, Username: "carillon", Password: "secret", Cnonce: given.Cnonce, Count: given.Nc,
		})
		if err != nil {
			t.Fatal(err)
		}
		if want.Response == given.Response {
			return true
		}
	}
	return false
}

func TestChallengesAreAnswered(t *testing.T) {
	g := build(t, nil)
	a := newWire(t)
	o := g.place(t, sipgw.Place{Peers: []netip.AddrPort{a.addr()}, User: "carillon", Password: "secret"})
	first := a.next(sip.INVITE)
	a.respond(first, 407, "a", "", "Proxy-Authenticate: "+challenge("proxy", "n1", "MD5", ""), "Proxy-Authenticate: "+challenge("proxy", "n2", "SHA-256", ""))
	a.next(sip.ACK)
	second := a.next(sip.INVITE)
	if !proves(t, second, "Proxy-Authorization", "n2", "SHA-256") || second.CSeq().SeqNo != 2 || second.CallID().Value() != first.CallID().Value() ||
		second.Via().Params[0].V == first.Via().Params[0].V {
		t.Errorf("%s", second)
	}
	// Only the nonce was too old.
	a.respond(second, 407, "b", "", "Proxy-Authenticate: "+challenge("proxy", "n3", "SHA-256", ", stale=TRUE"))
	a.next(sip.ACK)
	third := a.next(sip.INVITE)
	if !proves(t, third, "Proxy-Authorization", "n3", "SHA-256") || len(third.GetHeaders("Proxy-Authorization")) != 1 {
		t.Errorf("%s", third)
	}
	// The server behind the proxy asks as well, in the same realm.
	a.respond(third, 401, "c", "", "WWW-Authenticate: "+challenge("proxy", "n4", "MD5", ""))
	a.next(sip.ACK)
	fourth := a.next(sip.INVITE)
	if !proves(t, fourth, "Proxy-Authorization", "n3", "SHA-256") || !proves(t, fourth, "Authorization", "n4", "MD5") {
		t.Errorf("%s", fourth)
	}
	a.respond(fourth, 200, "d", a.answer())
	if ack := a.next(sip.ACK); !proves(t, ack, "Authorization", "n4", "MD5") || ack.CSeq().SeqNo != 4 {
		t.Errorf("%s", ack)
	}
	expect[call.Answered](t, o)
	o.Hangup(call.Cause{})
	a.bye("d")
}

func TestWrongPasswordIsGivenOnce(t *testing.T) {
	g := build(t, nil)
	a, b := newWire(t), newWire(t)
	p := sipgw.Place{Peers: []netip.AddrPort{a.addr(), b.addr()}, User: "carillon", Password: "wrong"}
	o := g.place(t, p)
	for _, nonce := range []string{"n1", "n2"} {
		a.respond(a.next(sip.INVITE), 401, "t"+nonce, "", "WWW-Authenticate: "+challenge("r", nonce, "MD5", ""))
		a.next(sip.ACK)
	}
	gone(t, o, call.Cause{By: call.ByCalled, Reason: call.ReasonTrunkRefused, Status: 401})
	a.quiet(sip.INVITE, 50*time.Millisecond)
	b.quiet(sip.INVITE, 50*time.Millisecond)
	// Without a password none is given.
	p.User = ""
	o = g.place(t, p)
	a.respond(a.next(sip.INVITE), 407, "a", "", "Proxy-Authenticate: "+challenge("r", "n", "MD5", ""))
	a.next(sip.ACK)
	gone(t, o, call.Cause{By: call.ByCalled, Reason: call.ReasonTrunkRefused, Status: 407})
}

func TestEarlyMediaOfATelephoneIsHeardByTheCaller(t *testing.T) {
	w := build(t, nil)
	p, rings := callee(t)
	a := ok[*phone.Phone](t)(phone.New(phone.Config{Local: siptest.Address()}))
	t.Cleanup(a.Close)
	caller := ok[*phone.Call](t)(a.Dial(t.Context(), phone.Options{URI: "sip:1000@" + w.Addr().String(), Keep: time.Minute}))
	in := <-w.incoming
	in.Leg.Listen(call.Listener{})
	if err := in.Leg.Answer(); err != nil {
		t.Fatal(err)
	}
	if err := caller.WaitAnswer(t.Context()); err != nil {
		t.Fatal(err)
	}
	o := w.place(t, sipgw.Place{Peers: hops(p), Codecs: []media.Codec{media.PCMA}})
	o.hear(in.Leg)
	r := next(t, rings)
	called := ok[*phone.Call](t)(r.Progress(phone.Reply{Keep: time.Minute}))
	if !expect[call.Ringing](t, o).Early {
		t.Error("not early")
	}
	called.Play(tone(880), true)
	hears(t, caller, 880)
	if n := called.Stats().Received; n > 50 {
		t.Errorf("%d packets reached a telephone that was not answered", n)
	}
	called = ok[*phone.Call](t)(r.Answer(phone.Reply{Keep: time.Minute}))
	expect[call.Answered](t, o)
	called.Play(tone(550), true)
	hears(t, caller, 550)
	o.Hangup(call.Cause{By: call.ByCaller, Reason: call.ReasonHangup})
	<-called.Done()
	caller.Hangup()
}

func TestTelephoneSaysNo(t *testing.T) {
	w := build(t, nil)
	p, rings := callee(t)
	o := w.place(t, sipgw.Place{Peers: hops(p)})
	if err := next(t, rings).Refuse(phone.Reply{Headers: map[string]string{"Reason": "Q.850;cause=17"}}); err != nil {
		t.Fatal(err)
	}
	gone(t, o, call.Cause{By: call.ByCalled, Reason: call.ReasonTheirBusy, Status: 486, Q850: 17})
	o = w.place(t, sipgw.Place{Peers: hops(p)})
	if err := next(t, rings).Redirect("sip:4000@192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	if got := expect[call.Forwarded](t, o); got.To != "4000" {
		t.Errorf("forwarded to %q", got.To)
	}
	gone(t, o, call.Cause{By: call.ByCalled, Reason: call.ReasonForwarded, Status: 302})
	o = w.place(t, sipgw.Place{Peers: hops(p)})
	r := next(t, rings)
	if err := r.Ringing(); err != nil {
		t.Fatal(err)
	}
	expect[call.Ringing](t, o)
	o.Hangup(call.Cause{By: call.BySystem, Reason: call.ReasonNoAnswer})
	<-r.Done()
	if cancel := r.Cancelled(); cancel == nil || reason(cancel) != "Q.850;cause=19" {
		t.Errorf("cancelled by %v", cancel)
	}
	if _, err := r.Answer(phone.Reply{}); err == nil {
		t.Error("a cancelled call was answered")
	}
}
