package webrtc

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"

	"github.com/carillon-cc/carillon/media"
)

// Bounds of media over TCP (RFC 6544), which browsers use where UDP is blocked.
const (
	maxConnections = 2000
	// strangerTime is how long a connection may last without a check that we
	// can answer; idleTime how long one may be silent after that.
	strangerTime = 5 * time.Second
	idleTime     = 30 * time.Second
	// tcpDepth is how many datagrams wait to be written: 640 ms of sound. What
	// a slow network does not take is dropped, for late sound is of no use.
	tcpDepth = 32
	// acceptPause is how long to wait when no connection can be accepted, for
	// want of file descriptors.
	acceptPause = 50 * time.Millisecond
)

// connections are the TCP connections that are open.
type connections struct {
	mu     sync.Mutex
	open   map[*tcpConn]struct{}
	closed bool
}

func (c *connections) add(t *tcpConn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.open) >= maxConnections {
		return false
	}
	if c.open == nil {
		c.open = make(map[*tcpConn]struct{})
	}
	c.open[t] = struct{}{}
	return true
}

func (c *connections) remove(t *tcpConn) {
	c.mu.Lock()
	delete(c.open, t)
	c.mu.Unlock()
}

func (c *connections) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for t := range c.open {
		_ = t.conn.Close()
	}
}

// tcpConn is a TCP connection that carries datagrams with their length in front
// (RFC 4571 §2).
type tcpConn struct {
	engine *Engine
	conn   *net.TCPConn
	start  sync.Once   // of the writer, with the first answer: strangers get no buffers
	free   chan []byte // buffers to fill
	full   chan []byte // buffers to write
	done   chan struct{}
}

// acceptTCP takes connections until the listener is closed.
func (e *Engine) acceptTCP() {
	for {
		conn, err := e.listener.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(acceptPause)
			continue
		}
		t := &tcpConn{
			engine: e, conn: conn, done: make(chan struct{}),
			free: make(chan []byte, tcpDepth), full: make(chan []byte, tcpDepth),
		}
		if !e.connections.add(t) {
			_ = conn.Close()
			continue
		}
		e.work.Go(func() {
			defer e.connections.remove(t)
			defer conn.Close()
			defer close(t.done)
			t.read()
		})
	}
}

// read takes datagrams until the connection ends or is silent for too long.
func (t *tcpConn) read() {
	defer func() {
		if fault := recover(); fault != nil { // ends this connection alone
			t.engine.config.Log.Error("a browser's packet failed", "fault", fmt.Sprint(fault), "stack", string(debug.Stack()))
		}
	}()
	remote := t.conn.RemoteAddr().(*net.TCPAddr).AddrPort()
	remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	r := &reader{engine: t.engine, bindings: make(map[netip.AddrPort]*binding)}
	in := bufio.NewReaderSize(t.conn, 2*maxDatagram)
	buf := make([]byte, maxDatagram)
	_ = t.conn.SetReadDeadline(time.Now().Add(strangerTime))
	for {
		if _, err := io.ReadFull(in, buf[:2]); err != nil {
			return
		}
		n := int(binary.BigEndian.Uint16(buf))
		if n > len(buf) {
			return
		}
		if _, err := io.ReadFull(in, buf[:n]); err != nil {
			return
		}
		r.handle(buf[:n], remote, endpoint{tcp: t, remote: remote}, media.Now())
		if len(r.bindings) > 0 {
			_ = t.conn.SetReadDeadline(time.Now().Add(idleTime))
		}
	}
}

// send queues a datagram. It never waits.
func (t *tcpConn) send(b []byte) bool {
	if len(b) > maxDatagram {
		return false
	}
	t.start.Do(func() {
		for range tcpDepth {
			t.free <- make([]byte, 0, maxDatagram+2)
		}
		t.engine.work.Go(t.write)
	})
	select {
	case buf := <-t.free:
		buf = binary.BigEndian.AppendUint16(buf[:0], uint16(len(b)))
		t.full <- append(buf, b...) // has room for every buffer there is
		return true
	default:
		return false
	}
}

func (t *tcpConn) write() {
	for {
		select {
		case <-t.done:
			return
		case buf := <-t.full:
			_ = t.conn.SetWriteDeadline(time.Now().Add(strangerTime))
			if _, err := t.conn.Write(buf); err != nil {
				_ = t.conn.Close()
				return
			}
			t.free <- buf
		}
	}
}
