package bench

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/webrtc/browser"
)

// lineBuffer is the receive buffer of a telephone's socket in bytes.
const lineBuffer = 256 << 10

// line is a telephone's media: a UDP socket outside the Go runtime's poller,
// which the generator reads when it is due, so that a packet's arrival wakes
// nobody. That keeps the generator cheap, and spares the server the cost of
// waking a local receiver, which it would not have on a network.
type line struct {
	fd    int
	local netip.AddrPort
	ear   ear
	buf   [media.MaxPacket]byte
}

func newLine(at netip.Addr) (*line, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open a socket: %w", err)
	}
	l := &line{fd: fd}
	if err := l.bind(at); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("open a socket: %w", err)
	}
	return l, nil
}

func (l *line) bind(at netip.Addr) error {
	_ = unix.SetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, lineBuffer)
	if err := unix.SetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return err
	}
	if err := unix.Bind(l.fd, &unix.SockaddrInet4{Addr: at.As4()}); err != nil {
		return err
	}
	bound, err := unix.Getsockname(l.fd)
	if err != nil {
		return err
	}
	l.local = netip.AddrPortFrom(at, uint16(bound.(*unix.SockaddrInet4).Port))
	return nil
}

// aim says where to send, and takes packets from there alone.
func (l *line) aim(to netip.AddrPort) error {
	return unix.Connect(l.fd, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())})
}

// send is for the generator.
func (l *line) send(h media.Header, payload []byte) error {
	_, err := unix.Write(l.fd, append(media.AppendHeader(l.buf[:0], h), payload...))
	return err
}

// receive is for the generator.
func (l *line) receive(g *generator) {
	n, at, err := browser.Receive(l.fd, g.buf, g.control)
	if err != nil {
		return
	}
	if _, payload, ok := media.ParseRTP(g.buf[:n]); ok {
		l.ear.hear(payload, at, &g.window)
	}
}
