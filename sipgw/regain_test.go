package sipgw

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
)

func TestRequestsWaitForATelephoneThatReconnects(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "tls"} {
		t.Run(network, func(t *testing.T) {
			b := startLines(t, func(c *Config) { secure(t, c) }, line100())
			h := newHandset(t, b, network, "127.0.0.1")
			h.mustRegister()
			s := h.talk(b)
			// reconnect loses the connection, has something sent, and registers anew.
			reconnect := func(send func()) {
				t.Helper()
				h.conn.Close()
				eventually(t, "the binding is gone", func() bool { return b.Stats().Registered == 0 })
				send()
				eventually(t, "a request waits", func() bool {
					b.mu.Lock()
					defer b.mu.Unlock()
					return len(b.astray) == 1
				})
				again := newHandset(t, b, network, "127.0.0.1")
				again.callID, again.toTag = h.callID, ""
				h = again
				h.mustRegister()
			}
			reconnect(s.Leg.(*caller).reoffer)
			if invite := h.rings(200); !strings.Contains(invite.Via().Value(), "SIP/2.0/"+h.transport()) {
				t.Errorf("the re-INVITE is\n%s", invite)
			}
			h.hears("ACK")
			reconnect(func() { s.Leg.Hangup(call.Cause{By: call.BySystem, Reason: call.ReasonPlanEnd}) })
			h.hears("BYE")
			eventually(t, "nothing waits", func() bool {
				b.mu.Lock()
				defer b.mu.Unlock()
				return len(b.astray) == 0
			})
		})
	}
}

// oneName is a resolver that knows one name, and of it no SRV.
type oneName struct {
	name string
	ip   netip.Addr
}

func (r oneName) LookupSRV(_ context.Context, _, _, name string) (string, []*net.SRV, error) {
	return "", nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (r oneName) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if host != r.name {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return []netip.Addr{r.ip}, nil
}

func TestRequestsReachATrunkThatClosedItsConnection(t *testing.T) {
	t.Parallel()
	const ip, name = "127.0.42.2", "sbc.carrier.test"
	cert, roots := certificate(t, name)
	for _, row := range []struct {
		transport ccs.Transport
		contact   string // PORT is where the trunk listens
	}{
		{ccs.TCP, "<sip:eve@" + ip + ":PORT;transport=tcp>"},
		{ccs.TLS, "<sip:eve@" + ip + ":PORT;transport=tls>"},
		// Behind a NAT: what it names cannot be reached, so the target is taken.
		{ccs.TLS, "<sip:eve@10.0.0.7:5099;transport=tls>"},
	} {
		t.Run(string(row.transport)+" "+row.contact, func(t *testing.T) {
			var shown *tls.Certificate
			if row.transport == ccs.TLS {
				shown = &cert
			}
			far := openFarEnd(t, ip, shown)
			port := far.port()
			b := start(t, func(c *Config) {
				secure(t, c)
				c.AllowLoopback, c.Resolver = false, oneName{name, netip.MustParseAddr(ip)}
				c.TLSRoots = func() *x509.CertPool { return roots }
			})
			b.SetTrunks([]*ccs.Trunk{{
				Meta: ccs.Meta{ID: "carrier"}, Name: "carrier", Targets: []ccs.TrunkTarget{{Host: name, Port: port, Transport: row.transport}},
			}})
			out := far.accept()
			out.hears("OPTIONS")
			h := newHandset(t, b, string(row.transport), ip)
			h.contact = strings.Replace(row.contact, "PORT", fmt.Sprint(port), 1)
			h.seq++
			h.send(h.message("INVITE", h.uri(), nil, h.offer()))
			s := b.next(t)
			defer close(s.done)
			if s.Trunk != "carrier" {
				t.Fatalf("the call came through %q", s.Trunk)
			}
			if err := s.Leg.Answer(); err != nil {
				t.Fatal(err)
			}
			res := h.final(patience)
			if res == nil || res.StatusCode != sip.StatusOK {
				t.Fatalf("not answered: %v", res)
			}
			h.toTag, _ = res.To().Params.Get("tag")
			h.send(strings.Replace(h.message("ACK", h.uri(), nil, ""), "branch=z9hG4bK", "branch=z9hG4bKack", 1))
			leg := s.Leg.(*caller)
			eventually(t, "the ACK is taken", func() bool { leg.mu.Lock(); defer leg.mu.Unlock(); return !leg.unacked })
			transport, from := leg.dialog.Way()
			h.conn.Close()
			out.conn.Close()
			target := netip.AddrPortFrom(netip.MustParseAddr(ip), uint16(port))
			eventually(t, "the connections are gone", func() bool {
				return b.guard.streams.get(transport, from) == nil && b.guard.streams.get(transport, target) == nil
			})
			s.Leg.Hangup(call.Cause{By: call.BySystem, Reason: call.ReasonPlanEnd})
			if bye := far.accept().hears("BYE"); bye.CallID().Value() != h.callID {
				t.Errorf("the BYE is of %s", bye.CallID().Value())
			}
		})
	}
}
