// Package desktest is an agent's page without a browser: the WebSocket of
// docs/protocol.md and simulated media, for tests.
package desktest

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/carillon-cc/carillon/webrtc/browser"
)

// patience is how long a page waits for a message.
const patience = 30 * time.Second

// Message is what the server sends, of all types together.
type Message struct {
	Type     string            `json:"type"`
	State    string            `json:"state"`
	Leading  bool              `json:"leading"`
	Problems []string          `json:"problems"`
	SDP      string            `json:"sdp"`
	Code     string            `json:"code"`
	For      string            `json:"for"`
	Params   map[string]string `json:"params"`
	N        int               `json:"n"`
	Offer    *struct {
		ID   string `json:"id"`
		Call string `json:"call"`
		From string `json:"from"`
	} `json:"offer"`
	Call *struct {
		ID    string `json:"id"`
		Muted bool   `json:"muted"`
		Held  bool   `json:"held"`
		Codec string `json:"codec"`
	} `json:"call"`
}

// Page is an agent's page. It answers probes by itself once its media is ready.
type Page struct {
	t        testing.TB
	ws       *websocket.Conn
	out      chan any // messages; a chan struct{} is closed when those before it are written
	closed   chan struct{}
	written  chan struct{} // closed when nothing more is written
	messages chan Message
	end      error // why the socket ended; set before messages is closed
}

// Open opens a page's socket and says hello for a tab. It is closed when the
// test ends.
func Open(t testing.TB, url string, header http.Header, tab string) *Page {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.Dial(url, header)
	if err != nil {
		t.Fatal(err)
	}
	p := &Page{t: t, ws: ws, out: make(chan any, 64), closed: make(chan struct{}), written: make(chan struct{}), messages: make(chan Message, 1024)}
	go p.read()
	go p.write()
	t.Cleanup(func() {
		p.Close()
		for range p.messages { // until the page reads no more
		}
		<-p.written
	})
	p.Send(map[string]any{"type": "hello", "tab": tab, "fresh": true})
	return p
}

func (p *Page) read() {
	defer close(p.messages)
	defer close(p.closed)
	for {
		var m Message
		if p.end = p.ws.ReadJSON(&m); p.end != nil {
			return
		}
		if m.Type == "probe" {
			p.out <- map[string]any{"type": "proof", "n": m.N, "audio": true, "microphone": true}
			continue
		}
		p.messages <- m
	}
}

func (p *Page) write() {
	defer close(p.written)
	for {
		select {
		case <-p.closed:
			return
		case m := <-p.out:
			if written, ok := m.(chan struct{}); ok {
				close(written)
				continue
			}
			if p.ws.WriteJSON(m) != nil {
				return
			}
		}
	}
}

// Close cuts the socket without a word, as a lost network does.
func (p *Page) Close() { _ = p.ws.UnderlyingConn().Close() }

// Leave says that the page is being closed, and closes it.
func (p *Page) Leave() {
	p.Send(map[string]any{"type": "leaving"})
	written := make(chan struct{})
	p.out <- written
	select {
	case <-written:
	case <-p.closed:
	}
	p.Close()
}

// Ended waits for the end of the socket and returns why it ended.
func (p *Page) Ended() error {
	p.t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		select {
		case _, open := <-p.messages:
			if !open {
				return p.end
			}
		case <-limit.C:
			p.t.Fatal("the socket is still open")
		}
	}
}

// Send sends a message.
func (p *Page) Send(m map[string]any) { p.out <- m }

// Until reads messages until one fits; it fails the test when none comes.
func (p *Page) Until(what string, fits func(Message) bool) Message {
	p.t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		select {
		case m, ok := <-p.messages:
			if !ok {
				p.t.Fatalf("the socket closed before %s", what)
			}
			if fits(m) {
				return m
			}
		case <-limit.C:
			p.t.Fatalf("no %s", what)
		}
	}
}

// InState fits a desk in a state.
func InState(want string) func(Message) bool {
	return func(m Message) bool { return m.Type == "desk" && m.State == want }
}

// Connect makes the page's media connection.
func (p *Page) Connect(browsers *browser.Engine, o browser.Options) *browser.Browser {
	p.t.Helper()
	b := browsers.New(o)
	p.t.Cleanup(b.Close)
	p.Send(map[string]any{"type": "media", "id": 1, "sdp": b.Offer()})
	answer := p.Until("media answer", func(m Message) bool { return m.Type == "media" })
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	if err := b.Connect(ctx, answer.SDP); err != nil && !errors.Is(err, context.Canceled) {
		p.t.Fatal(err)
	}
	p.Send(map[string]any{"type": "proof", "audio": true, "microphone": true})
	return b
}

// Ready connects the page's media and waits until the agent can be offered
// calls.
func (p *Page) Ready(browsers *browser.Engine, o browser.Options) *browser.Browser {
	p.t.Helper()
	b := p.Connect(browsers, o)
	p.Send(map[string]any{"type": "ready"})
	p.Until("ready without problems", func(m Message) bool { return m.State == "ready" && len(m.Problems) == 0 })
	return b
}

// Ring waits for an offer, says that it was delivered, and returns its id.
func (p *Page) Ring() string {
	p.t.Helper()
	offer := p.Until("offer", func(m Message) bool { return m.Offer != nil }).Offer.ID
	p.Send(map[string]any{"type": "delivered", "offer": offer})
	return offer
}

// Answer accepts the next offer and waits for the call. An offer of which the
// server learns too late that it is shown, as on a busy machine, is made again.
func (p *Page) Answer() Message {
	p.t.Helper()
	accepted := ""
	return p.Until("call", func(m Message) bool {
		if m.Offer != nil && m.Offer.ID != accepted {
			accepted = m.Offer.ID
			p.Send(map[string]any{"type": "delivered", "offer": accepted})
			p.Send(map[string]any{"type": "accept", "offer": accepted})
		}
		return accepted != "" && m.Call != nil
	})
}
