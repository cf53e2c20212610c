package dtlsrtp

import (
	"net"
	"os"
	"sync"
	"time"

	"github.com/pion/transport/v5/deadline"
)

// pipeDepth is how many datagrams may wait for the handshake. A flight is at
// most a handful; like a full socket, a full pipe drops.
const pipeDepth = 16

// maxDatagram is the largest datagram that a pipe takes, in bytes.
const maxDatagram = 2048

// Pipe is the packet connection that a handshake runs over. What it reads is
// delivered by the goroutine that reads the real socket; what it writes goes to
// a function.
type Pipe struct {
	send     func([]byte)
	in       chan []byte
	deadline *deadline.Deadline
	closed   chan struct{}
	once     sync.Once
}

// NewPipe returns a pipe that writes with send, which must not block nor keep
// the bytes.
func NewPipe(send func([]byte)) *Pipe {
	return &Pipe{send: send, in: make(chan []byte, pipeDepth), deadline: deadline.New(), closed: make(chan struct{})}
}

// Deliver hands a copy of a datagram to the reader. It never waits.
func (p *Pipe) Deliver(datagram []byte) {
	if len(datagram) > maxDatagram || len(p.in) == cap(p.in) {
		return
	}
	select {
	case <-p.closed:
	case p.in <- append([]byte(nil), datagram...):
	default:
	}
}

// ReadFrom is net.PacketConn's.
func (p *Pipe) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case d := <-p.in:
		return copy(b, d), pipeAddr{}, nil
	case <-p.closed:
		return 0, nil, net.ErrClosed
	case <-p.deadline.Done():
		return 0, nil, os.ErrDeadlineExceeded
	}
}

// WriteTo is net.PacketConn's. The address does not matter: a pipe has one end.
func (p *Pipe) WriteTo(b []byte, _ net.Addr) (int, error) {
	if p.Closed() {
		return 0, net.ErrClosed
	}
	p.send(b)
	return len(b), nil
}

// Close ends reads and writes. It never waits.
func (p *Pipe) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Closed tells whether Close was called.
func (p *Pipe) Closed() bool {
	select {
	case <-p.closed:
		return true
	default:
		return false
	}
}

// LocalAddr is net.PacketConn's.
func (p *Pipe) LocalAddr() net.Addr { return pipeAddr{} }

// SetDeadline sets the read deadline; writes never wait.
func (p *Pipe) SetDeadline(t time.Time) error { return p.SetReadDeadline(t) }

// SetReadDeadline is net.PacketConn's.
func (p *Pipe) SetReadDeadline(t time.Time) error {
	p.deadline.Set(t)
	return nil
}

// SetWriteDeadline does nothing: writes never wait.
func (p *Pipe) SetWriteDeadline(time.Time) error { return nil }

// pipeAddr is the address of both ends of a pipe. The connection moves between
// network addresses without DTLS knowing.
type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
