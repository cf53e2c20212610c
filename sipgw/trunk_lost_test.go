package sipgw

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// farEnd is where a trunk takes our connections, by hand.
type farEnd struct {
	t    *testing.T
	l    *net.TCPListener
	cert *tls.Certificate // nil for TCP
}

// openFarEnd listens at an address.
func openFarEnd(t *testing.T, ip string, cert *tls.Certificate) *farEnd {
	t.Helper()
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(ip), 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &farEnd{t, l, cert}
}

func (f *farEnd) port() int { return f.l.Addr().(*net.TCPAddr).Port }

// accept is the next connection. It waits for less than a target that is well goes
// unasked.
func (f *farEnd) accept() *handset {
	f.t.Helper()
	_ = f.l.SetDeadline(time.Now().Add(15 * time.Second))
	conn, err := f.l.Accept()
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { conn.Close() })
	if f.cert != nil {
		conn = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{*f.cert}})
	}
	return &handset{t: f.t, conn: conn, stream: bufio.NewReader(conn), number: "eve"}
}

// A provider that lives on but has closed the connection is asked by nothing else
// in the time of the test: only the end of the connection can have told.
func TestLostConnectionOfATrunkIsNoticedAtOnce(t *testing.T) {
	t.Parallel()
	const ip, name = "127.0.42.3", "sbc.carrier.test"
	cert, roots := certificate(t, name)
	for _, row := range []struct {
		name  string
		trunk ccs.Trunk
		cert  *tls.Certificate
		asks  string
	}{
		{"a registration over TCP", ccs.Trunk{Register: true, Username: "u", Password: "p"}, nil, "REGISTER"},
		{"a registration over TLS", ccs.Trunk{Register: true, Username: "u", Password: "p"}, &cert, "REGISTER"},
		{"a target over TLS", ccs.Trunk{}, &cert, "OPTIONS"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			far := openFarEnd(t, ip, row.cert)
			b := start(t, func(c *Config) {
				c.AllowLoopback, c.Resolver = false, oneName{name, netip.MustParseAddr(ip)}
				c.TLSRoots = func() *x509.CertPool { return roots }
			})
			carrier, transport := row.trunk, ccs.TCP
			if row.cert != nil {
				transport = ccs.TLS
			}
			carrier.ID, carrier.Name = "carrier", "carrier"
			carrier.Targets = []ccs.TrunkTarget{{Host: name, Port: far.port(), Transport: transport}}
			b.SetTrunks([]*ccs.Trunk{&carrier})
			for range 2 {
				h := far.accept()
				h.hears(row.asks)
				h.conn.Close()
			}
			far.accept().hears(row.asks)
		})
	}
}
