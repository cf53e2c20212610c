package media

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socket is a UDP socket that is not in the runtime's poller. Its calls never
// wait: a datagram that the kernel has no room for is lost, as on a network.
type socket struct {
	fd   int
	ipv6 bool // carries IPv4 too
	// users counts who is in a call, so that the number of a closed socket is
	// not another's in the middle of one. It is closedSocket more once closed.
	users atomic.Int64
}

const closedSocket = math.MinInt64

func openSocket(at netip.AddrPort) (*socket, netip.AddrPort, error) {
	// A socket of IPv6 takes IPv4 as well where it is bound to no address.
	s := &socket{ipv6: at.Addr().Is6()}
	family := unix.AF_INET
	if s.ipv6 {
		family = unix.AF_INET6
	}
	var err error
	if s.fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return nil, netip.AddrPort{}, err
	}
	var name unix.RawSockaddrInet6
	length := putAddress(&name, at, s.ipv6)
	if s.ipv6 {
		_ = unix.SetsockoptInt(s.fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0)
	}
	_, _, errno := unix.Syscall(unix.SYS_BIND, uintptr(s.fd), uintptr(unsafe.Pointer(&name)), uintptr(length))
	if errno == 0 {
		length = unix.SizeofSockaddrInet6
		_, _, errno = unix.Syscall(unix.SYS_GETSOCKNAME, uintptr(s.fd), uintptr(unsafe.Pointer(&name)), uintptr(unsafe.Pointer(&length)))
	}
	if errno != 0 {
		_ = unix.Close(s.fd)
		return nil, netip.AddrPort{}, errno
	}
	return s, address(&name), nil
}

// socketPair is the sockets of one port: RTP on an even number, RTCP on the odd
// one above.
type socketPair struct {
	rtp, rtcp *socket
	local     netip.AddrPort // of rtp
}

func openPair(ip netip.Addr, even uint16) (socketPair, error) {
	rtp, local, err := openSocket(netip.AddrPortFrom(ip, even))
	if err != nil {
		return socketPair{}, err
	}
	rtcp, _, err := openSocket(netip.AddrPortFrom(ip, even+1))
	if err != nil {
		rtp.close()
		return socketPair{}, err
	}
	return socketPair{rtp, rtcp, local}, nil
}

func (p socketPair) close() {
	p.rtp.close()
	p.rtcp.close()
}

// begin tells whether the socket may be used; if so, end must follow.
func (s *socket) begin() bool {
	for {
		n := s.users.Load()
		if n < 0 {
			return false
		}
		if s.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (s *socket) end() {
	if s.users.Add(-1) == closedSocket {
		_ = unix.Close(s.fd)
	}
}

// close closes the socket as soon as nobody uses it. Call it once.
func (s *socket) close() {
	if s.users.Add(closedSocket) == closedSocket {
		_ = unix.Close(s.fd)
	}
}

// send sends a datagram.
func (s *socket) send(b []byte, to netip.AddrPort) error {
	if !s.begin() {
		return errClosedSocket
	}
	defer s.end()
	if !s.ipv6 && !to.Addr().Unmap().Is4() {
		return unix.EAFNOSUPPORT
	}
	var name unix.RawSockaddrInet6
	length := putAddress(&name, to, s.ipv6)
	// The call does not wait, so the scheduler need not hear of it (see poller).
	_, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(&name)), uintptr(length))
	if errno != 0 {
		return errno
	}
	return nil
}

var errClosedSocket = fmt.Errorf("the socket is closed: %w", syscall.EBADF)

// inbox is room for a datagram and its sender.
type inbox struct {
	name   unix.RawSockaddrInet6
	length uint32
	data   [MaxPacket]byte
}

// receive reads a datagram. ok is false when there is none.
func (s *socket) receive(in *inbox) (b []byte, from netip.AddrPort, ok bool) {
	if !s.begin() {
		return nil, netip.AddrPort{}, false
	}
	defer s.end()
	in.length = unix.SizeofSockaddrInet6
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(s.fd), uintptr(unsafe.Pointer(&in.data[0])), MaxPacket,
		unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(&in.name)), uintptr(unsafe.Pointer(&in.length)))
	if errno != 0 {
		return nil, netip.AddrPort{}, false
	}
	return in.data[:n], address(&in.name), true
}

// putAddress writes an address in the kernel's form and returns its length. It
// must be one of IPv4 where ipv6 is false.
func putAddress(name *unix.RawSockaddrInet6, a netip.AddrPort, ipv6 bool) uint32 {
	if ipv6 {
		*name = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: a.Addr().As16()}
		name.Port = networkOrder(a.Port())
		return unix.SizeofSockaddrInet6
	}
	v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
	*v4 = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: networkOrder(a.Port()), Addr: a.Addr().Unmap().As4()}
	return unix.SizeofSockaddrInet4
}

// address reads an address in the kernel's form.
func address(name *unix.RawSockaddrInet6) netip.AddrPort {
	if name.Family == unix.AF_INET {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), networkOrder(v4.Port))
	}
	return netip.AddrPortFrom(netip.AddrFrom16(name.Addr).Unmap(), networkOrder(name.Port))
}

// networkOrder turns a port between its number and how socket addresses hold it.
func networkOrder(port uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], port)
	return binary.BigEndian.Uint16(b[:])
}
