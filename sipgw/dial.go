package sipgw

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/sipgw/dialog"
	"github.com/carillon-cc/carillon/sipgw/screen"
)

// dialTime bounds how long a connection may take, with its TLS handshake.
const dialTime = 5 * time.Second

// requester carries the requests of sipgo's client. Over TCP and TLS it opens
// connections itself, because sipgo checks a certificate against the address
// that it dials, not against the name that we mean, and waits a minute for one.
type requester struct{ gateway *Gateway }

// Request sends a request.
func (r requester) Request(ctx context.Context, req *sip.Request) (sip.ClientTransaction, error) {
	if err := r.gateway.connect(ctx, req); err != nil {
		return nil, fmt.Errorf("connecting for %s: %w", req.Method, err)
	}
	if req.IsAck() {
		return nil, r.gateway.ua.TransportLayer().WriteMsg(req)
	}
	tx, err := r.gateway.ua.TransactionLayer().Request(ctx, req)
	if err != nil {
		return nil, err
	}
	return tx, nil
}

// expect notes the name that the certificate of a peer must have, of TLS. A peer
// without one must have that of the request's URI (RFC 5922 §7.3).
func (g *Gateway) expect(peer netip.AddrPort, name string) {
	if name != "" {
		g.names.Store(peer, name)
	}
}

// connect opens the connection that a request goes out through, unless there is
// one.
func (g *Gateway) connect(ctx context.Context, req *sip.Request) error {
	transport := strings.ToUpper(req.Transport())
	if g.dialled[transport] == nil {
		return nil
	}
	peer, err := netip.ParseAddrPort(req.Destination())
	if err != nil {
		return nil //nolint:nilerr // a name, which sipgo looks up
	}
	peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	name := req.Recipient.Host
	if expected, ok := g.names.Load(peer); ok {
		name = expected.(string)
	}
	return g.open(ctx, transport, peer, name)
}

// open opens a connection and hands it to sipgo, unless there is one. The
// certificate of a TLS peer must have the name.
func (g *Gateway) open(ctx context.Context, transport string, peer netip.AddrPort, name string) error {
	out := g.dialled[transport]
	done, err := out.turn(ctx, peer)
	if err != nil {
		return err
	}
	defer done()
	if g.guard.streams.has(transport, peer) {
		return nil
	}
	conn, err := g.dial(ctx, transport, peer, strings.Trim(name, "[]"))
	if err != nil {
		return err
	}
	return out.hand(ctx, conn)
}

// dial opens a connection. The certificate of a TLS peer must have its name.
func (g *Gateway) dial(ctx context.Context, transport string, peer netip.AddrPort, name string) (*stream, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", peer.String())
	if err != nil {
		return nil, err
	}
	if transport == "TLS" {
		secured := tls.Client(conn, g.clientTLS(name))
		if err := secured.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, fmt.Errorf("TLS with %s: %w", name, err)
		}
		conn = secured
	}
	s := newStream(conn, transport, g.guard, true)
	s.ready, s.dialled = true, true
	return s, nil
}

// dialled gives sipgo the connections that we opened, as if they had come in:
// sipgo reads them and sends what is for their peer through them.
type dialled struct {
	mu    sync.Mutex
	under map[netip.AddrPort]chan struct{} // being opened; closed when that is done

	conns  chan handover
	taken  chan struct{} // closed when sipgo has the last one
	closed chan struct{}
	end    func()
	at     net.Addr
}

// turn waits until nobody else opens a connection to a peer. A peer that does not
// answer must not hold up the calls to others.
func (d *dialled) turn(ctx context.Context, peer netip.AddrPort) (done func(), err error) {
	for {
		d.mu.Lock()
		other := d.under[peer]
		if other == nil {
			own := make(chan struct{})
			d.under[peer] = own
			d.mu.Unlock()
			return func() {
				d.mu.Lock()
				delete(d.under, peer)
				d.mu.Unlock()
				close(own)
			}, nil
		}
		d.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

type handover struct {
	conn  net.Conn
	taken chan struct{}
}

func newDialled(at netip.AddrPort) *dialled {
	d := &dialled{under: make(map[netip.AddrPort]chan struct{}), conns: make(chan handover), closed: make(chan struct{}), at: net.TCPAddrFromAddrPort(at)}
	d.end = sync.OnceFunc(func() { close(d.closed) })
	return d
}

// hand gives sipgo a connection and waits until it has it.
func (d *dialled) hand(ctx context.Context, conn *stream) error {
	h := handover{conn, make(chan struct{})}
	select {
	case d.conns <- h:
	case <-ctx.Done():
		_ = conn.Close()
		return ctx.Err()
	case <-d.closed:
		_ = conn.Close()
		return net.ErrClosed
	}
	select {
	case <-h.taken:
	case <-d.closed:
	}
	return nil
}

// Accept is called by sipgo when it has taken the connection before.
func (d *dialled) Accept() (net.Conn, error) {
	if d.taken != nil {
		close(d.taken)
		d.taken = nil
	}
	select {
	case h := <-d.conns:
		d.taken = h.taken
		return screen.NewConn(h.conn, dialog.NewTag), nil
	case <-d.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (d *dialled) Close() error {
	d.end()
	return nil
}

// Addr is that of the listener whose transport it is.
func (d *dialled) Addr() net.Addr { return d.at }
