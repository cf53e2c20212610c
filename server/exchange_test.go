package server

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/call/calltest"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/flow"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/queue"
	"github.com/carillon-cc/carillon/server/desk"
	"github.com/carillon-cc/carillon/sipgw"
)

// network is the telephones that can be called: by line or number. Those that are
// not there are refused before they are tried.
type network struct {
	mu     sync.Mutex
	phones map[string]*calltest.Called
	placed []sipgw.Outgoing
	// placing, where it is set, makes the telephones.
	placing func(sipgw.Outgoing) call.CalledLeg
}

func (n *network) Call(o sipgw.Outgoing) (call.CalledLeg, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.placed = append(n.placed, o)
	if n.placing != nil {
		return n.placing(o), nil
	}
	if p := n.phones[o.Line+o.Number]; p != nil {
		return p, nil
	}
	return nil, &sipgw.RefusedError{Reason: call.ReasonUnavailable}
}

func (n *network) last() sipgw.Outgoing {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.placed) == 0 {
		return sipgw.Outgoing{}
	}
	return n.placed[len(n.placed)-1]
}

// records keeps the last state of each record.
type records struct {
	mu   sync.Mutex
	last map[string]ccs.CallRecord
	ids  []string
}

func (r *records) Save(record ccs.CallRecord) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.last[record.ID]; !known {
		r.ids = append(r.ids, record.ID)
	}
	r.last[record.ID] = record
}

// nth is the record of the nth call, counted from 0.
func (r *records) nth(n int) ccs.CallRecord {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n >= len(r.ids) {
		return ccs.CallRecord{}
	}
	return r.last[r.ids[n]]
}

// house is a server with calls, queues and a configuration, and nothing around it.
type house struct {
	*server
	network *network
	records *records
	running sync.WaitGroup
}

// telephones is a configuration: two agents, three lines (201 may call outside, 202 may not, 203 forwards), and
// numbers 1000 with the plan of a test and 2000 with one that hangs up.
func telephones(change ...func(*flow.Snapshot)) *flow.Snapshot {
	hangUp := ccs.Action{Hangup: &ccs.Hangup{}}
	s := &flow.Snapshot{
		Numbers: map[string]*ccs.Number{
			"1000":         {Meta: ccs.Meta{ID: "n1"}, Number: "1000", Label: "Main", PlanID: "p1"},
			"+33123456789": {Meta: ccs.Meta{ID: "n2"}, Number: "+33123456789", Label: "Second", PlanID: "p2"},
		},
		Versions: map[string]*ccs.PlanVersion{
			"p1": {PlanID: "p1", Flow: ccs.Flow{TimeZone: "Europe/Paris"}},
			"p2": {PlanID: "p2", Flow: ccs.Flow{TimeZone: "Europe/Paris", Steps: []ccs.Step{{Actions: []ccs.Action{hangUp}}}}},
		},
		Lines: map[string]*ccs.Line{
			"l1": {Meta: ccs.Meta{ID: "l1"}, Number: "201", Name: "Hall", Outside: true, CallerID: "+33199990000"},
			"l2": {Meta: ccs.Meta{ID: "l2"}, Number: "202", Name: "Bar"},
			"l3": {Meta: ccs.Meta{ID: "l3"}, Number: "203", Name: "Desk", Forward: "+33611111111"},
		},
		Trunks: map[string]*ccs.Trunk{"t1": {Meta: ccs.Meta{ID: "t1"}, Outgoing: ccs.TrunkOutgoing{Country: "FR"}}},
		Agents: map[string]*ccs.Agent{
			"alice": {Meta: ccs.Meta{ID: "alice"}, Outside: true, CallerID: "+33188880000"},
			"bob":   {Meta: ccs.Meta{ID: "bob"}},
		},
		Users: map[string]*ccs.User{"alice": {Meta: ccs.Meta{ID: "alice"}, Name: "Alice"}, "bob": {Meta: ccs.Meta{ID: "bob"}, Name: "Bob"}},
	}
	for _, f := range change {
		f(s)
	}
	return s
}

// bridging has the plan of 1000 bridge to these, in order.
func bridging(timeout time.Duration, to ...ccs.Bridge) func(*flow.Snapshot) {
	return func(s *flow.Snapshot) {
		f := &s.Versions["p1"].Flow
		f.TransferTimeout = ccs.MillisOf(timeout)
		f.Steps = []ccs.Step{{}}
		for _, b := range to {
			f.Steps[0].Actions = append(f.Steps[0].Actions, ccs.Action{Bridge: &b})
		}
	}
}

func build(t *testing.T, snapshot *flow.Snapshot, phones ...string) *house {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	h := &house{network: &network{phones: make(map[string]*calltest.Called)}, records: &records{last: make(map[string]ccs.CallRecord)}}
	for _, name := range phones {
		h.network.phones[name] = calltest.NewCalled(name)
	}
	s := &server{log: log, draining: make(chan struct{}), pacer: media.NewPacer(), engine: queue.New(queue.Options{})}
	h.server = s
	s.config = newConfiguration(nil, s.engine)
	s.config.current.Store(snapshot)
	s.engine.SetAgents(snapshot.Agents)
	s.metrics = s.newMetrics()
	s.calls = call.NewManager(call.Options{
		Pacer: s.pacer, Music: media.NewPrompt(make([]byte, 160*50)), RingBack: media.NewPrompt(make([]byte, 160*50)),
		Journal: h.records, Changed: s.metrics.callChanged, AgentLeft: func(c *call.Call, agent string) { s.exchange.free(c, agent) }, Log: log, MaxDuration: 10 * time.Minute,
	})
	s.exchange = &exchange{
		dialer: h.network, engine: s.engine, config: s.config, busy: media.BusyTone(), failed: media.CongestionTone(),
		dialled: s.metrics.dialled.Inc, log: log,
	}
	ctx, cancel := context.WithCancel(t.Context())
	h.running.Go(func() { s.pacer.Run(ctx) })
	t.Cleanup(func() {
		s.calls.EndAll(call.Cause{By: call.BySystem, Reason: call.ReasonShutdown})
		<-s.calls.Empty()
		s.placed.Wait()
		cancel()
		h.running.Wait()
	})
	return h
}

// arrive has somebody call, from a line where one is named.
func (h *house) arrive(to, line string) *calltest.Caller {
	caller := calltest.NewCaller("caller of " + to)
	in := sipgw.Incoming{Leg: caller, From: "+33612345678", FromName: "Ann", To: to, Line: line}
	if line == "" {
		in.Trunk = "t1"
	}
	h.running.Go(func() { h.serveCall(context.Background(), in) })
	synctest.Wait()
	return caller
}

// page is a device of an agent that shows offers at once.
type page struct {
	house  *house
	agent  string
	mu     sync.Mutex
	offers []queue.Offer
}

func (p *page) Offer(o queue.Offer) {
	p.mu.Lock()
	p.offers = append(p.offers, o)
	p.mu.Unlock()
	p.house.engine.Delivered(o.ID)
}
func (*page) Withdraw(queue.Offer, queue.WithdrawReason, string) {}
func (*page) StatusChanged(queue.AgentStatus)                    {}

func (h *house) ready(agent string) *page {
	p := &page{house: h, agent: agent}
	h.engine.SignIn(agent, p)
	h.engine.SetReachable(agent, true, "")
	h.engine.SetReady(agent)
	return p
}

// accept takes the offer that rings.
func (p *page) accept(t *testing.T, leg call.Leg) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.offers) == 0 {
		t.Fatalf("%s was offered nothing", p.agent)
	}
	if err := p.house.engine.Accept(p.offers[len(p.offers)-1].ID, p.agent, leg); err != nil {
		t.Fatal(err)
	}
}

// story is what happened in a call, in short.
func story(r ccs.CallRecord) string {
	var words []string
	for _, e := range r.Events {
		switch e.Kind {
		case ccs.EventRinging, ccs.EventNotReached, ccs.EventConnected, ccs.EventForwarded, ccs.EventTransferred, ccs.EventAnswered:
			word := string(e.Kind)
			for _, more := range []string{e.Name, e.Digits, e.Reason} {
				if more != "" {
					word += ":" + more
				}
			}
			words = append(words, word)
		}
	}
	return strings.Join(append(words, r.EndedBy+"/"+r.Cause), " ")
}

func hungUp(p *calltest.Called) {
	p.Leave(call.Cause{By: call.ByCalled, Reason: call.ReasonHangup})
}

func TestAPlansBridgeGoesOnWhenNobodyIsReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, telephones(bridging(10*time.Second, ccs.Bridge{Agent: "alice"}, ccs.Bridge{Line: "l1"}, ccs.Bridge{Line: "l2"}, ccs.Bridge{Number: "+33222222222"})), "l1", "l2", "+33222222222")
		caller := h.arrive("1000", "")
		h.network.phones["l1"].Leave(call.Cause{By: call.ByCalled, Reason: call.ReasonTheirBusy, Status: 486})
		synctest.Wait()
		h.network.phones["l2"].Rings(false)
		time.Sleep(11 * time.Second)
		if o := h.network.last(); o.Number != "+33222222222" || o.From != "+33612345678" || o.FromName != "Ann" || o.Codec != media.PCMA {
			t.Errorf("placed %+v", o)
		}
		far := h.network.phones["+33222222222"]
		far.Answers()
		synctest.Wait()
		caller.Speak(900001, 5)
		far.Speak(900002, 5)
		if far.Heard(900001) != 5 || caller.Heard(900002) != 5 {
			t.Error("the two do not hear each other")
		}
		hungUp(far)
		synctest.Wait()
		const want = "notReached:Alice:unavailable notReached:Hall:theirBusy ringing:Bar notReached:Bar:noAnswer answered connected:+33222222222:called called/hangup"
		if got := story(h.records.nth(0)); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if !h.network.phones["l2"].Over() {
			t.Error("the line that did not answer rings on")
		}
	})
}

func TestABridgeRingsAnAgentsBrowser(t *testing.T) {
	for _, x := range []struct {
		name string
		do   func(t *testing.T, h *house, p *page)
		want string
	}{
		{"answered", func(t *testing.T, h *house, p *page) {
			p.accept(t, calltest.NewCalled("browser"))
			synctest.Wait()
			h.calls.Get(h.records.nth(0).ID).Post(call.HangUp{Agent: "alice"})
		}, "ringing:Alice answered connected:Alice agent/hangup"},
		{"declined", func(t *testing.T, h *house, p *page) {
			_ = h.engine.Decline(p.offers[0].ID, "alice")
		}, "ringing:Alice notReached:Alice:declined system/planEnd"},
		{"no answer", func(*testing.T, *house, *page) { time.Sleep(11 * time.Second) }, "ringing:Alice notReached:Alice:noAnswer system/planEnd"},
	} {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := build(t, telephones(bridging(10*time.Second, ccs.Bridge{Agent: "alice"})))
				p := h.ready("alice")
				h.arrive("1000", "")
				x.do(t, h, p)
				synctest.Wait()
				if got := story(h.records.nth(0)); got != x.want {
					t.Errorf("got  %s\nwant %s", got, x.want)
				}
				if state := h.engine.Agent("alice").State; state == queue.Talking || state == queue.Ringing {
					t.Errorf("alice is %s after the call", state)
				}
			})
		})
	}
}

func TestCallsOfLines(t *testing.T) {
	for _, x := range []struct {
		name, line, to string
		answers        string // the telephone that answers, if any
		want           string
		direction, by  string
		from           string // that the telephone is shown
	}{
		{"to another line", "l1", "202", "l2", "connected:Bar:called called/hangup", "internal", "l1", "201"},
		{"to a number of ours", "l1", "01 23 45 67 89", "", "system/planHangup", "internal", "", ""},
		{"outside", "l1", "0622222222", "0622222222", "connected:0622222222:called called/hangup", "out", "l1", "+33199990000"},
		{"outside, which it may not", "l2", "0622222222", "", "system/notAllowed", "out", "", ""},
		{"to a line that forwards", "l2", "203", "+33611111111", "forwarded:Desk:+33611111111 connected:+33611111111:called called/hangup", "internal", "l3", "202"},
		{"to a line that is not there", "l1", "202", "", "notReached:Bar:unavailable system/unavailable", "internal", "l1", "201"},
	} {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := build(t, telephones(), x.answers)
				caller := h.arrive(x.to, x.line)
				if p := h.network.phones[x.answers]; x.answers != "" {
					p.Answers()
					synctest.Wait()
					hungUp(p)
				}
				synctest.Wait()
				r := h.records.nth(0)
				if got := strings.TrimPrefix(story(r), "answered "); got != x.want && strings.Replace(got, "answered ", "", 1) != x.want {
					t.Errorf("got  %s\nwant %s", got, x.want)
				}
				if r.Direction != x.direction || r.Line != x.line {
					t.Errorf("direction %q, line %q", r.Direction, r.Line)
				}
				if o := h.network.last(); o.By != x.by || o.From != x.from {
					t.Errorf("placed by %q from %q", o.By, o.From)
				}
				if strings.Contains(x.want, "notAllowed") && !caller.Did("refuse system/notAllowed") {
					t.Error("the line was not refused")
				}
			})
		})
	}
}

func TestPlansThatBridgeToEachOtherEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, telephones(bridging(time.Second, ccs.Bridge{Number: "1000"})))
		h.arrive("1000", "")
		synctest.Wait()
		if r := h.records.nth(0); r.Ended.IsZero() || r.Cause != "planEnd" {
			t.Errorf("ended by %s/%s", r.EndedBy, r.Cause)
		}
	})
}

func TestStrangersDoNotReachLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, telephones(), "l1")
		caller := h.arrive("201", "")
		synctest.Wait()
		if !caller.Did("refuse system/unknownNumber") || len(h.network.placed) != 0 {
			t.Error("a caller from outside reached a line")
		}
	})
}

func TestAnAgentsCallsArePermittedOrNot(t *testing.T) {
	for _, x := range []struct {
		name  string
		agent string
		to    desk.Placement
		busy  bool
		want  call.Reason
	}{
		{"outside", "alice", desk.Placement{To: "+33622222222"}, false, ""},
		{"outside, which bob may not", "bob", desk.Placement{To: "+33622222222"}, false, call.ReasonNotAllowed},
		{"a line", "bob", desk.Placement{To: "201"}, false, ""},
		{"a number of ours", "bob", desk.Placement{To: "0123456789"}, false, ""},
		{"a colleague", "bob", desk.Placement{To: "alice", Colleague: true}, false, ""},
		{"oneself", "bob", desk.Placement{To: "bob", Colleague: true}, false, call.ReasonNotAllowed},
		{"nobody", "alice", desk.Placement{To: " "}, false, call.ReasonInvalid},
		{"an unknown colleague", "alice", desk.Placement{To: "zoe", Colleague: true}, false, call.ReasonInvalid},
		{"in another call", "alice", desk.Placement{To: "201"}, true, call.ReasonBusy},
	} {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := build(t, telephones(), "+33622222222", "l1")
				h.ready("alice")
				h.ready("bob")
				if x.busy {
					_ = h.engine.Reserve(x.agent, "other")
				}
				x.to.Agent, x.to.Name, x.to.Leg = x.agent, x.agent, calltest.NewCalled("browser")
				err := h.place(x.to)
				var refused *desk.NotPlacedError
				if errors.As(err, &refused); x.want == "" && err != nil || x.want != "" && (refused == nil || refused.Reason != x.want) {
					t.Errorf("got %v, want %q", err, x.want)
				}
			})
		})
	}
}

func TestAnAgentCallsOutside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, telephones(), "+33622222222")
		h.ready("alice")
		browser, far := calltest.NewCalled("browser"), h.network.phones["+33622222222"]
		id := "own"
		err := h.place(desk.Placement{ID: id, Agent: "alice", Name: "Alice", Leg: browser, To: "+33622222222"})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if s := h.engine.Agent("alice"); s.State != queue.Talking || s.Calls[0].ID != id {
			t.Errorf("alice is %s", s.State)
		}
		if o := h.network.last(); o.By != "alice" || o.From != "+33188880000" || o.Anonymous || o.Codec != media.NoCodec {
			t.Errorf("placed %+v", o)
		}
		far.Answers()
		synctest.Wait()
		browser.Speak(900001, 3)
		if far.Heard(900001) != 3 {
			t.Error("alice is not heard")
		}
		hungUp(far)
		synctest.Wait()
		if got := story(h.records.nth(0)); got != "connected:+33622222222:called called/hangup" {
			t.Errorf("got %s", got)
		}
		if s := h.engine.Agent("alice"); s.State != queue.Ready {
			t.Errorf("alice is %s after the call", s.State)
		}
	})
}

func TestAColleagueIsCalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, telephones())
		h.ready("alice")
		bob := h.ready("bob")
		hers, his := calltest.NewCalled("hers"), calltest.NewCalled("his")
		if err := h.place(desk.Placement{ID: "own", Agent: "alice", Name: "Alice", Leg: hers, To: "bob", Colleague: true}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if o := bob.offers[0].Details; o.FromName != "Alice" {
			t.Errorf("bob is offered %+v", o)
		}
		bob.accept(t, his)
		synctest.Wait()
		hers.Speak(900001, 3)
		his.Speak(900002, 3)
		if his.Heard(900001) != 3 || hers.Heard(900002) != 3 {
			t.Error("the two do not hear each other")
		}
		h.calls.Get(h.records.nth(0).ID).Post(call.HangUp{Agent: "alice"})
		synctest.Wait()
		for _, agent := range []string{"alice", "bob"} {
			if s := h.engine.Agent(agent); s.State != queue.Ready {
				t.Errorf("%s is %s after the call", agent, s.State)
			}
		}
		if r := h.records.nth(0); r.Direction != "internal" || r.Agent != "alice" || r.ToName != "Bob" || r.Cause != "hangup" {
			t.Errorf("record %+v", r)
		}
	})
}

func TestWhoReachesNobodyHearsATone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, telephones(), "+33622222222")
		h.ready("alice")
		browser := calltest.NewCalled("browser")
		_ = h.place(desk.Placement{ID: "own", Agent: "alice", Name: "Alice", Leg: browser, To: "+33622222222"})
		synctest.Wait()
		begun := time.Now()
		h.network.phones["+33622222222"].Leave(call.Cause{By: call.ByCalled, Reason: call.ReasonTheirBusy, Status: 486})
		<-h.calls.Empty()
		h.placed.Wait()
		if took := time.Since(begun); took < 2*time.Second || took > 5*time.Second {
			t.Errorf("the tone lasted %v", took)
		}
		if s := h.engine.Agent("alice"); s.State != queue.Ready {
			t.Errorf("alice is %s after the call", s.State)
		}
	})
}

// reports collects what a telephone that asked for a transfer is told.
type reports struct {
	mu   sync.Mutex
	list []int
}

func (r *reports) told(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, status)
}

func (r *reports) are(want ...int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Equal(r.list, want)
}

func TestATelephoneMovesTheOtherParty(t *testing.T) {
	for _, x := range []struct {
		name     string
		byCaller bool   // the one who asks
		to       string // whom
		do       func(target *calltest.Called)
		status   int
		talks    string // with whom the other party talks then, "" for nobody
	}{
		{"the caller, to a line", true, "202", (*calltest.Called).Answers, 200, "l2"},
		{"the called, to a line", false, "202", (*calltest.Called).Answers, 200, "l2"},
		{"to a line that is busy", false, "202", func(p *calltest.Called) {
			p.Leave(call.Cause{By: call.ByCalled, Reason: call.ReasonTheirBusy, Status: 486})
		}, 486, "asker"},
		{"the caller, to a line that is busy", true, "202", func(p *calltest.Called) {
			p.Leave(call.Cause{By: call.ByCalled, Reason: call.ReasonTheirBusy, Status: 486})
		}, 486, "asker"},
		{"outside, which it may not", true, "+33622222222", nil, 403, "asker"},
		{"to nobody", false, "-", nil, 404, "asker"},
		{"to a number of ours", false, "0123456789", nil, 200, ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := build(t, telephones(func(s *flow.Snapshot) { s.Lines["l1"].Outside = false }), "l3x", "l2", "l1")
				// Line 201 calls line 204, which has no permission either.
				h.config.snapshot().Lines["l3x"] = &ccs.Line{Meta: ccs.Meta{ID: "l3x"}, Number: "204", Name: "Shop"}
				caller := h.arrive("204", "l1")
				called := h.network.phones["l3x"]
				called.Answers()
				synctest.Wait()
				var told reports
				var asker, other *calltest.Called
				wish := call.Refer{To: x.to, Report: told.told}
				if x.byCaller {
					asker, other, wish.Leg = caller.Called, called, caller
				} else {
					asker, other, wish.Leg = called, caller.Called, called
				}
				asker.Tell(wish)
				synctest.Wait()
				target := h.network.phones["l2"]
				if x.do != nil {
					x.do(target)
					synctest.Wait()
				}
				if !told.are(x.status) {
					t.Errorf("told %v, want %d", told.list, x.status)
				}
				other.Speak(900007, 4)
				switch x.talks {
				case "asker":
					if asker.Heard(900007) != 4 || asker.Over() {
						t.Error("the talk of before does not go on")
					}
				case "l2":
					target.Speak(900008, 4)
					if target.Heard(900007) != 4 || other.Heard(900008) != 4 || !asker.Over() {
						t.Error("the two do not hear each other, or the one who asked is still there")
					}
					hungUp(target)
					synctest.Wait()
					if !other.Over() {
						t.Error("the call goes on without the other party")
					}
				case "":
					if !asker.Over() || !other.Over() {
						t.Error("the plan of the number did not end the call")
					}
				}
			})
		})
	}
}

func TestTheOneWhoAskedHangsUpWhileItRings(t *testing.T) {
	for _, answered := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			h := build(t, telephones(), "l2")
			h.network.phones["l3x"] = calltest.NewCalled("l3x")
			h.config.snapshot().Lines["l3x"] = &ccs.Line{Meta: ccs.Meta{ID: "l3x"}, Number: "204", Name: "Shop"}
			caller := h.arrive("204", "l1")
			asker, target := h.network.phones["l3x"], h.network.phones["l2"]
			asker.Answers()
			synctest.Wait()
			asker.Tell(call.Refer{Leg: asker, To: "202"})
			synctest.Wait()
			hungUp(asker)
			synctest.Wait()
			if caller.Over() {
				t.Fatal("the call ended with the one who asked")
			}
			if answered {
				target.Answers()
				synctest.Wait()
				caller.Speak(900001, 3)
				if target.Heard(900001) != 3 {
					t.Error("no sound after the transfer")
				}
				return
			}
			target.Leave(call.Cause{By: call.ByCalled, Reason: call.ReasonDeclined, Status: 603})
			synctest.Wait()
			if !caller.Over() {
				t.Error("the caller is left alone")
			}
		})
	}
}

// wantTalk checks that two who were connected hear each other, and that no call is
// left when one of them hangs up.
func wantTalk(t *testing.T, h *house, caller *calltest.Caller, far *calltest.Called) {
	t.Helper()
	caller.Speak(900001, 4)
	far.Speak(900002, 4)
	if far.Heard(900001) != 4 || caller.Heard(900002) != 4 {
		t.Error("the two do not hear each other")
	}
	hungUp(far)
	synctest.Wait()
	if !caller.Over() || h.calls.Count() != 0 {
		t.Errorf("%d calls run on", h.calls.Count())
	}
}

func TestATelephoneConnectsItsTwoCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, telephones(func(s *flow.Snapshot) {
			s.Lines["l3x"] = &ccs.Line{Meta: ccs.Meta{ID: "l3x"}, Number: "204", Name: "Shop"}
		}), "l2", "l3x")
		// The telephone of 202 talks with a caller, and calls 204 itself.
		caller := h.arrive("202", "l1")
		first := h.network.phones["l2"]
		first.Answers()
		synctest.Wait()
		second := h.arrive("204", "l2")
		far := h.network.phones["l3x"]
		far.Answers()
		synctest.Wait()
		var told reports
		first.Tell(call.Refer{Leg: first, Replaces: second, Report: told.told})
		synctest.Wait()
		if !told.are(200) || !first.Over() || !second.Over() {
			t.Errorf("told %v; the telephone's legs are not both let go", told.list)
		}
		if r := h.records.nth(0); r.Cause != "transferred" {
			t.Errorf("the first call ended with %q", r.Cause)
		}
		wantTalk(t, h, caller, far)
	})
}

func TestPlansThatLeadToThemselvesManyTimesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var to []ccs.Bridge
		for range 6 {
			to = append(to, ccs.Bridge{Number: "1000"})
		}
		h := build(t, telephones(bridging(time.Second, to...)))
		h.arrive("1000", "")
		synctest.Wait()
		r := h.records.nth(0)
		actions := 0
		for _, e := range r.Events {
			if e.Kind == ccs.EventAction {
				actions++
			}
		}
		if r.Cause != "limit" || actions > 500 {
			t.Errorf("ended by %s after %d actions", r.Cause, actions)
		}
	})
}

func TestNobodyIsOfferedTheirOwnCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, telephones(bridging(time.Minute, ccs.Bridge{Agent: "alice"}), func(s *flow.Snapshot) {
			s.Agents["alice"].SimultaneousCalls = 3
		}))
		alice := h.ready("alice")
		if err := h.place(desk.Placement{ID: "own", Agent: "alice", Name: "Alice", Leg: calltest.NewCalled("browser"), To: "1000"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(alice.offers) != 0 {
			t.Error("alice is called by herself")
		}
	})
}

func TestACallThatComesBackFromOutsideDoesNotGoRoundForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, telephones(bridging(30*time.Second, ccs.Bridge{Number: "+33222222222"})))
		var mu sync.Mutex
		came := 0
		arrive := func() {
			mu.Lock()
			came++
			enough := came > 100
			mu.Unlock()
			if enough {
				return
			}
			caller := calltest.NewCaller("caller")
			h.running.Go(func() {
				h.serveCall(context.Background(), sipgw.Incoming{Leg: caller, From: "+33612345678", To: "1000", Trunk: "t1"})
			})
		}
		h.network.placing = func(sipgw.Outgoing) call.CalledLeg {
			arrive() // somebody out there forwards to us
			return calltest.NewCalled("outside")
		}
		arrive()
		synctest.Wait()
		if came > maxAlike+1 {
			t.Errorf("it came %d times", came)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := h.calls.Count(); n != 0 || len(h.exchange.routes.ringing) != 0 {
			t.Errorf("%d calls and %d routes are left", n, len(h.exchange.routes.ringing))
		}
	})
}
