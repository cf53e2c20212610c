package sipgw_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw"
	"github.com/carillon-cc/carillon/sipgw/phone"
	"github.com/carillon-cc/carillon/sipgw/siptest"
	"github.com/carillon-cc/carillon/sipgw/trunk"
)

// provider makes a trunk to telephones that stand for a provider's servers.
func provider(id string, servers ...*phone.Phone) *ccs.Trunk {
	t := &ccs.Trunk{Meta: ccs.Meta{ID: id}, Name: id, Outgoing: ccs.TrunkOutgoing{Allowed: []string{"+33"}, Country: "FR"}}
	for _, s := range servers {
		t.Targets = append(t.Targets, ccs.TrunkTarget{Host: s.Addr().Addr().String(), Port: int(s.Addr().Port())})
	}
	return t
}

// anywhere makes a telephone at an address of its own.
func anywhere(t *testing.T) *phone.Phone { return at(t, siptest.Address().String()) }

// at makes a telephone at an address of this machine.
func at(t *testing.T, ip string) *phone.Phone {
	t.Helper()
	p, err := phone.New(phone.Config{Local: netip.MustParseAddr(ip)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// dials calls the gateway and waits for the call, or how it was refused.
func dials(t *testing.T, w *tower, p *phone.Phone, number string) (*phone.Call, *sipgw.Incoming) {
	t.Helper()
	c, err := p.Dial(t.Context(), phone.Options{URI: "sip:" + number + "@" + w.Addr().String(), From: "0612345678"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Hangup)
	select {
	case in := <-w.incoming:
		in.Leg.Listen(call.Listener{})
		return c, &in
	case <-c.Done():
		return c, nil
	case <-time.After(patience):
		t.Fatal("neither a call nor a refusal")
		return nil, nil
	}
}

func quick(c *sipgw.Config) {
	c.AllowLoopback = false
	c.Timers.TrunkTest = 200 * time.Millisecond
	c.Timers.Farewell = 300 * time.Millisecond
}

func TestOutgoingCallsPassTheGuardsOfTheirTrunk(t *testing.T) {
	server, rings := callee(t)
	alarms := make(chan sipgw.Alarm, 100)
	w := build(t, func(c *sipgw.Config) {
		quick(c)
		c.OnAlarm = func(a sipgw.Alarm) { alarms <- a }
		c.DailyCounts = func(day time.Time) ([]trunk.DailyCount, error) {
			return []trunk.DailyCount{{Trunk: "carrier", By: "alice", Calls: 4}}, nil
		}
	})
	carrier := provider("carrier", server)
	carrier.Outgoing.Blocked, carrier.Outgoing.MaxCalls, carrier.Outgoing.DailyPerAgent = []string{"+336"}, 1, 5
	off := provider("off", server)
	off.Disabled = true
	w.SetTrunks([]*ccs.Trunk{off, carrier})
	refused := func(o sipgw.Outgoing, reason call.Reason, guard string) {
		t.Helper()
		_, err := w.Call(o)
		var e *sipgw.RefusedError
		if !errors.As(err, &e) || e.Reason != reason || !strings.Contains(e.Detail, guard) || strings.Contains(e.Error(), "123456789") {
			t.Errorf("%+v got %v, want %s by %s", o, err, reason, guard)
		}
	}
	refused(sipgw.Outgoing{Number: "hello"}, call.ReasonInvalid, "number")
	refused(sipgw.Outgoing{Number: "+12125550123"}, call.ReasonNotAllowed, "prefix")
	refused(sipgw.Outgoing{Number: "+12125550124"}, call.ReasonNotAllowed, "prefix")
	refused(sipgw.Outgoing{Number: "0612345678"}, call.ReasonNotAllowed, "blocked")
	refused(sipgw.Outgoing{Number: "0899123456"}, call.ReasonNotAllowed, "premium")
	refused(sipgw.Outgoing{Number: "0123456789", Trunk: "off"}, call.ReasonUnavailable, "disabled")
	refused(sipgw.Outgoing{Number: "0123456789", Trunk: "nobody"}, call.ReasonUnavailable, "no trunk")

	first, err := w.Call(sipgw.Outgoing{Number: "0123456789", By: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	ring := next(t, rings)
	refused(sipgw.Outgoing{Number: "0123456789", By: "bob"}, call.ReasonCongestion, "outgoing")
	if s := w.TrunkStates(); len(s) != 2 || s[0].Status != sipgw.TrunkDisabled || s[1].Outgoing != 1 || s[1].Today != 5 {
		t.Errorf("states %+v", s)
	}
	first.Hangup(call.Cause{By: call.ByAgent, Reason: call.ReasonHangup})
	<-ring.Done()
	for limit := time.Now().Add(patience); w.TrunkStates()[1].Outgoing != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("the place was not given back")
		}
	}
	refused(sipgw.Outgoing{Number: "0123456789", By: "alice"}, call.ReasonNotAllowed, "agent")

	got := make(map[trunk.Guard]int)
	for len(alarms) > 0 {
		a := <-alarms
		if a.Trunk != "carrier" || strings.Contains(a.Detail, "12345") {
			t.Errorf("alarm %+v", a)
		}
		if a.Kind == trunk.GuardPrefix && a.Number != "+12125550123" {
			t.Errorf("the alarm does not tell what was dialled: %+v", a)
		}
		got[a.Kind]++
	}
	want := map[trunk.Guard]int{trunk.GuardPrefix: 1, trunk.GuardBlocked: 1, trunk.GuardPremium: 1, trunk.GuardOutgoing: 1, trunk.GuardAgent: 1}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("alarms %v, want %v", got, want)
	}
}

func TestCallGoesToTheNextTargetAndTheNextTrunk(t *testing.T) {
	t.Parallel()
	dead := newWire(t) // which says nothing
	alive, rings := callee(t)
	told := make(states, 1000)
	w := build(t, func(c *sipgw.Config) {
		quick(c)
		c.OnTrunk = func(s sipgw.TrunkState) { told <- s }
	})
	only := provider("first")
	only.Targets = []ccs.TrunkTarget{{Host: dead.addr().Addr().String(), Port: int(dead.addr().Port())}}
	both := provider("second", alive)
	both.Targets = append(only.Targets[:1:1], both.Targets...)
	w.SetTrunks([]*ccs.Trunk{only, both})
	latest := make(map[string]sipgw.TrunkState)
	told.await(t, "down and the other degraded", func(s sipgw.TrunkState) bool {
		latest[s.Trunk] = s
		return latest["first"].Status == sipgw.TrunkDown && latest["first"].Reason == sipgw.ReasonTargets && latest["second"].Status == sipgw.TrunkDegraded
	})
	leg, err := w.Call(sipgw.Outgoing{Number: "0123456789"})
	if err != nil {
		t.Fatal(err)
	}
	defer leg.Hangup(call.Cause{By: call.ByAgent, Reason: call.ReasonHangup})
	ring := next(t, rings)
	dead.quiet(sip.INVITE, 100*time.Millisecond) // it was not tried first
	_ = ring.Refuse(phone.Reply{})
}

func TestCallsComeFromTheAddressesOfTrunksAlone(t *testing.T) {
	t.Parallel()
	w := build(t, quick)
	server, other, stranger := anywhere(t), at(t, "127.0.0.3"), at(t, "127.0.0.4")
	carrier := provider("carrier", server)
	carrier.Sources, carrier.MaxCalls = []string{"127.0.0.3"}, 1
	wide := provider("wide", at(t, "127.0.0.9"))
	wide.Sources = []string{"127.0.0.0/28"}
	wide.Outgoing.Country = ""
	// silent sends an INVITE from an address, once: a telephone would repeat it, and be
	// heard later.
	silent := func(p *phone.Phone) {
		t.Helper()
		before := w.Stats().Dropped
		from := ok[*net.UDPConn](t)(net.ListenUDP("udp", &net.UDPAddr{IP: p.Addr().Addr().AsSlice()}))
		defer from.Close()
		text := fmt.Sprintf("INVITE sip:1000@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKs;rport\r\nFrom: <sip:1@x>;tag=a\r\n"+
			"To: <sip:1000@x>\r\nCall-ID: s\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n", w.Addr(), from.LocalAddr())
		ok[int](t)(from.WriteToUDPAddrPort([]byte(text), w.Addr()))
		settled(t, "the stranger is not heard", func() bool { return w.Stats().Dropped > before })
		if len(w.incoming) != 0 {
			t.Error("a stranger's call was taken")
		}
	}
	silent(server)
	w.SetTrunks([]*ccs.Trunk{carrier})
	silent(stranger)
	c, in := dials(t, w, other, "0123456789")
	if in == nil || in.Trunk != "carrier" || in.From != "+33612345678" || in.To != "0123456789" || in.Forms[1] != "+33123456789" {
		t.Fatalf("incoming %+v", in)
	}
	if err := in.Leg.Answer(); err != nil {
		t.Fatal(err)
	}
	if err := c.WaitAnswer(t.Context()); err != nil {
		t.Fatal(err)
	}
	full, none := dials(t, w, server, "0123456789")
	if none != nil || full.Ending().Status != 486 {
		t.Errorf("one call too many got %+v", full.Ending())
	}

	// The smallest network says whose a call is.
	w.SetTrunks([]*ccs.Trunk{wide})
	if _, in := dials(t, w, stranger, "0123456789"); in == nil || in.Trunk != "wide" || in.From != "0612345678" {
		t.Errorf("incoming %+v", in)
	}
	w.SetTrunks(nil)
	silent(other)
	// A call that runs ends as it should, whoever its trunk was.
	gone := make(chan call.Cause, 1)
	in.Leg.Listen(call.Listener{Events: func(e call.Event) {
		if g, ok := e.(call.Gone); ok {
			gone <- g.Cause
		}
	}})
	c.Hangup()
	select {
	case cause := <-gone:
		if cause.By != call.ByCaller {
			t.Errorf("gone by %v", cause)
		}
	case <-time.After(patience):
		t.Error("the BYE of a removed trunk's call was not heard")
	}
}

// registrarOf makes a second gateway that is a registrar, with the line 100.
func registrarOf(t *testing.T) *tower {
	r := build(t, nil)
	r.SetLines([]*ccs.Line{{Meta: ccs.Meta{ID: "l"}, Number: "100", Secrets: ccs.NewLineSecrets("100", "secret")}})
	return r
}

func registering(r *tower, password string) *ccs.Trunk {
	return &ccs.Trunk{
		Meta: ccs.Meta{ID: "t"}, Name: "t", Register: true, Username: "100", Password: password,
		Targets: []ccs.TrunkTarget{{Host: r.Addr().Addr().String(), Port: int(r.Addr().Port())}},
	}
}

func TestOnlyATrunkThatChangedRegistersAnew(t *testing.T) {
	r, told := registrarOf(t), make(states, 1000)
	w := build(t, func(c *sipgw.Config) {
		quick(c)
		c.OnTrunk = func(s sipgw.TrunkState) { told <- s }
	})
	contacts := func() int { return len(r.LineStates()[0].Contacts) }
	w.SetTrunks([]*ccs.Trunk{registering(r, "secret")})
	before := told.await(t, "registered", up)
	w.SetTrunks([]*ccs.Trunk{registering(r, "secret"), provider("other", anywhere(t))})
	told.await(t, "up", func(s sipgw.TrunkState) bool { return s.Trunk == "other" && s.Status == sipgw.TrunkUp })
	if s := w.TrunkStates()[0]; !s.RegisteredUntil.Equal(before.RegisteredUntil) {
		t.Errorf("an unchanged trunk registered anew: %v, before %v", s.RegisteredUntil, before.RegisteredUntil)
	}
	edited := registering(r, "secret")
	edited.Expires = ccs.MillisOf(30 * time.Minute)
	w.SetTrunks([]*ccs.Trunk{edited})
	told.await(t, "registered anew", func(s sipgw.TrunkState) bool { return up(s) && s.RegisteredUntil.After(before.RegisteredUntil) })
	if n := contacts(); n != 1 {
		t.Errorf("%d registrations, want that of the edited trunk alone", n)
	}
	w.SetTrunks(nil)
	for limit := time.Now().Add(patience); contacts() != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("a removed trunk stays registered")
		}
	}
}

func TestRegistrationEndsWithTheGateway(t *testing.T) {
	r, told := registrarOf(t), make(states, 1000)
	w := build(t, func(c *sipgw.Config) {
		quick(c)
		c.OnTrunk = func(s sipgw.TrunkState) { told <- s }
	})
	w.SetTrunks([]*ccs.Trunk{registering(r, "secret")})
	told.await(t, "registered", up)
	w.stop()
	if n := len(r.LineStates()[0].Contacts); n != 0 {
		t.Errorf("%d registrations are left", n)
	}
}

func TestDoctorNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	r := registrarOf(t)
	server, rings := callee(t)
	var answering sync.WaitGroup
	over := t.Context().Done() // rings stays open: the telephone may still be called
	answering.Go(func() {
		for {
			select {
			case ring := <-rings:
				_ = ring.Ringing()
				_, _ = ring.Answer(phone.Reply{})
			case <-over:
				return
			}
		}
	})
	t.Cleanup(answering.Wait)
	w := build(t, quick)
	closed := provider("t")
	closed.Targets = []ccs.TrunkTarget{{Host: siptest.Address().String(), Transport: ccs.TCP}}
	secure := provider("t")
	secure.Targets = []ccs.TrunkTarget{{Host: r.Addr().Addr().String(), Port: int(r.Addr().Port()), Transport: ccs.TLS}}
	unnamed := provider("t")
	unnamed.Targets = []ccs.TrunkTarget{{Host: "nobody.invalid"}}
	for _, row := range []struct {
		name   string
		trunk  *ccs.Trunk
		number string
		want   string // levels and codes
	}{
		{"settings", &ccs.Trunk{Name: "x"}, "", "fail settings.bad"},
		{"name", unnamed, "", "fail dns.failed"},
		{"nobody listens", closed, "", "fail reach.refused, ok register.none"},
		{"no TLS there", secure, "", "fail tls.failed, ok register.none"},
		{"registration", registering(r, "secret"), "", "ok reach.answers, ok register.ok"},
		{"wrong password", registering(r, "wrong"), "", "ok reach.answers, fail register.refused"},
		{"not allowed", provider("t", server), "+12125550123", "ok reach.ok, ok register.none, fail call.guard.prefix"},
		{
			"a call", provider("t", server), "0123456789",
			"ok reach.ok, ok register.none, ok call.answered, ok call.codec, ok call.keys, ok media.ok, ok media.",
		},
	} {
		var got []string
		for _, f := range w.Diagnose(t.Context(), *row.trunk, row.number) {
			got = append(got, string(f.Level)+" "+f.Code)
			if text := fmt.Sprint(f); strings.Contains(text, "secret") || strings.Contains(text, "wrong") {
				t.Errorf("%s: a password in %s", row.name, text)
			}
		}
		if text := strings.Join(got, ", "); !strings.HasPrefix(text, row.want) || row.name != "a call" && text != row.want {
			t.Errorf("%s:\n got %s\nwant %s", row.name, text, row.want)
		}
	}
	if n := len(r.LineStates()[0].Contacts); n != 0 {
		t.Errorf("the doctor left %d registrations", n)
	}
	settled(t, "the doctor leaves no call", func() bool { return w.Stats().Calls == 0 })
}
