package webrtc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime/debug"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/carillon-cc/carillon/media"
)

// socketBuffer is what is asked of the kernel for each socket and direction, in
// bytes; an ordinary user gets net.core.rmem_max and wmem_max at most.
const socketBuffer = 4 << 20

// batch is how many datagrams one system call reads at most.
const batch = 32

// maxDatagram is the largest datagram that is read, in bytes: an Ethernet
// frame's worth and room to see that something is longer.
const maxDatagram = 1600

// controlSize has room for a packet-info control message of either family.
const controlSize = 64

// socket is one of the UDP sockets that share the port (SO_REUSEPORT). The
// kernel deals remote addresses to them, each always to the same one.
type socket struct {
	engine *Engine
	conn   *net.UDPConn
	raw    syscall.RawConn
	ipv6   bool // an IPv6 socket, which also carries IPv4 where it is bound to no address
	reader reader
}

// openSocket binds a UDP socket that others may share the port with.
func openSocket(e *Engine, address string) (*socket, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		if controlErr := raw.Control(func(fd uintptr) { err = setOptions(int(fd)) }); controlErr != nil {
			return controlErr
		}
		return err
	}}
	packets, err := config.ListenPacket(context.Background(), "udp", address)
	if err != nil {
		return nil, err
	}
	conn := packets.(*net.UDPConn)
	s := &socket{engine: e, conn: conn}
	s.reader = reader{engine: e, bindings: make(map[netip.AddrPort]*binding)}
	if s.raw, err = conn.SyscallConn(); err == nil {
		_ = s.raw.Control(func(fd uintptr) {
			var name unix.Sockaddr
			if name, err = unix.Getsockname(int(fd)); err == nil {
				_, s.ipv6 = name.(*unix.SockaddrInet6)
			}
		})
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return s, nil
}

// setOptions sets up a socket before it is bound. It has the kernel tell to
// which of our addresses a datagram was sent: a check must be answered from
// there (RFC 8445 §7.3.1).
func setOptions(fd int) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return fmt.Errorf("SO_REUSEPORT: %w", err)
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, socketBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, socketBuffer)
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, socketBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, socketBuffer)
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1); err == nil {
		return nil
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1); err != nil {
		return fmt.Errorf("IP_PKTINFO: %w", err)
	}
	return nil
}

// run reads until the socket is closed. A fault of what is done with one call's
// packet must not end the others: reading goes on after it.
func (s *socket) run() {
	in := newInbox()
	for again := true; again; {
		again = s.readOn(in)
	}
}

// readOn reads until the socket is closed, or until a fault, when it is to be
// called again.
func (s *socket) readOn(in *inbox) (again bool) {
	defer func() {
		if fault := recover(); fault != nil {
			again = true
			s.reader.engine.config.Log.Error("a browser's packet failed", "fault", fmt.Sprint(fault), "stack", string(debug.Stack()))
		}
	}()
	for {
		n, err := in.read(s.raw)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return false
			}
			// Such as a report of ICMP about an earlier send: nothing to do with
			// the next datagram.
			continue
		}
		now := media.Now()
		for i := range n {
			datagram, from, to, ok := in.datagram(i)
			if ok {
				s.reader.handle(datagram, from, endpoint{socket: s, remote: from, local: to}, now)
			}
		}
	}
}

// inbox reads datagrams a batch at a time. Its buffers are used over and over.
//
// Neither it nor an outlet tells the scheduler of its system calls, which do not
// wait: told of one while the process was idle, it wakes its monitor, which then
// runs every 20 µs for a while and costs more than the call.
type inbox struct {
	headers  [batch]messageHeader
	vectors  [batch]unix.Iovec
	names    [batch]unix.RawSockaddrInet6 // large enough for either family
	controls [batch][controlSize]byte
	data     [batch][maxDatagram]byte
	got      int
	err      syscall.Errno
	receive  func(fd uintptr) bool
}

// messageHeader is struct mmsghdr of recvmmsg(2).
type messageHeader struct {
	unix.Msghdr
	length uint32
	_      [4]byte
}

func newInbox() *inbox {
	in := &inbox{}
	for i := range in.headers {
		in.vectors[i].Base = &in.data[i][0]
		in.vectors[i].SetLen(maxDatagram)
		h := &in.headers[i]
		h.Name = (*byte)(unsafe.Pointer(&in.names[i]))
		h.Iov = &in.vectors[i]
		h.SetIovlen(1)
		h.Control = &in.controls[i][0]
		h.Namelen = unix.SizeofSockaddrInet6
		h.SetControllen(controlSize)
	}
	in.receive = func(fd uintptr) bool {
		n, _, errno := syscall.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&in.headers[0])), batch,
			unix.MSG_DONTWAIT, 0, 0)
		in.got, in.err = int(n), errno
		if errno != 0 {
			in.got = 0
		}
		return errno != unix.EAGAIN && errno != unix.EINTR
	}
	return in
}

// read waits for datagrams and returns how many came.
func (in *inbox) read(raw syscall.RawConn) (int, error) {
	for i := range in.got {
		// The kernel overwrote the room with what it used of it.
		in.headers[i].Namelen = unix.SizeofSockaddrInet6
		in.headers[i].SetControllen(controlSize)
	}
	if err := raw.Read(in.receive); err != nil {
		return 0, err
	}
	if in.err != 0 {
		return 0, in.err
	}
	return in.got, nil
}

// datagram returns what was read at place i, from whom, and to which of our
// addresses; that one is the zero Addr when the kernel did not tell.
func (in *inbox) datagram(i int) (b []byte, from netip.AddrPort, to netip.Addr, ok bool) {
	h := &in.headers[i]
	if h.Flags&unix.MSG_TRUNC != 0 {
		return nil, netip.AddrPort{}, netip.Addr{}, false
	}
	name := &in.names[i]
	switch name.Family {
	case unix.AF_INET:
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		from = netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), networkPort(v4.Port))
	case unix.AF_INET6:
		from = netip.AddrPortFrom(netip.AddrFrom16(name.Addr).Unmap(), networkPort(name.Port))
	default:
		return nil, netip.AddrPort{}, netip.Addr{}, false
	}
	control := in.controls[i][:h.Controllen]
	return in.data[i][:h.length], from, packetInfo(control), true
}

// networkPort turns a port as it stands in a socket address into a number.
func networkPort(p uint16) uint16 {
	return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&p))[:])
}

// packetInfo reads our address out of the control messages of ip(7) and ipv6(7).
func packetInfo(control []byte) netip.Addr {
	if len(control) < unix.SizeofCmsghdr {
		return netip.Addr{}
	}
	h := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
	data := control[unix.CmsgLen(0):]
	switch {
	case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
		return netip.AddrFrom16([16]byte(data[:16])).Unmap()
	case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
		return netip.AddrFrom4([4]byte(data[8:12])) // ipi_addr, after ipi_ifindex and ipi_spec_dst
	}
	return netip.Addr{}
}

// route is where a datagram is sent, in the form that sendmsg(2) takes. It does
// not change once made, so that any goroutine may use it.
type route struct {
	name    unix.RawSockaddrInet6 // or a RawSockaddrInet4 in its place
	nameLen uint32
	control []byte // our own address, or nothing
}

func newRoute(ipv6 bool, remote netip.AddrPort, local netip.Addr) *route {
	r := &route{}
	var port [2]byte
	binary.BigEndian.PutUint16(port[:], remote.Port())
	raw := *(*uint16)(unsafe.Pointer(&port))
	if ipv6 {
		r.name = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: raw, Addr: remote.Addr().As16()}
		r.nameLen = unix.SizeofSockaddrInet6
		if local.IsValid() {
			r.control = unix.PktInfo6(&unix.Inet6Pktinfo{Addr: local.As16()})
		}
		return r
	}
	v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(&r.name))
	*v4 = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: raw, Addr: remote.Addr().Unmap().As4()}
	r.nameLen = unix.SizeofSockaddrInet4
	if local.IsValid() {
		r.control = unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: local.Unmap().As4()})
	}
	return r
}

// outlet writes datagrams without ever waiting. It avoids the lock that the net
// package has writers of a socket wait for, and where the kernel's buffer is
// full the datagram is dropped, as a network would. An outlet is not safe for
// concurrent use; each has its own state so that several may write at once.
type outlet struct {
	write  func(fd uintptr)
	header unix.Msghdr
	vector unix.Iovec
	errno  syscall.Errno
}

// send writes b and tells whether the kernel took it.
func (o *outlet) send(raw syscall.RawConn, r *route, b []byte) bool {
	if o.write == nil {
		o.write = func(fd uintptr) {
			_, _, o.errno = syscall.RawSyscall(unix.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(&o.header)), unix.MSG_DONTWAIT)
		}
	}
	o.vector.Base = &b[0]
	o.vector.SetLen(len(b))
	o.header.Iov = &o.vector
	o.header.SetIovlen(1)
	o.header.Name = (*byte)(unsafe.Pointer(&r.name))
	o.header.Namelen = r.nameLen
	o.header.Control = nil
	o.header.SetControllen(len(r.control))
	if len(r.control) > 0 {
		o.header.Control = &r.control[0]
	}
	// Control keeps the socket from being closed meanwhile.
	return raw.Control(o.write) == nil && o.errno == 0
}

// close ends run.
func (s *socket) close() {
	_ = s.conn.Close()
}
