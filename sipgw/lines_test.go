package sipgw

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
)

// told keeps what OnLines was told.
type told struct {
	mu  sync.Mutex
	all []string
}

func (o *told) lines(id string, registered bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, fmt.Sprint(id, " ", registered))
}

func (o *told) get() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.all...)
}

func TestTelephoneRegistersAndLeaves(t *testing.T) {
	for _, network := range []string{"udp", "tcp", "tls"} {
		t.Run(network, func(t *testing.T) {
			var heard told
			b := startLines(t, func(c *Config) { secure(t, c); c.OnLines = heard.lines }, line100())
			h := newHandset(t, b, network, "127.0.0.1")
			res := h.plain("REGISTER", nil, "")
			if res.StatusCode != sip.StatusUnauthorized || len(res.GetHeaders("WWW-Authenticate")) != 2 {
				t.Fatalf("not challenged twice:\n%s", res)
			}
			res = h.register("Expires: 300")
			contacts := res.GetHeaders("Contact")
			if res.StatusCode != sip.StatusOK || len(contacts) != 1 || !strings.Contains(contacts[0].Value(), ";expires=300") {
				t.Fatalf("answered\n%s", res)
			}
			states := b.LineStates()
			if len(states) != 1 || states[0].Line != "line-100" || len(states[0].Contacts) != 1 {
				t.Fatalf("states %+v", states)
			}
			c := states[0].Contacts[0]
			if c.UserAgent != "Handset 1.0" || c.Transport != h.transport() || c.Address.String() != h.conn.LocalAddr().String() || c.NAT || time.Until(c.Expires) > 301*time.Second {
				t.Errorf("contact %+v", c)
			}
			// A query changes nothing.
			h.contact = "-"
			res = h.register()
			h.contact = ""
			if got := len(b.LineStates()[0].Contacts); got != 1 {
				t.Errorf("%d contacts after a query: %s", got, res.StartLine())
			}
			if res = h.register("Expires: 30"); res.StatusCode != sip.StatusIntervalToBrief || res.GetHeader("Min-Expires").Value() != "60" {
				t.Errorf("30 s got\n%s", res)
			}
			if res = h.register("Contact: *", "Expires: 0"); res.StatusCode != sip.StatusOK || len(res.GetHeaders("Contact")) != 0 {
				t.Errorf("leaving got\n%s", res)
			}
			want := []string{"line-100 true", "line-100 false"}
			eventually(t, "it is told", func() bool { return len(heard.get()) >= len(want) })
			if !reflect.DeepEqual(heard.get(), want) {
				t.Errorf("told %v", heard.get())
			}
			if s := b.Stats(); s.Registered != 0 || s.Challenges == 0 || s.Failures != 0 {
				t.Errorf("stats %+v", s)
			}
		})
	}
}

func TestTelephoneRegistersForItselfOnly(t *testing.T) {
	b := startLines(t, nil, line100())
	h := newHandset(t, b, "udp", "127.0.0.1")
	res := h.plain("REGISTER", nil, "")
	h.seq++
	text := h.message("REGISTER", h.uri(), []string{h.answer(res, "REGISTER")}, "")
	h.send(strings.Replace(text, "To: <sip:100@", "To: <sip:200@", 1))
	if res := h.final(patience); res == nil || res.StatusCode != sip.StatusForbidden {
		t.Errorf("registering another line got %v", res)
	}
}

func TestRegistrationGoesWithItsConnection(t *testing.T) {
	for _, network := range []string{"tcp", "tls"} {
		var heard told
		b := startLines(t, func(c *Config) { secure(t, c); c.OnLines = heard.lines }, line100())
		h := newHandset(t, b, network, "127.0.0.1")
		h.mustRegister()
		h.conn.Close()
		eventually(t, "the binding is gone", func() bool { return b.Stats().Registered == 0 })
		eventually(t, "it is told", func() bool { return len(heard.get()) == 2 })
	}
}

func TestChangedLinesLoseTheirRegistrations(t *testing.T) {
	disabled, password, renamed, other := line100(), line100(), line100(), line100()
	disabled.Disabled = true
	password.Secrets = ccs.NewLineSecrets("100", "new")
	renamed.Name = "Porter"
	other.ID = "line-7"
	rows := []struct {
		name  string
		lines []*ccs.Line
		stays bool
	}{
		{"deleted", nil, false},
		{"disabled", []*ccs.Line{disabled}, false},
		{"another password", []*ccs.Line{password}, false},
		{"another line of that number", []*ccs.Line{other}, false},
		{"another name", []*ccs.Line{renamed}, true},
	}
	for _, row := range rows {
		b := startLines(t, nil, line100())
		newHandset(t, b, "udp", "127.0.0.1").mustRegister()
		b.SetLines(row.lines)
		if got := b.Stats().Registered == 1; got != row.stays {
			t.Errorf("%s: registered is %v", row.name, got)
		}
	}
}

func TestCallOfALineProvesWhoCalls(t *testing.T) {
	for _, network := range []string{"udp", "tcp", "tls"} {
		t.Run(network, func(t *testing.T) {
			b := startLines(t, func(c *Config) { secure(t, c) }, line100())
			h := newHandset(t, b, network, "127.0.0.1")
			s := h.talk(b)
			if s.Line != "line-100" || s.From != "100" || s.FromName != "Reception" || s.Anonymous || s.Trunk != "" {
				t.Errorf("incoming is %+v", s.Incoming)
			}
			if res := h.plain("BYE", nil, ""); res.StatusCode != sip.StatusOK {
				t.Errorf("BYE within the call got %s", res.StartLine())
			}
			if got := s.gone(t); got.Reason != call.ReasonHangup {
				t.Errorf("gone by %v", got)
			}
		})
	}
}

func TestRepeatedInviteGetsTheSameChallenge(t *testing.T) {
	b := startLines(t, nil, line100())
	h := newHandset(t, b, "udp", "127.0.0.1")
	h.seq++
	invite := h.message("INVITE", h.uri(), nil, handsetOffer)
	h.send(invite)
	first := h.final(patience)
	h.send(invite)
	second := h.final(patience)
	if first == nil || second == nil || first.StatusCode != sip.StatusProxyAuthRequired || first.String() != second.String() {
		t.Errorf("first\n%v\nsecond\n%v", first, second)
	}
}

func TestLineOnLoopbackProvesItselfToo(t *testing.T) {
	b := startLines(t, func(c *Config) { c.AllowLoopback = true }, line100())
	h := newHandset(t, b, "udp", "127.0.0.1")
	if s := h.call(b); s.Line != "line-100" {
		t.Errorf("incoming is %+v", s.Incoming)
	}
	// Who claims to be no line is taken as before.
	r := newRaw(t, b, "127.0.0.1")
	if s := r.invite(b, r.offer()); s.Line != "" || s.From != "+33123456789" {
		t.Errorf("incoming is %+v", s.Incoming)
	}
}

func TestLineThatHidesItsNumberIsKnownToUs(t *testing.T) {
	b := startLines(t, nil, line100())
	if s := newHandset(t, b, "udp", "127.0.0.1").call(b, "Privacy: id"); !s.Anonymous || s.From != "100" || s.Line == "" {
		t.Errorf("incoming is %+v", s.Incoming)
	}
}

func TestRequestWithinACallComesFromWhereTheCallIs(t *testing.T) {
	b := startLines(t, nil, line100())
	h := newHandset(t, b, "udp", "127.0.0.1")
	s := h.talk(b)
	thief := newHandset(t, b, "udp", "127.0.0.2")
	thief.callID, thief.toTag, thief.seq, thief.number = h.callID, h.toTag, h.seq+10, "999"
	thief.send(thief.message("BYE", thief.uri(), nil, ""))
	if res := thief.final(200 * time.Millisecond); res != nil {
		t.Errorf("a stranger within a call got %s", res.StartLine())
	}
	// With the line's number it is asked for a proof, which the telephone that
	// moved to another network can give.
	thief.number = "100"
	thief.password = "wrong"
	if res := thief.request("BYE", nil, ""); res.StatusCode != sip.StatusProxyAuthRequired {
		t.Errorf("a BYE from elsewhere got %s", res.StartLine())
	}
	select {
	case e := <-s.events:
		t.Errorf("told %T", e)
	default:
	}
	thief.password = "secret"
	if res := thief.request("BYE", nil, ""); res.StatusCode != sip.StatusOK {
		t.Errorf("a proved BYE from elsewhere got %s", res.StartLine())
	}
	s.gone(t)
}

func TestCallGoesOnOverTheNextConnection(t *testing.T) {
	for _, network := range []string{"tcp", "tls"} {
		b := startLines(t, func(c *Config) { secure(t, c) }, line100())
		h := newHandset(t, b, network, "127.0.0.1")
		h.mustRegister()
		s := h.talk(b)
		h.conn.Close()
		eventually(t, "the binding is gone", func() bool { return b.Stats().Registered == 0 })
		if b.Stats().Calls != 1 {
			t.Fatal("the call went with its connection")
		}
		again := newHandset(t, b, network, "127.0.0.1")
		again.mustRegister()
		s.Leg.Hangup(call.Cause{By: call.BySystem, Reason: call.ReasonPlanEnd})
		if bye := again.hears("BYE"); bye.CallID().Value() != h.callID {
			t.Errorf("the BYE is of %s", bye.CallID().Value())
		}
	}
}

func TestNATIsKeptOpen(t *testing.T) {
	b := startLines(t, nil, line100())
	h := newHandset(t, b, "udp", "127.0.0.1")
	h.contact = "<sip:100@10.0.0.1:5060>"
	h.mustRegister()
	for shard := range uint32(keepAliveEvery) {
		b.sendKeepAlives(shard, nil)
	}
	buffer := make([]byte, 100)
	_ = h.conn.SetReadDeadline(time.Now().Add(patience))
	if n, err := h.conn.Read(buffer); err != nil || string(buffer[:n]) != "\r\n\r\n" {
		t.Errorf("read %q, %v", buffer[:n], err)
	}
}

func TestLineOverIPv6(t *testing.T) {
	b := startLines(t, func(c *Config) {
		c.Listen, c.Ports = "[::1]:0", media.NewPorts(netip.IPv6Loopback(), 0, 0)
	}, line100())
	h := newHandset(t, b, "udp", "::1")
	h.mustRegister()
	if c := b.LineStates()[0].Contacts[0]; c.NAT || !c.Address.Addr().Is6() {
		t.Errorf("contact %+v", c)
	}
	s := h.talk(b)
	s.Leg.Hangup(call.Cause{By: call.BySystem, Reason: call.ReasonPlanEnd})
	h.hears("BYE")
}
