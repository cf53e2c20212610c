package sipgw

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// sockets are what a gateway listens on: one UDP socket and one TCP listener
// for each address, all with the same port.
type sockets struct {
	udp []*guardedSocket
	tcp []*guardedListener
}

// portTries is how often a free port is looked for that both UDP and TCP have.
const portTries = 20

// openSockets listens on all of at. Where their port is 0, the first socket
// chooses one for all.
func openSockets(at []netip.AddrPort, acl *acl) (*sockets, error) {
	var err error
	for range portTries {
		var s *sockets
		if s, err = tryOpen(at, acl); err == nil {
			return s, nil
		}
		if at[0].Port() != 0 {
			break
		}
	}
	return nil, err
}

func tryOpen(at []netip.AddrPort, acl *acl) (*sockets, error) {
	s := &sockets{}
	port := at[0].Port()
	for _, a := range at {
		a = netip.AddrPortFrom(a.Addr(), port)
		udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(a))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listening for SIP: %w", err), s.close())
		}
		s.udp = append(s.udp, &guardedSocket{udp, acl})
		port = udp.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		tcp, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(a.Addr(), port)))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listening for SIP: %w", err), s.close())
		}
		s.tcp = append(s.tcp, &guardedListener{tcp, acl})
	}
	return s, nil
}

// address is the first socket's.
func (s *sockets) address() netip.AddrPort {
	a := s.udp[0].LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

func (s *sockets) close() error {
	var errs []error
	for _, c := range s.udp {
		errs = append(errs, c.Close())
	}
	for _, l := range s.tcp {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}
