package sipgw

import (
	"context"
	"net/netip"
	"slices"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/sipgw/trunk"
)

// regain finds another way for a request within the dialog whose connection has
// ended. A call is not over with its connection.
func (l *leg) regain(req *sip.Request) {
	if l.connected() {
		return
	}
	if l.line != "" {
		l.awaitTelephone()
	} else {
		l.turnToListener()
	}
	l.dialog.Readdress(req)
}

// connected tells whether the peer can be sent something without connecting to
// it first.
func (l *leg) connected() bool {
	transport, peer := l.dialog.Way()
	return l.gateway.dialled[transport] == nil || l.gateway.guard.streams.has(transport, peer)
}

// awaitTelephone waits until a line's telephone, to which only it can open a
// connection, has registered over another one (RFC 5626 §4.4, §7).
func (l *leg) awaitTelephone() {
	g := l.gateway
	ctx, cancel := context.WithTimeout(g.sending, 64*g.cfg.Timers.T1)
	defer cancel()
	moved := make(chan struct{}, 1)
	g.mu.Lock()
	g.astray[l] = append(g.astray[l], moved)
	g.mu.Unlock()
	defer g.found(l, moved)
	for !l.connected() {
		select {
		case <-moved:
		case <-ctx.Done():
			return
		}
	}
}

// turnToListener has the next requests go where the peer of a trunk or of an
// allowed network takes connections, if they came from where it does not.
func (l *leg) turnToListener() {
	g := l.gateway
	transport, peer := l.dialog.Way()
	if _, listens := g.trunks.listener(transport, peer); listens || l.dialog.Dialled() {
		return
	}
	next, ok := l.dialog.Next() // RFC 3261 §12.2.1.1
	if ok {
		peer = next
	}
	if e, known := g.trunks.listener(transport, peer); known {
		g.expect(e.Peer, e.Host)
	} else if e, beside := g.trunks.beside(transport, peer.Addr()); beside {
		// What a trunk's Contact names is trusted by the name of the trunk, and
		// without such an address the trunk is where we call it.
		if !ok {
			peer = e.Peer
		}
		g.expect(peer, e.Host)
	} else if !ok {
		return
	}
	l.dialog.Reroute(transport, g.localFor(transport, peer), peer)
}

// listener is the endpoint of a trunk at an address.
func (t *trunks) listener(transport string, at netip.AddrPort) (trunk.Endpoint, bool) {
	return t.endpoint(func(e trunk.Endpoint) bool { return e.Transport == transport && e.Peer == at })
}

// beside is the first endpoint of a trunk on a machine.
func (t *trunks) beside(transport string, ip netip.Addr) (trunk.Endpoint, bool) {
	return t.endpoint(func(e trunk.Endpoint) bool { return e.Transport == transport && e.Peer.Addr() == ip })
}

func (t *trunks) endpoint(fits func(trunk.Endpoint) bool) (trunk.Endpoint, bool) {
	for _, l := range t.links() {
		if l.trunk.Disabled {
			continue
		}
		for _, e := range l.health.Order() {
			if fits(e) {
				return e, true
			}
		}
	}
	return trunk.Endpoint{}, false
}

// lineLegs lists the legs of a line that have a dialog, those too of which no
// more than a last request waits for the telephone.
func (g *Gateway) lineLegs(line string) []*leg {
	g.mu.Lock()
	defer g.mu.Unlock()
	var legs []*leg
	for _, l := range g.legs {
		if l.line == line {
			legs = append(legs, l)
		}
	}
	for l := range g.astray {
		if l.line == line && g.legs[l.dialog.ID()] != l {
			legs = append(legs, l)
		}
	}
	return legs
}

// moved has the requests of a leg go on that wait for its telephone.
func (g *Gateway) moved(l *leg) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, waiting := range g.astray[l] {
		select {
		case waiting <- struct{}{}:
		default:
		}
	}
}

// found takes back that a request of a leg waits for its telephone.
func (g *Gateway) found(l *leg, waiting chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	rest := slices.DeleteFunc(g.astray[l], func(w chan struct{}) bool { return w == waiting })
	if len(rest) == 0 {
		delete(g.astray, l)
	} else {
		g.astray[l] = rest
	}
}
