package desk

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/queue"
	"github.com/carillon-cc/carillon/webrtc"
	"github.com/carillon-cc/carillon/webrtc/browser"
)

// place is a desk whose events the test handles itself, one at a time.
type place struct {
	*Desk
	t        *testing.T
	engine   *queue.Engine
	browsers *browser.Engine
}

func newPlace(t *testing.T) *place {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	pacer := media.NewPacer()
	server, err := webrtc.New(webrtc.Config{Listen: "127.0.0.1:0", Pacer: pacer, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	browsers, err := browser.NewEngine()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(browsers.Close)
	engine := queue.New(queue.Options{})
	engine.SetAgents(map[string]*ccs.Agent{"alice": {}})
	d := newDesk(Options{
		Engine: engine, Calls: call.NewManager(call.Options{Pacer: pacer, Log: log}), WebRTC: server, Log: log,
		NumberLabel: func(string) string { return "" }, AgentName: func(id string) string { return id },
	}, "alice")
	return &place{d, t, engine, browsers}
}

// page opens a page's socket, of which the test is the desk's end.
func (p *place) page() *conn {
	p.t.Helper()
	admitted := make(chan *conn, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		admitted <- newConn(ws)
	}))
	p.t.Cleanup(server.Close)
	ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	c := <-admitted
	p.t.Cleanup(func() {
		c.close()
		_ = ws.Close()
	})
	return c
}

func (p *place) says(page *conn, r request) {
	page.unhandled <- struct{}{}
	p.handle(fromPage{page, r})
}

func (p *place) hello(page *conn, tab string) { p.says(page, request{Type: "hello", Tab: tab}) }

// refusal is the last error that the page was sent.
func refusal(page *conn) string {
	code := ""
	for {
		select {
		case m := <-page.out:
			if e, ok := m.(errorMessage); ok {
				code = e.Code
			}
			continue
		default:
		}
		return code
	}
}

func TestASecondHelloChangesNothing(t *testing.T) {
	for _, tab := range []string{"tab-1", "tab-2"} {
		p := newPlace(t)
		page := p.page()
		p.hello(page, "tab-1")
		p.hello(page, tab)
		if p.leader != page || !p.pages[page] || page.tab != "tab-1" {
			t.Errorf("a second hello of %s left the desk with leader %v and pages %v", tab, p.leader == page, p.pages[page])
		}
		if got := refusal(page); got != "greeted" {
			t.Errorf("refused with %q", got)
		}
	}
}

func TestAPageThatWasReplacedCannotTakeTheLead(t *testing.T) {
	p := newPlace(t)
	former, again := p.page(), p.page()
	p.hello(former, "tab-1")
	p.hello(again, "tab-1") // a reload; word of the former socket's end is still to come
	p.says(former, request{Type: "takeOver"})
	if p.leader != again {
		t.Error("a socket that is closed leads: the agent would be stuck")
	}
}

// The two pages of a reload have a socket each: what they say may come in any
// order, and what the old one says may be lost.
func TestAReloadLeadsAgainWhateverComesFirst(t *testing.T) {
	for _, order := range []string{
		"leaving gone hello", "leaving hello gone", "hello leaving gone", "hello gone leaving", "gone hello", "hello gone", "hello",
	} {
		t.Run(order, func(t *testing.T) {
			p := newPlace(t)
			former, again := p.page(), p.page()
			p.says(former, request{Type: "hello", Tab: "tab-1", Fresh: true})
			p.says(former, request{Type: "media", ID: 1, SDP: p.browsers.New(browser.Options{}).Offer()})
			p.handle(peerChange{p.peer, webrtc.StateConnected})
			p.says(former, request{Type: "proof", Audio: true, Microphone: true})
			p.says(former, request{Type: "ready"})
			if a := p.engine.Agent("alice"); !a.Reachable {
				t.Fatalf("not reachable before the reload: %s", a.Why)
			}
			for _, what := range strings.Fields(order) {
				switch what {
				case "leaving":
					p.says(former, request{Type: "leaving"})
				case "gone":
					p.handle(pageGone{former})
				case "hello":
					p.says(again, request{Type: "hello", Tab: "tab-1", Fresh: true})
				}
			}
			if p.leader != again || p.pages[former] {
				t.Error("the page that was loaded anew does not lead")
			}
			if a := p.engine.Agent("alice"); a.Intent != queue.Ready || a.Reachable {
				t.Errorf("intent %s, reachable %v without a connection", a.Intent, a.Reachable)
			}
			if got := p.problems(); !slices.Equal(got, []string{"media"}) {
				t.Errorf("problems %v", got)
			}
			p.handle(absenceOver{p.absence})
			p.says(again, request{Type: "media", ID: 1, SDP: p.browsers.New(browser.Options{}).Offer()})
			p.handle(peerChange{p.peer, webrtc.StateConnected})
			if a := p.engine.Agent("alice"); !a.Reachable {
				t.Errorf("not reachable after the reload: %s", a.Why)
			}
		})
	}
}

func TestASocketThatComesBackKeepsItsPagesConnection(t *testing.T) {
	for _, first := range []string{"gone", "hello"} {
		p := newPlace(t)
		former, again := p.page(), p.page()
		p.says(former, request{Type: "hello", Tab: "tab-1", Fresh: true})
		p.says(former, request{Type: "media", ID: 1, SDP: p.browsers.New(browser.Options{}).Offer()})
		peer := p.peer
		if first == "gone" {
			p.handle(pageGone{former})
		}
		p.hello(again, "tab-1")
		p.handle(pageGone{former})
		if p.leader != again || p.peer != peer || peer == nil {
			t.Errorf("%s first: the page lost its sound with its socket", first)
		}
	}
}

func TestABadOfferLeavesTheConnectionThatWorks(t *testing.T) {
	p := newPlace(t)
	page := p.page()
	p.hello(page, "tab-1")
	p.says(page, request{Type: "media", ID: 1, SDP: p.browsers.New(browser.Options{}).Offer()})
	peer := p.peer
	if peer == nil {
		t.Fatal("no connection")
	}
	for _, sdp := range []string{"", "v=0", strings.Repeat("x", 5000)} {
		p.says(page, request{Type: "media", ID: 2, SDP: sdp})
		if p.peer != peer {
			t.Errorf("the offer %.10q took the connection away", sdp)
		}
		if got := refusal(page); got != "badMedia" {
			t.Errorf("the offer %.10q was refused with %q", sdp, got)
		}
	}
}

func TestTheLossOfSignallingAloneLeavesACallItsSound(t *testing.T) {
	p := newPlace(t)
	page := p.page()
	p.hello(page, "tab-1")
	p.says(page, request{Type: "media", ID: 1, SDP: p.browsers.New(browser.Options{}).Offer()})
	peer := p.peer
	p.peerState = webrtc.StateConnected
	p.handle(call.View{ID: "call-1", Agent: "alice", LastAgent: "alice", Codec: media.PCMA})
	p.handle(pageGone{page})
	p.handle(absenceOver{p.absence})
	if p.peer != peer {
		t.Fatal("the agent's sound was cut while the call went on")
	}
	if p.engine.Agent("alice").State != queue.Offline {
		t.Error("an agent without a page is still offered calls")
	}
	p.handle(call.View{ID: "call-1", LastAgent: "alice", Over: true})
	if p.peer != nil {
		t.Error("the connection stays after the call although no page came back")
	}
}

func TestAFaultAtADeskLeavesTheDeskAtWork(t *testing.T) {
	p := newPlace(t)
	p.options.NumberLabel = func(number string) string {
		if number == "boom" {
			panic("no label")
		}
		return ""
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.run(ctx)
	}()
	page := p.page()
	page.unhandled <- struct{}{}
	p.inbox.Post(fromPage{page, request{Type: "hello", Tab: "tab-1"}})
	p.Offer(queue.Offer{ID: "offer-1", Details: queue.OfferDetails{To: "boom"}})
	defer func() {
		cancel()
		<-ended
	}()
	for range 20 { // a page that comes before the fault is cut off with the others
		again := p.page()
		again.unhandled <- struct{}{}
		p.inbox.Post(fromPage{again, request{Type: "hello", Tab: "tab-1"}})
		select {
		case m := <-again.out:
			if d, ok := m.(deskMessage); ok && d.Leading {
				return
			}
		case <-time.After(2 * time.Second):
		}
	}
	t.Fatal("the desk is dead")
}

func TestAPageCannotFillTheDesksMemory(t *testing.T) {
	h := NewHub(Options{
		Engine: queue.New(queue.Options{}), Log: slog.New(slog.DiscardHandler),
		User: func(*http.Request) *ccs.User { return &ccs.User{Meta: ccs.Meta{ID: "alice"}, Role: ccs.RoleAgent} },
	})
	busy := newDesk(h.options, "alice") // nobody handles what it is told
	h.mu.Lock()
	h.desks["alice"] = busy
	h.mu.Unlock()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	t.Cleanup(h.Close)
	ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	_ = ws.SetWriteDeadline(time.Now().Add(2 * time.Second))
	for i := range 2000 {
		m := `{"type":"hello","tab":"tab"}`
		if i > 0 {
			m = fmt.Sprintf(`{"type":"takeOver","id":%d}`, i)
		}
		if ws.WriteMessage(websocket.TextMessage, []byte(m)) != nil {
			break // the server has stopped to read
		}
	}
	waiting := 0
	for quiet := time.After(300 * time.Millisecond); ; {
		e, ok := busy.inbox.Next()
		if _, is := e.(fromPage); is {
			waiting++
		}
		if ok {
			continue
		}
		select {
		case <-busy.inbox.Wake():
			continue
		case <-quiet:
		}
		break
	}
	if waiting > maxUnhandled {
		t.Errorf("%d messages of one page waited for the desk, at most %d may", waiting, maxUnhandled)
	}
}

func TestAnAgentHasABoundedNumberOfPages(t *testing.T) {
	p := newPlace(t)
	for i := range maxPages + 3 {
		p.hello(p.page(), fmt.Sprint("tab-", i))
	}
	if len(p.pages) != maxPages {
		t.Errorf("%d pages are served", len(p.pages))
	}
}

func TestASocketEndsWithItsSession(t *testing.T) {
	h := NewHub(Options{
		Engine: queue.New(queue.Options{}), Log: slog.New(slog.DiscardHandler),
		User: func(*http.Request) *ccs.User { return &ccs.User{Meta: ccs.Meta{ID: "alice"}, Role: ccs.RoleAgent} },
	})
	session, signOut := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(session))
	}))
	t.Cleanup(server.Close)
	t.Cleanup(h.Close)
	ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	signOut()
	_ = ws.SetReadDeadline(time.Now().Add(30 * time.Second))
	if _, _, err := ws.ReadMessage(); !websocket.IsCloseError(err, closeSignedOut) {
		t.Errorf("the socket outlives the session, or does not say why it ends: %v", err)
	}
}

func TestACallerLostByAReloadIsGivenBackWhenThePageComesAtLast(t *testing.T) {
	for _, late := range []bool{false, true} {
		p := newPlace(t)
		p.engine.SetQueues(map[string]*ccs.Queue{"sales": {
			Meta: ccs.Meta{ID: "sales"}, Strategy: ccs.RingAll, Members: []ccs.QueueMember{{Agent: "alice"}},
		}})
		page := p.page()
		p.hello(page, "tab-1")
		p.handle(call.View{ID: "call-1", Agent: "alice", LastAgent: "alice", Codec: media.PCMA})
		p.says(page, request{Type: "leaving"})
		p.handle(pageGone{page})
		// The page is slow: the call has gone back to the queue and the agent is signed out.
		p.handle(call.View{ID: "call-1", LastAgent: "alice", Codec: media.PCMA})
		p.handle(absenceOver{p.absence})
		notices := make(chan queue.Notice, 8)
		p.engine.Join(queue.Caller{ID: "call-1", Queue: "sales", Front: true, Notify: func(n queue.Notice) { notices <- n }})
		if late {
			p.lostAt = p.lostAt.Add(-2 * lostGrace)
		}
		again := p.page()
		p.hello(again, "tab-1")
		p.says(again, request{Type: "media", ID: 1, SDP: p.browsers.New(browser.Options{}).Offer()})
		p.handle(peerChange{p.peer, webrtc.StateConnected})
		got := ""
		select {
		case n := <-notices:
			if c, ok := n.(queue.Connected); ok {
				got = c.Agent
			}
		default:
		}
		if want := map[bool]string{false: "alice", true: ""}[late]; got != want {
			t.Errorf("long after: %v: the caller was given to %q, want %q", late, got, want)
		}
	}
}

func TestASecondCallDoesNotTakeTheFirstOnesSound(t *testing.T) {
	p := newPlace(t)
	p.engine.SetAgents(map[string]*ccs.Agent{"alice": {SimultaneousCalls: 2}})
	p.engine.SetQueues(map[string]*ccs.Queue{"sales": {
		Meta: ccs.Meta{ID: "sales"}, Strategy: ccs.RingAll, Members: []ccs.QueueMember{{Agent: "alice"}},
	}})
	page := p.page()
	p.hello(page, "tab-1")
	p.says(page, request{Type: "media", ID: 1, SDP: p.browsers.New(browser.Options{}).Offer()})
	p.handle(call.View{ID: "call-1", Agent: "alice", LastAgent: "alice", Codec: media.PCMA})
	p.engine.SetReachable("alice", true, "")
	p.engine.SetReady("alice")
	connected := false
	p.engine.Join(queue.Caller{ID: "call-2", Queue: "sales", Notify: func(n queue.Notice) {
		_, is := n.(queue.Connected)
		connected = connected || is
	}})
	for e, ok := p.inbox.Next(); ok && p.offer == nil; e, ok = p.inbox.Next() {
		p.handle(e)
	}
	if p.offer == nil {
		t.Fatal("no offer")
	}
	p.says(page, request{Type: "accept", Offer: p.offer.ID})
	if connected {
		t.Error("the line of the first caller was given to the second")
	}
	if got := refusal(page); got != "busy" {
		t.Errorf("refused with %q", got)
	}
}
