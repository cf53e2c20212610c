package screen

import (
	"bytes"
	"errors"
	"net"
)

// maxStream bounds what is kept of one message of a stream, in bytes.
const maxStream = 64 << 10

// errStream ends a stream in which messages cannot be told apart any more.
var errStream = errors.New("the stream holds no SIP messages")

// Conn is a stream of which Read returns only messages that Check passes; it
// refuses the others itself. It is read by one goroutine.
type Conn struct {
	net.Conn
	tag    func() string
	held   []byte // read and not yet returned
	passed int    // how much of held may be returned
}

// NewConn screens a connection. tag makes the tags of refusals.
func NewConn(c net.Conn, tag func() string) *Conn { return &Conn{Conn: c, tag: tag} }

// Read returns the next bytes that passed.
func (c *Conn) Read(p []byte) (int, error) {
	for c.passed == 0 {
		more, err := c.screen()
		if err != nil {
			return 0, err
		}
		if !more {
			continue
		}
		if len(c.held) >= maxStream {
			return 0, errStream
		}
		n, err := c.Conn.Read(p)
		c.held = append(c.held, p[:n]...)
		if n == 0 && err != nil {
			return 0, err
		}
	}
	n := copy(p, c.held[:c.passed])
	c.drop(n)
	c.passed -= n
	return n, nil
}

// screen looks at what is held and tells whether it needs more of it.
func (c *Conn) screen() (more bool, err error) {
	if pause := len(c.held) - len(bytes.TrimLeft(c.held, "\r\n")); pause > 0 {
		c.passed = pause // keep-alives (RFC 5626 §3.5.1) are the parser's to answer
		return false, nil
	}
	end := bytes.Index(c.held, []byte("\r\n\r\n"))
	if end < 0 {
		return true, nil
	}
	m, status := read(c.held[:end+4])
	size := end + 4 + max(m.length, 0)
	switch {
	case status == Silent, size > maxStream:
		return false, errStream
	case len(c.held) < size:
		return true, nil
	}
	status = m.verdict(status, size)
	if status == Pass {
		c.passed = len(Tidy(c.held[:size]))
		c.held = append(c.held[:c.passed], c.held[size:]...)
		return false, nil
	}
	if status != Silent {
		_, err = c.Write(Refusal(c.held[:size], status, c.tag()))
	}
	c.drop(size)
	return false, err
}

// drop forgets the first n bytes.
func (c *Conn) drop(n int) { c.held = append(c.held[:0], c.held[n:]...) }
