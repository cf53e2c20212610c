package sipgw

import (
	"net"
	"net/netip"
)

// localFor is the address of ours to call a peer from: that of the UDP socket
// whose address the system would take, or else of one of the peer's kind. Over
// TLS it has the port on which we take TLS.
func (g *Gateway) localFor(transport string, peer netip.AddrPort) netip.AddrPort {
	var same []netip.AddrPort
	for _, s := range g.sockets.udp {
		at := s.LocalAddr().(*net.UDPAddr).AddrPort()
		if at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port()); at.Addr().Is4() == peer.Addr().Unmap().Is4() {
			same = append(same, at)
		}
	}
	local := g.Addr()
	if len(same) > 0 {
		local = same[0]
	}
	if len(same) > 1 {
		local = routed(same, peer)
	}
	if secure := g.AddrTLS(); transport == "TLS" && secure.IsValid() {
		local = netip.AddrPortFrom(local.Addr(), secure.Port())
	}
	return local
}

// routed is the address among several that the system would reach a peer from,
// or the first.
func routed(among []netip.AddrPort, peer netip.AddrPort) netip.AddrPort {
	// Nothing is sent: connecting a UDP socket asks for the route alone.
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(peer))
	if err != nil {
		return among[0]
	}
	defer conn.Close()
	from := conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
	for _, at := range among {
		if at.Addr() == from {
			return at
		}
	}
	return among[0]
}
