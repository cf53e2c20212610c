// Package desk is the agents' side of the server: one desk an agent, which
// keeps the agent's pages, connection, offer and call together and is the only
// one to change them.
package desk

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/queue"
	"github.com/carillon-cc/carillon/webrtc"
)

// probeEvery is how often pages prove that they are alive.
const probeEvery = 2 * time.Second

// Options are what a Hub works with.
type Options struct {
	Engine *queue.Engine
	Calls  *call.Manager
	WebRTC *webrtc.Engine
	// User returns who is signed in, or nil.
	User func(*http.Request) *ccs.User
	// NumberLabel is the name of a dialled number, "" where it has none.
	NumberLabel func(number string) string
	// AgentName is the name of an agent for the others.
	AgentName func(id string) string
	// Place begins a call of an agent's and returns at once. What becomes of it
	// comes as call.View, from PhaseCalling on; call.HangUp gives it up. The
	// error is a *NotPlacedError where the call may not or cannot be placed.
	// MayPlace tells that without placing it, which needs no Leg. nil has agents
	// make no calls.
	Place, MayPlace func(Placement) error
	// Find looks for whom the agent may call, by a part of their name or number,
	// "" for everybody; it returns a few. nil finds nobody.
	Find func(agent, query string) []Found
	// MayDial tells whether the agent may call beyond Carillon; nil is nobody.
	MayDial func(agent string) bool
	// Telephones calls agents whose calls do not ring on the page; nil where all do.
	Telephones Telephones
	Pacer      *media.Pacer // plays questions to telephones; needed with Telephones
	Log        *slog.Logger
}

// Hub knows the desks. Any goroutine may call its methods.
type Hub struct {
	options  Options
	upgrader websocket.Upgrader
	ctx      context.Context
	cancel   context.CancelFunc
	wg       sync.WaitGroup

	mu    sync.Mutex
	desks map[string]*Desk // by agent
}

// NewHub makes a hub without desks. Close ends it.
func NewHub(o Options) *Hub {
	ctx, cancel := context.WithCancel(context.Background())
	h := &Hub{options: o, ctx: ctx, cancel: cancel, desks: make(map[string]*Desk)}
	h.upgrader = websocket.Upgrader{ReadBufferSize: 4096, WriteBufferSize: 4096}
	h.wg.Go(h.probe)
	return h
}

// Close ends all desks and their connections.
func (h *Hub) Close() {
	h.cancel()
	h.wg.Wait()
}

// ServeHTTP is the WebSocket of an agent's page. The request's context ends with
// the session, and the page with it.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user := h.options.User(r)
	if user == nil || user.Role != ccs.RoleAgent {
		http.Error(w, http.StatusText(http.StatusForbidden), http.StatusForbidden)
		return
	}
	ws, err := h.upgrader.Upgrade(w, r, nil) // refuses other origins and answers itself
	if err != nil {
		return
	}
	d := h.desk(user)
	if d == nil {
		_ = ws.Close()
		return
	}
	c := newConn(ws)
	h.wg.Go(c.write)
	defer context.AfterFunc(h.ctx, c.close)()
	defer context.AfterFunc(r.Context(), func() { d.inbox.Post(sessionOver{c}) })()
	c.read(func(r request) {
		select {
		case c.unhandled <- struct{}{}:
			d.inbox.Post(fromPage{c, r})
		case <-h.ctx.Done():
		}
	})
	d.inbox.Post(pageGone{c})
}

// CallChanged passes a call's change on to the agent whom it concerns. It only
// posts.
func (h *Hub) CallChanged(v call.View) {
	if v.LastAgent == "" {
		return
	}
	h.mu.Lock()
	d := h.desks[v.LastAgent]
	h.mu.Unlock()
	if d != nil {
		d.inbox.Post(v)
	}
}

// TelephonesChanged has the desks look anew at what their agents' calls ring on,
// and whether that can be called. It only posts.
func (h *Hub) TelephonesChanged() { h.all(telephonesChanged{}) }

// SignedOut ends the day of an agent who signs out. One whose calls ring on a
// telephone would else be called with all pages closed. It only posts.
func (h *Hub) SignedOut(agent string) {
	h.mu.Lock()
	d := h.desks[agent]
	h.mu.Unlock()
	if d != nil {
		d.inbox.Post(signedOut{})
	}
}

// CutOff ends the work of an agent who was deleted, or has got another password
// or role: all pages, in all sessions, are closed, and their sound with them.
// It only posts.
func (h *Hub) CutOff(agent string) {
	h.mu.Lock()
	d := h.desks[agent]
	h.mu.Unlock()
	if d != nil {
		d.inbox.Post(cutOff{})
	}
}

// all posts something to every desk.
func (h *Hub) all(e call.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, d := range h.desks {
		d.inbox.Post(e)
	}
}

// desk returns the agent's desk and makes it on the first visit; nil when the
// hub is closed.
func (h *Hub) desk(user *ccs.User) *Desk {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx.Err() != nil {
		return nil
	}
	d := h.desks[user.ID]
	if d == nil {
		d = newDesk(h.options, user.ID)
		h.desks[user.ID] = d
		h.wg.Go(func() { d.run(h.ctx) })
	}
	d.inbox.Post(named{user.Name})
	return d
}

// probe has every desk ask its page for a sign of life. One ticker serves all.
func (h *Hub) probe() {
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-ticker.C:
			h.all(tick{})
		}
	}
}
