package desk

import (
	"encoding/json"
	"time"

	"github.com/gorilla/websocket"
)

const (
	maxMessage   = 128 << 10
	writeTimeout = 5 * time.Second
	helloTimeout = 10 * time.Second
	// readTimeout is after how long without any message, a proof included, a
	// socket counts as lost.
	readTimeout = 15 * time.Second
	// maxWaiting is how many messages a page may be behind before it is cut
	// off: it comes back and gets the whole state anew.
	maxWaiting = 64
	// maxUnhandled is how many messages of a page may wait for the desk: one
	// that sends faster waits at its socket, and costs no memory here.
	maxUnhandled = 32
)

// conn is one page's socket. Its reader and its writer are goroutines of its
// own; everything else of it belongs to the desk.
type conn struct {
	ws   *websocket.Conn
	out  chan any
	done chan struct{} // closed by the reader's end
	// unhandled holds one token for each message that waits for the desk.
	unhandled chan struct{}

	tab     string // "" before hello
	leaving bool   // the page said that it goes
	expired bool   // its session is over: nothing it says counts
}

// closeSignedOut is the status with which the socket of a session is closed that
// is over (RFC 6455 §7.4.2: 4000 to 4999 are ours to give a meaning).
const closeSignedOut = 4401

// farewell is the last message that a page is sent, whose session is over.
type farewell struct{}

func newConn(ws *websocket.Conn) *conn {
	return &conn{
		ws: ws, out: make(chan any, maxWaiting), done: make(chan struct{}),
		unhandled: make(chan struct{}, maxUnhandled),
	}
}

// send queues a message for the page. A page that does not read is cut off.
func (c *conn) send(message any) {
	select {
	case c.out <- message:
	default:
		c.close()
	}
}

// close ends the connection; its reader then reports it gone.
func (c *conn) close() { _ = c.ws.UnderlyingConn().Close() }

// write sends what is queued until the connection ends.
func (c *conn) write() {
	for {
		select {
		case <-c.done:
			return
		case message := <-c.out:
			if _, last := message.(farewell); last {
				reason := websocket.FormatCloseMessage(closeSignedOut, "signed out")
				_ = c.ws.WriteControl(websocket.CloseMessage, reason, time.Now().Add(writeTimeout))
				c.close()
				return
			}
			data, err := json.Marshal(message)
			if err != nil {
				continue // plain structs of strings and numbers always encode
			}
			_ = c.ws.SetWriteDeadline(time.Now().Add(writeTimeout))
			if c.ws.WriteMessage(websocket.TextMessage, data) != nil {
				c.close()
				return
			}
		}
	}
}

// read hands on the page's messages until the connection ends. The first one
// must be a hello.
func (c *conn) read(handle func(request)) {
	defer close(c.done)
	defer c.close()
	c.ws.SetReadLimit(maxMessage)
	_ = c.ws.SetReadDeadline(time.Now().Add(helloTimeout))
	greeted := false
	for {
		kind, data, err := c.ws.ReadMessage()
		if err != nil {
			return
		}
		r, err := parseRequest(data)
		if kind != websocket.TextMessage || err != nil || !greeted && (r.Type != "hello" || r.Tab == "" || len(r.Tab) > 64) {
			c.refuse()
			return
		}
		greeted = true
		_ = c.ws.SetReadDeadline(time.Now().Add(readTimeout))
		handle(r)
	}
}

// refuse closes the socket with "policy violation" (RFC 6455 §7.4.1).
func (c *conn) refuse() {
	message := websocket.FormatCloseMessage(websocket.ClosePolicyViolation, "not understood")
	_ = c.ws.WriteControl(websocket.CloseMessage, message, time.Now().Add(time.Second))
}
