package sipgw

import (
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// acl is who may talk to us. Strangers are dropped before sipgo sees them: a
// scanner learns nothing, costs no memory and no parsing.
type acl struct {
	loopback bool
	trunks   atomic.Pointer[[]netip.Prefix]
	closed   atomic.Bool   // nobody may, any more
	dropped  atomic.Uint64 // datagrams and connections of strangers
}

func newACL(loopback bool, trunks []netip.Prefix) *acl {
	a := &acl{loopback: loopback}
	a.set(trunks)
	return a
}

func (a *acl) set(trunks []netip.Prefix) {
	own := make([]netip.Prefix, len(trunks))
	for i, p := range trunks {
		own[i] = p.Masked()
	}
	a.trunks.Store(&own)
}

// trunk is the prefix that an address belongs to; ok tells whether it may talk
// to us.
func (a *acl) trunk(ip netip.Addr) (prefix netip.Prefix, ok bool) {
	if a.closed.Load() {
		return netip.Prefix{}, false
	}
	for _, p := range *a.trunks.Load() {
		if p.Contains(ip) {
			return p, true
		}
	}
	return netip.Prefix{}, a.loopback && ip.IsLoopback()
}

func (a *acl) allows(ip netip.Addr) bool {
	_, ok := a.trunk(ip)
	return ok
}

// guardedSocket is a UDP socket that strangers cannot be heard through. It also
// keeps sipgo listening: that ends at the first read error.
type guardedSocket struct {
	*net.UDPConn
	acl *acl
}

// ReadFrom returns the next datagram of somebody who may talk to us.
func (s *guardedSocket) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := s.ReadFromUDPAddrPort(b)
		if errors.Is(err, net.ErrClosed) {
			return 0, nil, err
		}
		if err != nil {
			time.Sleep(errorPause)
			continue
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		if !s.acl.allows(from.Addr()) {
			s.acl.dropped.Add(1)
			continue
		}
		return n, net.UDPAddrFromAddrPort(from), nil
	}
}

// errorPause keeps an error that does not pass from taking the processor.
const errorPause = 10 * time.Millisecond

// guardedListener is a TCP listener that closes strangers' connections without
// a word and outlives errors such as a want of file descriptors.
type guardedListener struct {
	*net.TCPListener
	acl *acl
}

// Accept returns the next connection of somebody who may talk to us.
func (l *guardedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return nil, err
		}
		if err != nil {
			time.Sleep(errorPause)
			continue
		}
		if from := conn.RemoteAddr().(*net.TCPAddr).AddrPort(); l.acl.allows(from.Addr().Unmap()) {
			return conn, nil
		}
		l.acl.dropped.Add(1)
		_ = conn.SetLinger(0) // a reset, and no socket left in TIME_WAIT
		_ = conn.Close()
	}
}
