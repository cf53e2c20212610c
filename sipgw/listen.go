package sipgw

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// sockets are what a gateway listens on: one UDP socket and one TCP listener
// for each address, all with the same port, and a TLS listener.
type sockets struct {
	udp []*guardedSocket
	tcp []*guardedListener
	tls []*guardedListener
}

// portTries is how often a free port is looked for that both UDP and TCP have.
const portTries = 20

// openSockets listens on all of at and, with TLS, on all of secure. Where a port
// is 0, the first socket chooses one for all.
func openSockets(at, secure []netip.AddrPort, g *guard, conf *tls.Config) (*sockets, error) {
	var err error
	for range portTries {
		s := &sockets{}
		if err = errors.Join(s.openPlain(at, g), s.openTLS(secure, g, conf)); err == nil {
			return s, nil
		}
		err = errors.Join(err, s.close())
		if at[0].Port() != 0 {
			break
		}
	}
	return nil, err
}

func (s *sockets) openPlain(at []netip.AddrPort, g *guard) error {
	port := at[0].Port()
	for _, a := range at {
		a = netip.AddrPortFrom(a.Addr(), port)
		udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(a))
		if err != nil {
			return fmt.Errorf("listening for SIP: %w", err)
		}
		s.udp = append(s.udp, &guardedSocket{udp, g, g.shift})
		port = udp.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		tcp, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(a.Addr(), port)))
		if err != nil {
			return fmt.Errorf("listening for SIP: %w", err)
		}
		s.tcp = append(s.tcp, &guardedListener{tcp, g, nil})
	}
	return nil
}

func (s *sockets) openTLS(at []netip.AddrPort, g *guard, conf *tls.Config) error {
	for i, a := range at {
		if i > 0 {
			a = netip.AddrPortFrom(a.Addr(), s.secure().Port())
		}
		l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(a))
		if err != nil {
			return fmt.Errorf("listening for SIP over TLS: %w", err)
		}
		s.tls = append(s.tls, &guardedListener{l, g, conf})
	}
	return nil
}

// address is the first socket's.
func (s *sockets) address() netip.AddrPort {
	a := s.udp[0].LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// secure is the first TLS listener's address, the zero value without one.
func (s *sockets) secure() netip.AddrPort {
	if len(s.tls) == 0 {
		return netip.AddrPort{}
	}
	a := s.tls[0].Addr().(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// socket is the UDP socket of a local address, or nil.
func (s *sockets) socket(local netip.AddrPort) *net.UDPConn {
	for _, u := range s.udp {
		if a := u.LocalAddr().(*net.UDPAddr).AddrPort(); netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) == local {
			return u.UDPConn
		}
	}
	return nil
}

func (s *sockets) close() error {
	var errs []error
	for _, c := range s.udp {
		errs = append(errs, c.Close())
	}
	for _, l := range slices.Concat(s.tcp, s.tls) {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}
