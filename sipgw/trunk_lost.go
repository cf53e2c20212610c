package sipgw

import (
	"net/netip"
	"time"
)

// lost takes the end of a connection: a provider that reached us through it
// could not do so any more, and may be gone itself. Any goroutine may call it.
func (t *trunks) lost(transport string, peer netip.AddrPort) {
	for _, l := range t.links() {
		if l.runner != nil {
			if at := l.runner.At(); at.Transport == transport && at.Peer == peer {
				l.runner.Lost()
			}
		}
		if !l.trunk.Disabled && l.health.Lost(transport, peer, time.Now()) {
			t.look()
		}
	}
}

// missed renews a registration whose connection ended before it was known to be
// the registration's.
func (t *trunks) missed(l *link) {
	at := l.runner.At()
	if at.Transport == "UDP" {
		return
	}
	if !t.gateway.guard.streams.has(at.Transport, at.Peer) {
		l.runner.Lost()
	}
}
