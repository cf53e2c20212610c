package registrar

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"
)

var (
	desk = Flow{"UDP", netip.MustParseAddrPort("192.0.2.10:5060"), netip.MustParseAddrPort("192.0.2.20:5060")}
	far  = Flow{"UDP", netip.MustParseAddrPort("192.0.2.10:5060"), netip.MustParseAddrPort("198.51.100.7:40001")}
)

// parse reads a REGISTER with some headers.
func parse(t testing.TB, callID string, seq int, headers ...string) *sip.Request {
	t.Helper()
	text := strings.Join(append([]string{
		"REGISTER sip:carillon.example SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.20;branch=z9hG4bKa;rport", "From: <sip:100@carillon.example>;tag=a",
		"To: <sip:100@carillon.example>", "Call-ID: " + callID, fmt.Sprintf("CSeq: %d REGISTER", seq), "Content-Length: 0",
	}, headers...), "\r\n") + "\r\n\r\n"
	m, err := sip.ParseMessage([]byte(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return m.(*sip.Request)
}

// rig is a registrar with what it told.
type rig struct {
	*Registrar
	t    *testing.T
	told []string
	seq  int
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t}
	r.Registrar = New(func(line string, registered bool) { r.told = append(r.told, fmt.Sprint(line, " ", registered)) })
	t.Cleanup(r.Close)
	return r
}

// register sends the next REGISTER of a Call-ID and returns the status and the
// contacts that are left.
func (r *rig) register(flow Flow, callID string, headers ...string) (int, []string) {
	r.t.Helper()
	r.seq++
	return r.send(flow, callID, r.seq, headers...)
}

func (r *rig) send(flow Flow, callID string, seq int, headers ...string) (int, []string) {
	r.t.Helper()
	got, _, err := r.Register(Registration{Line: "l", Key: "password", Max: 3, Request: parse(r.t, callID, seq, headers...), Flow: flow, UserAgent: "Desk"})
	code := 200
	if err != nil {
		var refused *Refusal
		if !errors.As(err, &refused) {
			r.t.Fatal(err)
		}
		code, got = refused.Code, r.Bindings("l")
	}
	var contacts []string
	for _, b := range got {
		contacts = append(contacts, fmt.Sprintf("%s %d", b.URI.Host, int(time.Until(b.Expires).Seconds())))
	}
	return code, contacts
}

func TestRegistrations(t *testing.T) {
	rows := []struct {
		name     string
		headers  []string
		code     int
		contacts []string
	}{
		{"a query of nothing", nil, 200, nil},
		{"the default time", []string{"Contact: <sip:100@192.0.2.20>"}, 200, []string{"192.0.2.20 3600"}},
		{"the header's time", []string{"Expires: 600", "Contact: <sip:100@192.0.2.20>"}, 200, []string{"192.0.2.20 600"}},
		{"the parameter counts more", []string{"Expires: 600", "Contact: <sip:100@192.0.2.20>;expires=90"}, 200, []string{"192.0.2.20 90"}},
		{"no longer than an hour", []string{"Contact: <sip:100@192.0.2.20>;expires=99999"}, 200, []string{"192.0.2.20 3600"}},
		{"an unreadable time", []string{"Contact: <sip:100@192.0.2.20>;expires=soon"}, 200, []string{"192.0.2.20 3600"}},
		{"shorter behind a NAT", []string{"Contact: <sip:100@10.0.0.1>"}, 200, []string{"10.0.0.1 180"}},
		{"another port is a NAT", []string{"Contact: <sip:100@192.0.2.20:5070>"}, 200, []string{"192.0.2.20 180"}},
		{"too brief", []string{"Contact: <sip:100@192.0.2.20>;expires=59"}, 423, nil},
		{"two of which one is too brief: neither", []string{"Contact: <sip:100@192.0.2.20>, <sip:100@192.0.2.21>;expires=5"}, 423, nil},
		{"two in one header", []string{"Contact: <sip:100@192.0.2.20>, \"A, B\" <sip:100@192.0.2.20:5062>"}, 200, []string{"192.0.2.20 3600", "192.0.2.20 180"}},
		{"four are too many", []string{"Contact: <sip:1@a.example>, <sip:2@a.example>, <sip:3@a.example>, <sip:4@a.example>"}, 403, nil},
		{"removing what is not there", []string{"Contact: <sip:100@192.0.2.20>;expires=0"}, 200, nil},
		{"a star with a time", []string{"Contact: *", "Expires: 60"}, 400, nil},
		{"a star without a time", []string{"Contact: *"}, 400, nil},
		{"a star and more", []string{"Contact: *", "Contact: <sip:100@192.0.2.20>", "Expires: 0"}, 400, nil},
		{"a telephone number", []string{"Contact: <tel:+33123456789>"}, 400, nil},
		{"a page", []string{"Contact: <http://192.0.2.20/>"}, 400, nil},
		{"a long address", []string{"Contact: <sip:" + strings.Repeat("1", 300) + "@192.0.2.20>"}, 400, nil},
	}
	for _, row := range rows {
		r := newRig(t)
		code, contacts := r.register(desk, "call", row.headers...)
		// A second may have ended in between.
		for i, c := range contacts {
			contacts[i] = strings.NewReplacer(" 3599", " 3600", " 599", " 600", " 179", " 180", " 89", " 90").Replace(c)
		}
		if code != row.code || !reflect.DeepEqual(contacts, row.contacts) {
			t.Errorf("%s: %d %v, want %d %v", row.name, code, contacts, row.code, row.contacts)
		}
	}
}

func TestBindingsComeAndGoAndAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.register(desk, "a", "Contact: <sip:100@192.0.2.20>;expires=100")
		r.register(far, "b", "Contact: <sip:100@10.0.0.1>;expires=60")
		if got := len(r.Bindings("l")); got != 2 || r.Count() != 2 {
			t.Fatalf("%d bindings", got)
		}
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if got := r.Bindings("l"); len(got) != 1 || got[0].Flow != desk {
			t.Errorf("after the end of one: %v", got)
		}
		if r.Knows("UDP", far.Peer) || !r.Knows("UDP", desk.Peer) || !r.Has("l", "UDP", desk.Peer) || r.Has("m", "UDP", desk.Peer) {
			t.Error("the known flows are not those of the bindings")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		r.register(desk, "a", "Contact: <sip:100@192.0.2.20>")
		r.register(desk, "a", "Contact: *", "Expires: 0")
		if want := []string{"l true", "l false", "l true", "l false"}; !reflect.DeepEqual(r.told, want) {
			t.Errorf("told %v", r.told)
		}
	})
}

func TestRefreshKeepsTheBindingAndItsAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for range 5 {
			r.register(desk, "a", "Contact: <sip:100@192.0.2.20>;expires=60")
			time.Sleep(50 * time.Second)
		}
		got := r.Bindings("l")
		if len(got) != 1 || time.Since(got[0].Since) != 250*time.Second || time.Until(got[0].Expires) != 10*time.Second {
			t.Errorf("bindings %+v", got)
		}
	})
}

func TestOlderRequestChangesNothing(t *testing.T) {
	r := newRig(t)
	r.send(desk, "a", 5, "Contact: <sip:100@192.0.2.20>")
	for _, seq := range []int{5, 4} {
		if code, contacts := r.send(desk, "a", seq, "Contact: <sip:100@192.0.2.20>;expires=0"); code != 500 || len(contacts) != 1 {
			t.Errorf("CSeq %d: %d %v", seq, code, contacts)
		}
		if code, contacts := r.send(desk, "a", seq, "Contact: *", "Expires: 0"); code != 500 || len(contacts) != 1 {
			t.Errorf("CSeq %d with a star: %d %v", seq, code, contacts)
		}
	}
	// Another Call-ID is another boot of the telephone.
	if code, contacts := r.send(desk, "b", 1, "Contact: <sip:100@192.0.2.20>;expires=0"); code != 200 || len(contacts) != 0 {
		t.Errorf("another Call-ID: %d %v", code, contacts)
	}
}

func TestSamePrivateAddressInTwoHomesIsTwoTelephones(t *testing.T) {
	r := newRig(t)
	home := Flow{"UDP", far.Local, netip.MustParseAddrPort("203.0.113.9:1024")}
	r.register(far, "a", "Contact: <sip:100@10.0.0.1>")
	r.register(home, "b", "Contact: <sip:100@10.0.0.1>")
	if got := r.Bindings("l"); len(got) != 2 {
		t.Errorf("%d bindings", len(got))
	}
}

func TestTelephoneThatMovedIsTheSame(t *testing.T) {
	const instance = `;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"`
	r := newRig(t)
	r.register(far, "a", "Contact: <sip:100@10.0.0.1>"+instance)
	home := Flow{"UDP", far.Local, netip.MustParseAddrPort("203.0.113.9:1024")}
	got, moved, err := r.Register(Registration{Line: "l", Max: 3, Request: parse(t, "b", 1, "Contact: <sip:100@192.168.7.7>"+instance), Flow: home})
	if err != nil || len(got) != 1 || got[0].Flow != home || !reflect.DeepEqual(moved, []Move{{far, home}}) {
		t.Errorf("%v %v %v", got, moved, err)
	}
}

func TestGhostOfARestartedTelephoneMakesRoom(t *testing.T) {
	r := newRig(t)
	for i := range 5 {
		flow := Flow{"UDP", far.Local, netip.AddrPortFrom(far.Peer.Addr(), uint16(1000+i))}
		if code, contacts := r.register(flow, fmt.Sprint("boot", i), fmt.Sprintf("Contact: <sip:100@10.0.0.1:%d>", 2000+i)); code != 200 || len(contacts) > 3 {
			t.Errorf("boot %d: %d %v", i, code, contacts)
		}
	}
}

func TestClosedConnectionTakesAllItsLines(t *testing.T) {
	r := newRig(t)
	flow := Flow{"TLS", desk.Local, netip.MustParseAddrPort("198.51.100.7:40002")}
	for _, line := range []string{"l", "m"} {
		if _, _, err := r.Register(Registration{Line: line, Max: 1, Request: parse(t, line, 1, "Contact: <sip:100@10.0.0.1;transport=tls>"), Flow: flow}); err != nil {
			t.Fatal(err)
		}
	}
	r.Lost("TCP", flow.Peer)
	if r.Count() != 2 {
		t.Error("a connection of another transport counts")
	}
	r.Lost("TLS", flow.Peer)
	if r.Count() != 0 || r.Knows("TLS", flow.Peer) {
		t.Error("bindings outlive their connection")
	}
}

func TestLinesThatAreGoneLoseTheirBindings(t *testing.T) {
	r := newRig(t)
	for _, x := range []struct {
		name  string
		keep  func(line, key string) bool
		stays bool
	}{
		{"that stays", func(line, key string) bool { return line == "l" && key == "password" }, true},
		{"with another password", func(_, key string) bool { return key == "another" }, false},
		{"that is gone", func(string, string) bool { return false }, false},
	} {
		r.register(desk, "a", "Contact: <sip:100@192.0.2.20>")
		r.Keep(x.keep)
		if got := len(r.Bindings("l")) == 1; got != x.stays {
			t.Errorf("a line %s: bound is %v", x.name, got)
		}
	}
}

func TestNATedTelephonesAreSpreadOverTheShards(t *testing.T) {
	r := newRig(t)
	for i := range 100 {
		flow := Flow{"UDP", far.Local, netip.AddrPortFrom(far.Peer.Addr(), uint16(1000+i))}
		if _, _, err := r.Register(Registration{Line: fmt.Sprint(i), Max: 1, Request: parse(t, "a", 1, "Contact: <sip:100@10.0.0.1>"), Flow: flow}); err != nil {
			t.Fatal(err)
		}
	}
	r.register(desk, "x", "Contact: <sip:100@192.0.2.20>")
	total := 0
	for shard := range uint32(20) {
		n := len(r.Behind(shard, 20, nil))
		if total += n; n != 5 {
			t.Errorf("shard %d has %d", shard, n)
		}
	}
	if total != 100 {
		t.Errorf("%d telephones", total)
	}
}

func FuzzContact(f *testing.F) {
	f.Add("<sip:100@192.0.2.20>;expires=60, \"A, \\\"B\" <sip:1@[2001:db8::1]:5061;transport=tls>;q=0.5;+sip.instance=\"<urn:uuid:1>\"")
	f.Add("*")
	f.Add("sip:100@h;expires=0")
	f.Fuzz(func(t *testing.T, value string) {
		text := "REGISTER sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: <sip:1@x>;tag=a\r\nTo: <sip:1@x>\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\nContact: " +
			value + "\r\nContent-Length: 0\r\n\r\n"
		m, err := sip.ParseMessage([]byte(text))
		if err != nil {
			return
		}
		req, ok := m.(*sip.Request)
		if !ok || req.CallID() == nil || req.CSeq() == nil {
			return
		}
		r := New(nil)
		defer r.Close()
		bindings, _, err := r.Register(Registration{Line: "l", Max: 3, Request: req, Flow: desk})
		if err != nil && len(bindings) > 0 {
			t.Error("refused and done")
		}
		for _, b := range bindings {
			if strings.ContainsAny(b.URI.String()+b.Q, "\r\n<>\"") {
				t.Errorf("%q would end a header", b.URI.String())
			}
			if time.Until(b.Expires) > MaxExpires {
				t.Errorf("lasts until %v", b.Expires)
			}
		}
	})
}
