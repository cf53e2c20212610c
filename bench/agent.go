package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/webrtc/browser"
)

// agent is a simulated agent: a page that answers what it is offered at once.
type agent struct {
	index     int
	generator *generator
	match     func(from string) *callRun
	browser   *browser.Browser
	voice     *voice
	ear       ear

	socket  *websocket.Conn
	writing sync.Mutex
	answer  chan string   // the server's SDP
	ready   chan struct{} // closed when calls may be offered
	failed  chan error    // holds why the server refused something
	reader  sync.WaitGroup

	offer string // the one that was accepted last; the reader's
	up    bool   // ready was closed; the reader's
}

// readerTime is how long a server that is alive may be silent.
const readerTime = 30 * time.Second

func newAgent(index int, g *generator, match func(string) *callRun) *agent {
	a := &agent{
		index: index, generator: g, match: match,
		answer: make(chan string, 1), ready: make(chan struct{}), failed: make(chan error, 1),
	}
	a.ear = ear{tally: tally{latency: new(histogram)}}
	a.browser = g.browsers.New(browser.Options{OnPacket: func(_ media.Header, payload []byte, at time.Duration) {
		g.mu.Lock()
		a.ear.hear(payload, at, &g.window)
		g.mu.Unlock()
	}})
	a.voice = newVoice(uint32(2*index+1), a.browser.Send)
	return a
}

// What a page sends and reads of docs/protocol.md.
type (
	toServer struct {
		Type       string `json:"type"`
		Tab        string `json:"tab,omitempty"`
		ID         int    `json:"id,omitempty"`
		SDP        string `json:"sdp,omitempty"`
		N          int    `json:"n,omitempty"`
		Audio      bool   `json:"audio,omitempty"`
		Microphone bool   `json:"microphone,omitempty"`
		Offer      string `json:"offer,omitempty"`
	}
	fromServer struct {
		Type     string   `json:"type"`
		SDP      string   `json:"sdp"`
		N        int      `json:"n"`
		For      string   `json:"for"`
		Code     string   `json:"code"`
		State    string   `json:"state"`
		Problems []string `json:"problems"`
		Offer    *struct {
			ID   string `json:"id"`
			From string `json:"from"`
		} `json:"offer"`
	}
)

// connect signs in, connects the media and returns when the agent is ready.
func (a *agent) connect(ctx context.Context, base string, cookie *http.Cookie) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	header := http.Header{"Cookie": {cookie.Name + "=" + cookie.Value}}
	socket, response, err := websocket.DefaultDialer.DialContext(ctx, strings.Replace(base, "http", "ws", 1)+"/ws", header)
	if err != nil {
		if response != nil {
			return fmt.Errorf("opening the socket: %w: %s", err, response.Status)
		}
		return fmt.Errorf("opening the socket: %w", err)
	}
	a.socket = socket
	a.reader.Go(a.read)
	a.send(toServer{Type: "hello", Tab: fmt.Sprintf("tab-%d", a.index)})
	a.send(toServer{Type: "media", ID: 1, SDP: a.browser.Offer()})
	select {
	case sdp := <-a.answer:
		if err := a.browser.Connect(ctx, sdp); err != nil {
			return err
		}
	case err := <-a.failed:
		return err
	case <-ctx.Done():
		return fmt.Errorf("waiting for the answer: %w", ctx.Err())
	}
	a.send(toServer{Type: "proof", Audio: true, Microphone: true})
	a.send(toServer{Type: "ready"})
	select {
	case <-a.ready:
		return nil
	case err := <-a.failed:
		return err
	case <-ctx.Done():
		return fmt.Errorf("waiting to be ready: %w", ctx.Err())
	}
}

// send sends a message. That the socket is lost is the reader's to find out.
func (a *agent) send(message toServer) {
	a.writing.Lock()
	defer a.writing.Unlock()
	_ = a.socket.WriteJSON(message)
}

// read takes the server's messages until the socket ends.
func (a *agent) read() {
	for {
		_ = a.socket.SetReadDeadline(time.Now().Add(readerTime))
		_, data, err := a.socket.ReadMessage()
		at := mediaNow()
		if err != nil {
			a.fail(fmt.Errorf("the socket ended: %w", err))
			return
		}
		var m fromServer
		if err := json.Unmarshal(data, &m); err != nil {
			a.fail(fmt.Errorf("reading a message: %w", err))
			return
		}
		a.take(&m, at)
	}
}

func (a *agent) fail(err error) {
	select {
	case a.failed <- err:
	default: // the first one is told
	}
}

func (a *agent) take(m *fromServer, at time.Duration) {
	switch m.Type {
	case "media":
		select {
		case a.answer <- m.SDP:
		default:
		}
	case "probe":
		a.send(toServer{Type: "proof", N: m.N, Audio: true, Microphone: true})
	case "error":
		a.fail(errors.New("the server refused " + m.For + ": " + m.Code))
	case "desk":
		if m.State == "ready" && len(m.Problems) == 0 && !a.up {
			a.up = true
			close(a.ready)
		}
		if m.Offer != nil && m.Offer.ID != a.offer {
			a.offer = m.Offer.ID
			a.accept(m.Offer.ID, m.Offer.From, at)
		}
	}
}

// accept takes a call that was offered, and talks from the same moment on.
func (a *agent) accept(offer, from string, at time.Duration) {
	call := a.match(from)
	if call == nil {
		a.fail(errors.New("a call of somebody else was offered"))
		return
	}
	call.offer(a, at)
	a.send(toServer{Type: "delivered", Offer: offer})
	call.accept(mediaNow())
	a.send(toServer{Type: "accept", Offer: offer})
	a.generator.talk(a.voice)
}

// close ends the page and its media.
func (a *agent) close() {
	if a.socket != nil {
		_ = a.socket.Close()
		a.reader.Wait()
	}
	a.browser.Close()
}
