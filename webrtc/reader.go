package webrtc

import (
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v4"

	"github.com/carillon-cc/carillon/media"
)

// endpoint is a way on which datagrams come and go: a socket or a TCP
// connection, the browser's address and ours.
type endpoint struct {
	socket *socket
	tcp    *tcpConn
	remote netip.AddrPort
	local  netip.Addr
}

// path is an endpoint that a browser's check has proved, ready to be written to.
type path struct {
	endpoint
	route *route // of UDP
}

func newPath(e endpoint) *path {
	p := &path{endpoint: e}
	if e.socket != nil {
		p.route = newRoute(e.socket.ipv6, e.remote, e.local)
	}
	return p
}

// send writes a datagram to the path and tells whether it was taken. It never
// waits. o must not be in use elsewhere.
func (p *path) send(o *outlet, b []byte) bool {
	if p.tcp != nil {
		return p.tcp.send(b)
	}
	return o.send(p.socket.raw, p.route, b)
}

// binding is what a reader knows of a remote address: whose it is. The peer is
// taken out when it is closed or has been seen at many addresses since.
type binding struct {
	peer atomic.Pointer[Peer]
	path *path
}

// reader is the state of one goroutine that reads datagrams.
type reader struct {
	engine   *Engine
	bindings map[netip.AddrPort]*binding
	swept    int // how many bindings were left when the dead ones were last thrown out
	request  stun.Message
	out      outlet
	packet   media.Packet
}

// handle takes one datagram. The classes are those of RFC 7983 §7; RTCP is told
// from RTP by its type (RFC 5761 §4).
func (r *reader) handle(b []byte, from netip.AddrPort, e endpoint, now time.Duration) {
	if len(b) == 0 {
		return
	}
	if b[0] < 4 {
		r.check(b, from, e, now)
		return
	}
	bound := r.bindings[from]
	if bound == nil {
		r.engine.strangers.Add(1)
		return
	}
	p := bound.peer.Load()
	if p == nil {
		delete(r.bindings, from)
		r.engine.strangers.Add(1)
		return
	}
	switch {
	case b[0] >= 20 && b[0] < 64:
		p.receiveDTLS(b)
	case b[0] >= 128 && b[0] < 192 && len(b) >= 12:
		if kind := b[1] & 0x7f; kind >= 64 && kind < 96 {
			p.receiveRTCP(b, now)
		} else {
			p.receiveRTP(b, now, &r.packet)
		}
	}
}

// bind notes whose the address is and returns the path to it. ok is false when
// the peer is closed.
func (r *reader) bind(p *Peer, from netip.AddrPort, e endpoint) (known *path, ok bool) {
	bound := r.bindings[from]
	if bound != nil && bound.peer.Load() == p && bound.path.endpoint == e {
		return bound.path, true
	}
	bound = &binding{path: newPath(e)}
	bound.peer.Store(p)
	if !p.addBinding(bound) {
		return nil, false
	}
	r.bindings[from] = bound
	if len(r.bindings) > 2*r.swept+64 {
		for address, b := range r.bindings {
			if b.peer.Load() == nil {
				delete(r.bindings, address)
			}
		}
		r.swept = len(r.bindings)
	}
	return bound.path, true
}
