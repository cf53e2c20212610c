package sipgw

import (
	"fmt"
	"math/rand/v2"
	"net/netip"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw/sdp"
)

// openSound opens what carries the leg's sound. public is our address as the
// peer is told it, sources limits where sound may come from. Without an error
// the leg must be released at its end.
func (l *leg) openSound(public netip.Addr, sources []netip.Prefix, policy sdp.Policy) error {
	g := l.gateway
	port, err := g.cfg.Ports.Open(media.PortConfig{Allowed: sources})
	if err != nil {
		return fmt.Errorf("opening a leg's sound: %w", err)
	}
	l.port = port
	l.media = netip.AddrPortFrom(public, port.Local().Port())
	l.writer = sdp.NewWriter(rand.Uint64())
	l.writer.SetPolicy(policy)
	l.output = media.NewOutput(func(b []byte) { _ = port.Send(b) })
	l.keepAlive = media.NewKeepAlive(l.output)
	l.keys = media.NewDigitSender(g.cfg.Pacer, l.output, 0)
	l.reporter = media.NewReporter(port, l.output)
	return nil
}

// policyOf says what sound is agreed on with a peer of whom encryption is
// demanded, or not, and whose signalling comes by transport.
func policyOf(transport string, demanded ccs.Encryption) sdp.Policy {
	switch {
	case demanded == ccs.EncryptionRequired:
		return sdp.Required
	case transport == "TLS" || transport == "WSS":
		return sdp.Preferred
	}
	return sdp.Plain
}

// meet takes, for the answer to an offer, our media address of the IP version
// that the offer is in, if we have one.
func (l *leg) meet(offer *sdp.Description) {
	wanted, at := offer.SoundAddress(), l.media.Addr().Unmap()
	if !wanted.IsValid() || wanted.IsUnspecified() || wanted.Is4() == at.Is4() || !carries(l.port.Local().Addr(), wanted) {
		return
	}
	if ip, ok := l.gateway.ownAddress(wanted.Is4(), at.IsLoopback()); ok {
		l.media = netip.AddrPortFrom(ip, l.media.Port())
	}
}

// carries tells whether a socket bound to an address can send to another.
func carries(bound, to netip.Addr) bool {
	return bound.Is4() == to.Is4() || bound.Is6() && bound.IsUnspecified()
}

// ownAddress is an address of ours that a peer can be told, of version 4 or 6.
func (g *Gateway) ownAddress(is4, loopback bool) (netip.Addr, bool) {
	if public := g.cfg.PublicIP.Unmap(); !loopback && public.IsValid() && !public.IsUnspecified() && public.Is4() == is4 {
		return public, true
	}
	for _, s := range g.sockets.udp {
		if at, err := netip.ParseAddrPort(s.LocalAddr().String()); err == nil {
			if ip := at.Addr().Unmap(); ip.Is4() == is4 && ip.IsLoopback() == loopback && !ip.IsUnspecified() {
				return ip, true
			}
		}
	}
	return netip.Addr{}, false
}
