package server

import (
	"net"
	"sync"
)

// maxConnections is how many web connections are served at a time. Each takes
// some 20 KB: strangers who open more wait at the door, and calls do not suffer.
const maxConnections = 8192

// limited is a listener that has at most so many connections open at a time.
type limited struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func limit(l net.Listener, most int) net.Listener {
	return &limited{Listener: l, slots: make(chan struct{}, most), closed: make(chan struct{})}
}

// Accept waits for a connection, and before for room for one.
func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &counted{Conn: conn, leave: sync.OnceFunc(func() { <-l.slots })}, nil
}

// Close ends Accept.
func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// counted is a connection that takes a place until it is closed.
type counted struct {
	net.Conn
	leave func()
}

// Close makes room for another connection.
func (c *counted) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
