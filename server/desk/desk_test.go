package desk_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/internal/leaks"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/queue"
	"github.com/carillon-cc/carillon/server/desk"
	"github.com/carillon-cc/carillon/server/desk/desktest"
	"github.com/carillon-cc/carillon/webrtc"
	"github.com/carillon-cc/carillon/webrtc/browser"
)

func TestMain(m *testing.M) { leaks.Verify(m) }

// patience is how long is waited for what must happen. It happens in milliseconds,
// but the machine may be busy.
const patience = 30 * time.Second

// office is a hub with real parts around it, and agents who sign in by naming
// themselves.
type office struct {
	url      string
	engine   *queue.Engine
	browsers *browser.Engine
}

func open(t testing.TB) *office {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	pacer := media.NewPacer()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { pacer.Run(ctx) })
	media, err := webrtc.New(webrtc.Config{Listen: "127.0.0.1:0", Pacer: pacer, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	browsers, err := browser.NewEngine()
	if err != nil {
		t.Fatal(err)
	}
	engine := queue.New(queue.Options{})
	engine.SetAgents(map[string]*ccs.Agent{"alice": {}, "bob": {}})
	engine.SetQueues(map[string]*ccs.Queue{"sales": {
		Meta: ccs.Meta{ID: "sales"}, Name: "Sales", Strategy: ccs.RingAll,
		Members: []ccs.QueueMember{{Agent: "alice"}, {Agent: "bob"}},
	}})
	hub := desk.NewHub(desk.Options{
		Engine: engine, Calls: call.NewManager(call.Options{Pacer: pacer, Log: log}), WebRTC: media, Log: log,
		User: func(r *http.Request) *ccs.User {
			name := r.URL.Query().Get("user")
			return &ccs.User{Meta: ccs.Meta{ID: name}, Name: name, Role: ccs.Role(r.URL.Query().Get("role"))}
		},
		NumberLabel: func(string) string { return "Demo" },
		AgentName:   strings.ToTitle,
	})
	server := httptest.NewServer(hub)
	t.Cleanup(func() {
		hub.Close()
		server.Close()
		browsers.Close()
		media.Close()
		cancel()
		running.Wait()
	})
	return &office{url: "ws" + strings.TrimPrefix(server.URL, "http"), engine: engine, browsers: browsers}
}

func (o *office) visit(t testing.TB, agent, tab string) *desktest.Page {
	t.Helper()
	return desktest.Open(t, o.url+"?role=agent&user="+agent, nil, tab)
}

func (o *office) getReady(p *desktest.Page) { p.Ready(o.browsers, browser.Options{}) }

func (o *office) join(t testing.TB, id string) chan queue.Notice {
	t.Helper()
	notices := make(chan queue.Notice, 64)
	joined := o.engine.Join(queue.Caller{
		ID: id, Queue: "sales", Details: queue.OfferDetails{From: "+33123456789", Codec: "PCMA"},
		Notify: func(n queue.Notice) { notices <- n },
	})
	if joined != queue.Accepted {
		t.Fatalf("the queue said %v", joined)
	}
	return notices
}

func TestOnlyAgentsHaveADesk(t *testing.T) {
	o := open(t)
	_, response, err := websocket.DefaultDialer.Dial(o.url+"?role=supervisor&user=sue", nil)
	if err == nil || response.StatusCode != http.StatusForbidden {
		t.Errorf("a supervisor got %v", response)
	}
}

func TestAnAgentIsReachableOnlyWithAllProofs(t *testing.T) {
	o := open(t)
	p := o.visit(t, "alice", "tab-1")
	first := p.Until("first state", desktest.InState("away"))
	for _, want := range []string{"media", "audio", "microphone"} {
		if !slices.Contains(first.Problems, want) {
			t.Errorf("problems %v lack %q", first.Problems, want)
		}
	}
	o.getReady(p)
	if a := o.engine.Agent("alice"); !a.Reachable {
		t.Errorf("not reachable: %s", a.Why)
	}
	p.Send(map[string]any{"type": "proof", "audio": true, "microphone": false})
	p.Until("the microphone's loss", func(m desktest.Message) bool { return slices.Equal(m.Problems, []string{"microphone"}) })
	if a := o.engine.Agent("alice"); a.Reachable {
		t.Error("reachable without a microphone")
	}
}

func TestOfTwoWhoAcceptOneGetsTheCallAndTheOtherIsTold(t *testing.T) {
	o := open(t)
	alice, bob := o.visit(t, "alice", "tab-a"), o.visit(t, "bob", "tab-b")
	o.getReady(alice)
	o.getReady(bob)
	// On a busy machine word that an offer is shown may come too late.
	for trial := 1; !o.race(t, fmt.Sprint("call-", trial), map[string]*desktest.Page{"alice": alice, "bob": bob}); trial++ {
		if trial == 5 {
			t.Fatal("offers that are shown end as undelivered")
		}
	}
}

// race has two accept a call at the same time, and checks who gets it and what the
// other is told. It returns false where an offer had ended before.
func (o *office) race(t *testing.T, id string, pages map[string]*desktest.Page) bool {
	t.Helper()
	notices := o.join(t, id)
	defer o.engine.Leave(id, queue.LeaveOver)
	offers := make(map[string]string)
	for agent, p := range pages {
		offers[agent] = p.Until("offer", func(m desktest.Message) bool { return m.Offer != nil && m.Offer.Call == id }).Offer.ID
		p.Send(map[string]any{"type": "delivered", "offer": offers[agent]})
	}
	for agent, p := range pages {
		p.Send(map[string]any{"type": "accept", "offer": offers[agent]})
	}
	winner := ""
	for limit := time.After(patience); winner == ""; {
		select {
		case n := <-notices:
			switch n := n.(type) {
			case queue.Connected:
				winner = n.Agent
			case queue.OfferEnded:
				if n.Reason == queue.EndUndelivered {
					return false
				}
			}
		case <-limit:
			t.Fatal("nobody got the call")
		}
	}
	loser := map[string]*desktest.Page{"alice": pages["bob"], "bob": pages["alice"]}[winner]
	told := loser.Until("word of who took it", func(m desktest.Message) bool { return m.Code == "offer.taken" })
	if told.Params["by"] != strings.ToTitle(winner) {
		t.Errorf("told that %q took it, but %q did", told.Params["by"], winner)
	}
	// What the loser says after the accept is heeded after it.
	loser.Send(map[string]any{"type": "away"})
	loser.Until("away", desktest.InState("away"))
	for len(notices) > 0 {
		if _, ok := (<-notices).(queue.Connected); ok {
			t.Fatal("a second agent got the call")
		}
	}
	return true
}

func TestCallerWhoLeavesStopsTheRinging(t *testing.T) {
	o := open(t)
	p := o.visit(t, "alice", "tab-1")
	o.getReady(p)
	o.join(t, "call-1")
	p.Ring()
	left := time.Now()
	o.engine.Leave("call-1", queue.LeaveOver)
	p.Until("the end of ringing", func(m desktest.Message) bool { return m.Type == "desk" && m.Offer == nil && m.State == "ready" })
	if took := time.Since(left); took > 10*time.Second { // it takes a millisecond, and an offer that nobody answers 20 s
		t.Errorf("the page rang on for %v", took)
	}
}

func TestTheSameTabLeadsAgainAfterAReload(t *testing.T) {
	o := open(t)
	p := o.visit(t, "alice", "tab-1")
	o.getReady(p)
	p.Leave()
	again := o.visit(t, "alice", "tab-1")
	m := again.Until("state after the reload", func(m desktest.Message) bool { return m.Type == "desk" })
	if !m.Leading || m.State != "ready" {
		t.Errorf("after the reload: leading %v, state %s", m.Leading, m.State)
	}
	if !slices.Contains(m.Problems, "media") {
		t.Errorf("the new page has no connection yet, but its problems are %v", m.Problems)
	}
	o.getReady(again)
}

func TestASecondTabMayTakeOver(t *testing.T) {
	o := open(t)
	first := o.visit(t, "alice", "tab-1")
	o.getReady(first)
	second := o.visit(t, "alice", "tab-2")
	if m := second.Until("state", func(m desktest.Message) bool { return m.Type == "desk" }); m.Leading {
		t.Fatal("the second tab leads by itself")
	}
	second.Send(map[string]any{"type": "ready"})
	if m := second.Until("refusal", func(m desktest.Message) bool { return m.Type == "error" }); m.Code != "notLeading" || m.For != "ready" {
		t.Errorf("refused with %q for %q", m.Code, m.For)
	}
	second.Send(map[string]any{"type": "takeOver"})
	second.Until("lead", func(m desktest.Message) bool { return m.Leading })
	first.Until("loss of the lead", func(m desktest.Message) bool { return m.Type == "desk" && !m.Leading })
	o.getReady(second)
}

func TestSocketsThatDoNotSpeakTheProtocolAreClosed(t *testing.T) {
	o := open(t)
	for name, data := range map[string]string{
		"no JSON": "hello", "not greeted": `{"type":"ready"}`, "no tab": `{"type":"hello"}`,
		"long tab": `{"type":"hello","tab":"` + strings.Repeat("x", 65) + `"}`, "array": `[1,2]`,
	} {
		t.Run(name, func(t *testing.T) {
			ws, _, err := websocket.DefaultDialer.Dial(o.url+"?role=agent&user=alice", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer ws.Close()
			if err := ws.WriteMessage(websocket.TextMessage, []byte(data)); err != nil {
				t.Fatal(err)
			}
			_ = ws.SetReadDeadline(time.Now().Add(patience))
			_, _, err = ws.ReadMessage()
			if !websocket.IsCloseError(err, websocket.ClosePolicyViolation) {
				t.Errorf("the socket ended with %v", err)
			}
		})
	}
}

// FuzzMessages has a page say anything; the desk must go on serving others.
func FuzzMessages(f *testing.F) {
	o := open(f)
	for _, seed := range []string{
		`{"type":"media","id":1,"sdp":"v=0"}`, `{"type":"accept","offer":"x"}`, `{"type":"key","digit":"55"}`,
		`{"type":"extendWrapUp","seconds":-1}`, `{"type":"next","state":"asleep"}`, `{"type":"hello","tab":"other"}`,
		`{"type":"takeOver"}`, `{"type":"away","reason":"\u0000"}`, `{"type":3}`, `[]`, `{`, "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, agent := range []string{"mallory", "alice"} {
			ws, _, err := websocket.DefaultDialer.Dial(o.url+"?role=agent&user="+agent, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer ws.Close()
			_ = ws.SetReadDeadline(time.Now().Add(patience))
			if err := ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"hello","tab":"tab"}`)); err != nil {
				t.Fatal(err)
			}
			if _, _, err := ws.ReadMessage(); err != nil {
				t.Fatalf("%s got no answer to a good hello: %v", agent, err)
			}
			if agent == "mallory" {
				_ = ws.WriteMessage(websocket.TextMessage, data)
			}
		}
	})
}
