package sipgw

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw/siptest"
)

// stored is what a gateway has stored when it stops.
func (b *bench) stored() []ccs.Binding {
	var all []ccs.Binding
	for n := range BindingSheets {
		list, _ := b.Bindings(n, true)
		all = append(all, list...)
	}
	return all
}

// restart ends a gateway and starts another at its address, with the bindings of
// the first.
func restart(t *testing.T, b *bench, change func([]ccs.Binding), lines ...*ccs.Line) *bench {
	t.Helper()
	at, secured, kept := b.Addr(), b.AddrTLS(), b.stored()
	b.stop()
	if change != nil {
		change(kept)
	}
	again := prepare(t, func(c *Config) {
		secure(t, c)
		c.AllowLoopback, c.Listen, c.ListenTLS = false, at.String(), secured.String()
	})
	again.SetLines(lines)
	again.RestoreBindings(kept)
	again.run()
	<-again.ready
	return again
}

func TestATelephoneIsRungAfterARestartWithoutRegistering(t *testing.T) {
	for name, contact := range map[string]string{"as it is": "", "behind a NAT": "<sip:100@10.0.0.1:5060>"} {
		t.Run(name, func(t *testing.T) {
			b := startLines(t, func(c *Config) { secure(t, c) }, line100())
			h := newHandset(t, b, "udp", "127.0.0.1")
			h.contact = contact
			h.mustRegister()
			b = restart(t, b, nil, line100())
			if s := b.LineStates()[0]; len(s.Contacts) != 1 || s.Contacts[0].UserAgent != "Handset 1.0" || s.Contacts[0].NAT != (contact != "") {
				t.Errorf("line %+v", s)
			}
			l, err := b.Call(Outgoing{Line: "line-100", From: "1"})
			if err != nil {
				t.Fatal(err)
			}
			outcome(t, l)
			h.rings(486)
			h.hears("ACK")
			// It goes on where it was: the nonce is of before, the CSeq the next.
			if res := h.register(); res.StatusCode != sip.StatusOK || len(res.GetHeaders("Contact")) != 1 {
				t.Errorf("the refreshing got\n%s", res)
			}
			if n := b.Stats().Registered; n != 1 {
				t.Errorf("%d are registered", n)
			}
		})
	}
}

func TestTelephonesThatAreNotRestored(t *testing.T) {
	password, disabled := line100(), line100()
	password.Secrets = ccs.NewLineSecrets("100", "another")
	disabled.Disabled = true
	elsewhere := func(list []ccs.Binding) { list[0].Local = netip.MustParseAddrPort("127.0.0.1:9") }
	for _, x := range []struct {
		name   string
		lines  []*ccs.Line
		change func([]ccs.Binding)
	}{
		{"the line is gone", nil, nil},
		{"the line is disabled", []*ccs.Line{disabled}, nil},
		{"the password is another", []*ccs.Line{password}, nil},
		{"our address is another", []*ccs.Line{line100()}, elsewhere},
		{"it has ended", []*ccs.Line{line100()}, func(list []ccs.Binding) { list[0].Expires = time.Now() }},
	} {
		t.Run(x.name, func(t *testing.T) {
			b := startLines(t, func(c *Config) { secure(t, c) }, line100())
			newHandset(t, b, "udp", "127.0.0.1").mustRegister()
			if b = restart(t, b, x.change, x.lines...); b.Stats().Registered != 0 {
				t.Error("it is restored")
			}
		})
	}
}

// A telephone's connection ends with the process. Where the telephone takes
// connections itself it is called back; else it has to register anew.
func TestTelephonesOnConnectionsAfterARestart(t *testing.T) {
	const outbound = `;+sip.instance="<urn:uuid:1>";reg-id=1`
	for _, x := range []struct {
		name, network, params string
		listens, restored     bool
	}{
		{"that take connections", "tcp", ";transport=tcp", true, true},
		{"that do not", "tcp", ";transport=tcp", false, false},
		{"that are called by UDP", "tcp", "", true, false},
		{"that watch their connection", "tcp", ";transport=tcp" + outbound, true, false},
		{"over TLS", "tls", ";transport=tls", true, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			b := startLines(t, func(c *Config) { secure(t, c) }, line100())
			ip := siptest.Address() // where nobody else listens when it is closed
			l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: ip.AsSlice()})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			_ = l.SetDeadline(time.Now().Add(patience))
			if !x.listens {
				l.Close()
			}
			h := newHandset(t, b, x.network, ip.String())
			uri, params, _ := strings.Cut(x.params, ";+")
			h.contact = "<sip:100@" + l.Addr().String() + uri + ">"
			if params != "" {
				h.contact += ";+" + params
			}
			h.mustRegister()
			b = restart(t, b, nil, line100())
			if !x.restored {
				time.Sleep(50 * time.Millisecond) // what must not come
				if n := b.Stats().Registered; n != 0 {
					t.Errorf("%d are registered", n)
				}
				return
			}
			conn, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			back := streamHandset(t, conn)
			eventually(t, "it is registered", func() bool { return b.Stats().Registered == 1 })
			leg, err := b.Call(Outgoing{Line: "line-100", From: "1"})
			if err != nil {
				t.Fatal(err)
			}
			outcome(t, leg)
			back.rings(486)
			back.hears("ACK")
			conn.Close()
			eventually(t, "it is gone with the connection", func() bool { return b.Stats().Registered == 0 })
		})
	}
}

func TestWhatChangesIsToBeStored(t *testing.T) {
	b := startLines(t, nil, line100())
	if got := b.UnsavedBindings(); got != nil {
		t.Errorf("sheets %v before any telephone", got)
	}
	h := newHandset(t, b, "udp", "127.0.0.1")
	h.mustRegister()
	sheet := b.UnsavedBindings()
	if len(sheet) != 1 {
		t.Fatalf("sheets %v", sheet)
	}
	if list, ok := b.Bindings(sheet[0], false); !ok || len(list) != 1 || strings.Contains(list[0].Key, line100().Secrets.SHA256) {
		t.Errorf("stored %+v", list)
	}
	h.mustRegister()
	if got := b.UnsavedBindings(); got != nil {
		t.Errorf("a refreshing has sheets %v stored", got)
	}
	password := line100()
	password.Secrets = ccs.NewLineSecrets("100", "another")
	b.SetLines([]*ccs.Line{password})
	if got := b.UnsavedBindings(); !slices.Equal(got, sheet) {
		t.Errorf("another password has sheets %v stored", got)
	}
	if list, _ := b.Bindings(sheet[0], false); len(list) != 0 {
		t.Errorf("stored %+v", list)
	}
}
