package sipgw

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carillon-cc/carillon/sipgw/dialog"
	"github.com/carillon-cc/carillon/sipgw/screen"
)

// What connections of strangers may do.
const (
	maxStrangers     = 512 // connections that have proved nothing, of all
	maxSameStrangers = 32  // of one source
	// firstTime is how long such a connection has for a first message that names
	// a line, and a TLS handshake before.
	firstTime = 5 * time.Second
	// proofTime is how long it then has to prove itself.
	proofTime = 30 * time.Second
	maxFirst  = 8 << 10 // bytes of a first message in which From must stand
	// writeTime is how long a peer that reads nothing may hold up an answer.
	writeTime = 5 * time.Second
)

// streams are the connections that are open, in either direction.
type streams struct {
	mu        sync.Mutex
	open      map[streamKey]*stream
	strangers map[netip.Addr]int
	total     int // of strangers
}

type streamKey struct {
	transport string
	peer      netip.AddrPort
}

func newStreams() *streams {
	return &streams{open: make(map[streamKey]*stream), strangers: make(map[netip.Addr]int)}
}

// admit counts a connection of a stranger unless there are too many.
func (s *streams) admit(ip netip.Addr) bool {
	ip = sourceOf(ip)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total >= maxStrangers || s.strangers[ip] >= maxSameStrangers {
		return false
	}
	s.total++
	s.strangers[ip]++
	return true
}

// leave takes back an admit.
func (s *streams) leave(ip netip.Addr) {
	ip = sourceOf(ip)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.strangers[ip]--; s.strangers[ip] <= 0 {
		delete(s.strangers, ip)
	}
}

func (s *streams) add(c *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[c.key] = c
}

// remove forgets a connection. It returns false where another has its place.
func (s *streams) remove(c *stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[c.key] != c {
		return false
	}
	delete(s.open, c.key)
	return true
}

// get returns the open connection to a peer, or nil.
func (s *streams) get(transport string, peer netip.AddrPort) *stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[streamKey{transport, peer}]
}

// has tells whether there is an open connection to a peer.
func (s *streams) has(transport string, peer netip.AddrPort) bool {
	return s.get(transport, peer) != nil
}

// stream is a TCP or TLS connection.
type stream struct {
	net.Conn
	guard *guard
	key   streamKey
	since time.Time
	// proven tells that it may stay: its address is a trunk's, or a telephone
	// proved itself on it.
	proven  atomic.Bool
	dialled bool   // by us
	ready   bool   // the handshake is done and the first message was looked at
	first   []byte // of the first message, not yet handed on
	ending  sync.Once
}

func newStream(conn net.Conn, transport string, g *guard, proven bool) *stream {
	peer := conn.RemoteAddr().(*net.TCPAddr).AddrPort()
	s := &stream{Conn: conn, guard: g, since: time.Now(), key: streamKey{transport, netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())}}
	s.proven.Store(proven)
	g.streams.add(s)
	return s
}

// Read reads, for sipgo, what a peer sends who is heard. All else looks like
// the end of the connection.
func (s *stream) Read(b []byte) (int, error) {
	if !s.ready {
		if err := s.prepare(); err != nil {
			s.guard.dropped.Add(1)
			s.reset()
			return 0, io.EOF
		}
		s.ready = true
	}
	if len(s.first) > 0 {
		n := copy(b, s.first)
		s.first = s.first[n:]
		return n, nil
	}
	n, err := s.Conn.Read(b)
	if err == nil && !s.proven.Load() && !s.guard.budgets.take(s.key.peer.Addr()) {
		s.guard.throttled.Add(1)
		return 0, io.EOF
	}
	return n, err
}

// errUnheard is why a connection of a stranger is closed.
var errUnheard = errors.New("the first message names no line")

// prepare does the TLS handshake and, of a stranger, looks at the first message.
func (s *stream) prepare() error {
	limit := s.since.Add(firstTime)
	_ = s.SetReadDeadline(limit)
	if t, ok := s.Conn.(*tls.Conn); ok {
		ctx, cancel := context.WithDeadline(context.Background(), limit)
		defer cancel()
		if err := t.HandshakeContext(ctx); err != nil {
			return err
		}
	}
	if s.proven.Load() {
		return s.SetReadDeadline(time.Time{})
	}
	buffer := make([]byte, 0, maxFirst)
	var m glance
	for named := false; !named; {
		n, err := s.Conn.Read(buffer[len(buffer):cap(buffer)])
		if err != nil {
			return err
		}
		buffer = buffer[:len(buffer)+n]
		for len(buffer) > 0 && (buffer[0] == '\r' || buffer[0] == '\n') { // keep-alives
			buffer = buffer[1:]
		}
		if m, named = scan(buffer); !named && (m.whole || len(buffer) == cap(buffer)) {
			return errUnheard
		}
	}
	if !s.guard.hears(m, s.key.peer.Addr()) {
		return errUnheard
	}
	s.first = buffer
	// A proof in the meantime would have lifted the limit.
	return s.SetReadDeadline(s.since.Add(proofTime))
}

// prove notes that a telephone proved itself on the connection.
func (s *stream) prove() {
	if s.proven.CompareAndSwap(false, true) {
		s.guard.streams.leave(s.key.peer.Addr())
		_ = s.SetReadDeadline(time.Time{})
	}
}

// Write sends a message.
func (s *stream) Write(b []byte) (int, error) {
	_ = s.SetWriteDeadline(time.Now().Add(writeTime))
	return s.Conn.Write(b)
}

// Close closes the connection; telephones that are reached through it are not
// reached any more, and trunks are reached anew.
func (s *stream) Close() error {
	err := s.Conn.Close()
	s.ending.Do(func() {
		s.prove() // it counts no more
		if s.guard.streams.remove(s) {
			s.guard.registrar.Lost(s.key.transport, s.key.peer)
			s.guard.lost(s.key.transport, s.key.peer)
		}
	})
	return err
}

// reset has the connection end without a word: not even TLS says good-bye, and
// no socket stays in TIME_WAIT.
func (s *stream) reset() {
	conn := s.Conn
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	if t, ok := conn.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = conn.Close()
}

// guardedListener is a TCP or TLS listener that closes strangers' connections
// without a word and outlives errors such as a want of file descriptors.
type guardedListener struct {
	*net.TCPListener
	guard *guard
	tls   *tls.Config // nil for TCP
}

func (l *guardedListener) transport() string {
	if l.tls != nil {
		return "TLS"
	}
	return "TCP"
}

// Accept returns the next connection of somebody who may be heard.
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
		from := conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
		known := l.guard.allows(from)
		if !known && (l.guard.closed.Load() || l.guard.lines.Load().none() || !l.guard.streams.admit(from)) {
			l.guard.dropped.Add(1)
			_ = conn.SetLinger(0) // a reset, and no socket left in TIME_WAIT
			_ = conn.Close()
			continue
		}
		var secured net.Conn = conn
		if l.tls != nil {
			secured = tls.Server(conn, l.tls)
		}
		return screen.NewConn(newStream(secured, l.transport(), l.guard, known), dialog.NewTag), nil
	}
}
