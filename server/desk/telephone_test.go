package desk

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/call/calltest"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/queue"
)

// telephones are those of the agents: each call gets a new leg.
type telephones struct {
	mu      sync.Mutex
	device  Device
	problem string
	confirm bool
	refusal call.Reason
	legs    []*calltest.Called
	calls   []Ringing
}

func (p *telephones) Device(agent string) Device {
	if agent != "alice" {
		return Device{Kind: ccs.DeviceBrowser}
	}
	return p.device
}

func (p *telephones) Problem(string, Device) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.problem
}

// count is how often the telephone was called.
func (p *telephones) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.legs)
}

// set changes what the telephones are like.
func (p *telephones) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *telephones) Call(r Ringing) (call.CalledLeg, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refusal != "" {
		return nil, false, &NotPlacedError{Reason: p.refusal}
	}
	leg := calltest.NewCalled("telephone")
	p.legs, p.calls = append(p.legs, leg), append(p.calls, r)
	return leg, p.confirm, nil
}

func (*telephones) AcceptKey(string) byte { return '1' }

func (*telephones) Question(_ Question, done func(*media.Prompt)) {
	done(media.NewPrompt(make([]byte, media.FrameSamples*50)))
}

// booth is alice's desk with a telephone, her page, and a queue of hers and bob's.
type booth struct {
	t      *testing.T
	engine *queue.Engine
	phones *telephones
	desk   *Desk
	page   *conn
	placed []Placement
	events chan queue.Notice
}

// other is a device without a life of its own.
type other struct{ offers chan queue.Offer }

func (o *other) Offer(offer queue.Offer)                          { o.offers <- offer }
func (*other) Withdraw(queue.Offer, queue.WithdrawReason, string) {}
func (*other) StatusChanged(queue.AgentStatus)                    {}

// run has test run with a telephone of a kind, in virtual time.
func run(t *testing.T, kind ccs.DeviceKind, test func(*booth)) {
	synctest.Test(t, func(t *testing.T) {
		pacer := media.NewPacer()
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { pacer.Run(ctx) })
		p := &booth{
			t: t, engine: queue.New(queue.Options{}), events: make(chan queue.Notice, 64),
			phones: &telephones{device: Device{Kind: kind, Line: "l1", Number: "203"}, confirm: kind == ccs.DevicePhone},
		}
		p.engine.SetAgents(map[string]*ccs.Agent{"alice": {}, "bob": {}})
		p.engine.SetQueues(map[string]*ccs.Queue{"sales": {
			Meta: ccs.Meta{ID: "sales"}, Name: "Sales", Strategy: ccs.RingAll, Members: []ccs.QueueMember{{Agent: "alice"}, {Agent: "bob"}},
		}})
		p.desk = newDesk(Options{
			Engine: p.engine, Pacer: pacer, Telephones: p.phones, Log: slog.New(slog.DiscardHandler),
			Calls:       call.NewManager(call.Options{Pacer: pacer}),
			NumberLabel: func(string) string { return "" }, AgentName: func(id string) string { return id },
			MayPlace: func(Placement) error { return nil },
			Place:    func(w Placement) error { p.placed = append(p.placed, w); return nil },
		}, "alice")
		running.Go(func() { p.desk.run(ctx) })
		p.open()
		p.ask(request{Type: "ready"})
		p.wantState(queue.Ready)
		test(p)
		cancel()
		running.Wait()
		p.engine.SignOut("alice", p.desk)
	})
}

// open opens a page.
func (p *booth) open() {
	p.page = &conn{out: make(chan any, 1000), unhandled: make(chan struct{}, maxUnhandled)}
	p.ask(request{Type: "hello", Tab: "tab"})
}

func (p *booth) ask(r request) {
	p.page.unhandled <- struct{}{}
	p.desk.inbox.Post(fromPage{p.page, r})
	synctest.Wait()
}

// close closes the page and lets the time pass after which it is not expected back.
func (p *booth) close() {
	p.desk.inbox.Post(pageGone{p.page})
	time.Sleep(lostGrace)
	synctest.Wait()
}

// shown is the last state that the page was told.
func (p *booth) shown() deskMessage {
	var last deskMessage
	for {
		select {
		case m := <-p.page.out:
			if d, ok := m.(deskMessage); ok {
				last = d
			}
		default:
			return last
		}
	}
}

// arrive has a caller join; the telephone is called.
func (p *booth) arrive(id string) *calltest.Called {
	p.t.Helper()
	p.engine.Join(queue.Caller{
		ID: id, Queue: "sales", Details: queue.OfferDetails{From: "+33612345678", ShownFrom: "+33612345678", Codec: "PCMA"},
		Notify: func(n queue.Notice) { p.events <- n },
	})
	synctest.Wait()
	return p.leg()
}

func (p *booth) leg() *calltest.Called {
	p.t.Helper()
	p.phones.mu.Lock()
	defer p.phones.mu.Unlock()
	if len(p.phones.legs) == 0 {
		p.t.Fatal("the telephone was not called")
	}
	return p.phones.legs[len(p.phones.legs)-1]
}

// ended is how the last offer ended, "connected" where the caller was taken.
func (p *booth) ended() string {
	synctest.Wait()
	last := ""
	for {
		select {
		case n := <-p.events:
			switch n := n.(type) {
			case queue.OfferEnded:
				if n.Reason != queue.EndWithdrawn {
					last = string(n.Reason)
				}
			case queue.Connected:
				last = "connected " + n.Agent
			}
		default:
			return last
		}
	}
}

func (p *booth) wantEnded(want string) {
	p.t.Helper()
	if got := p.ended(); got != want {
		p.t.Errorf("the offer ended %q, want %q", got, want)
	}
}

func (p *booth) wantState(want queue.State) {
	p.t.Helper()
	synctest.Wait()
	if got := p.engine.Agent("alice").State; got != want {
		p.t.Errorf("alice is %s, want %s", got, want)
	}
}

func TestALineThatAnswersHasTheCall(t *testing.T) {
	run(t, ccs.DeviceLine, func(p *booth) {
		leg := p.arrive("1")
		if c := p.phones.calls[0]; c.From != "+33612345678" || c.Codec != "PCMA" || c.Queue != "sales" {
			p.t.Errorf("called with %+v", c)
		}
		time.Sleep(3 * time.Second)
		leg.Rings(false)
		synctest.Wait()
		if m := p.shown(); m.Offer == nil || m.Offer.Phase != "ringing" || m.Device.Number != "203" {
			p.t.Errorf("the page shows %+v", m)
		}
		time.Sleep(10 * time.Second)
		leg.Answers()
		p.wantEnded("connected alice")
		p.wantState(queue.Talking)
	})
}

func TestATelephoneThatSaysNothingIsNotCalledForAMinute(t *testing.T) {
	run(t, ccs.DeviceLine, func(p *booth) {
		leg := p.arrive("1")
		time.Sleep(linePatience)
		p.wantEnded("undelivered")
		if !leg.Over() {
			p.t.Error("it is called on")
		}
		if a := p.engine.Agent("alice"); a.Reachable || a.Why != problemSilent {
			p.t.Errorf("reachable %v, %s", a.Reachable, a.Why)
		}
		time.Sleep(silentPause - time.Second)
		if p.phones.count() != 1 {
			p.t.Errorf("it was called %d times", p.phones.count())
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if p.phones.count() != 2 {
			p.t.Error("it was not called again")
		}
	})
}

func TestAVoicemailNeverTakesACall(t *testing.T) {
	run(t, ccs.DevicePhone, func(p *booth) {
		leg := p.arrive("1")
		leg.Rings(false)
		time.Sleep(19 * time.Second) // shortly before the ringing is over
		leg.Answers()
		synctest.Wait()
		if m := p.shown(); m.Offer == nil || m.Offer.Phase != "confirm" || m.Offer.Confirm != "1" {
			p.t.Errorf("the page shows %+v", m.Offer)
		}
		time.Sleep(keyTime - time.Millisecond)
		if got := p.ended(); got != "" || leg.Over() {
			p.t.Errorf("it ended early: %q", got)
		}
		time.Sleep(time.Millisecond)
		p.wantEnded("missed")
		if !leg.Did("hangup system/notAccepted") {
			p.t.Error("the voicemail was not hung up on")
		}
		p.wantState(queue.NotResponding)
	})
}

func TestOnlyTheAcceptKeyTakesTheCall(t *testing.T) {
	run(t, ccs.DevicePhone, func(p *booth) {
		leg := p.arrive("1")
		leg.Rings(true)
		leg.Tell(call.Digit{Leg: leg, Digit: '1'}) // before somebody picks up it says nothing
		leg.Answers()
		for _, wrong := range "2#*0" {
			leg.Tell(call.Digit{Leg: leg, Digit: byte(wrong)})
		}
		time.Sleep(2 * time.Second)
		if got := p.ended(); got != "" {
			p.t.Fatalf("it ended: %q", got)
		}
		leg.Tell(call.Digit{Leg: leg, Digit: '1'})
		p.wantEnded("connected alice")
	})
}

func TestAForwardedLineNeedsTheAcceptKey(t *testing.T) {
	run(t, ccs.DeviceLine, func(p *booth) {
		leg := p.arrive("1")
		leg.Tell(call.Forwarded{Leg: leg, To: "+33699999999"})
		leg.Rings(false)
		leg.Answers()
		p.wantEnded("")
		leg.Tell(call.Digit{Leg: leg, Digit: '1'})
		p.wantEnded("connected alice")
	})
}

func TestHowATelephoneRefusesEndsTheOffer(t *testing.T) {
	for reason, want := range map[call.Reason]string{
		call.ReasonTheirBusy:    "engaged",
		call.ReasonDeclined:     "declined",
		call.ReasonForwarded:    "forwarded",
		call.ReasonUnavailable:  "missed",
		call.ReasonNoAnswer:     "missed",
		call.ReasonTrunkFailed:  "failed",
		call.ReasonTrunkRefused: "failed",
	} {
		t.Run(string(reason), func(t *testing.T) {
			run(t, ccs.DeviceLine, func(p *booth) {
				p.arrive("1").Leave(call.Cause{By: call.ByCalled, Reason: reason})
				p.wantEnded(want)
				p.engine.Leave("1", queue.LeaveOver)
				p.engine.SetReady("alice")
				p.phones.set(func() { p.phones.refusal = reason }) // not even tried
				p.engine.Join(queue.Caller{ID: "2", Queue: "sales", Notify: func(n queue.Notice) { p.events <- n }})
				p.wantEnded(want)
			})
		})
	}
}

func TestTheEndOfAnOfferEndsTheRinging(t *testing.T) {
	for _, x := range []struct {
		name, want string
		end        func(*booth)
	}{
		{"the caller leaves", "hangup caller/cancelled", func(p *booth) { p.engine.Leave("1", queue.LeaveOver) }},
		{"declined on the page", "hangup system/cancelled", func(p *booth) {
			p.ask(request{Type: "decline", Offer: p.shown().Offer.ID})
		}},
		{"away", "hangup system/cancelled", func(p *booth) { p.ask(request{Type: "away"}) }},
		{"nobody answers", "hangup system/noAnswer", func(*booth) { time.Sleep(20 * time.Second) }},
	} {
		t.Run(x.name, func(t *testing.T) {
			run(t, ccs.DeviceLine, func(p *booth) {
				leg := p.arrive("1")
				leg.Rings(false)
				synctest.Wait()
				x.end(p)
				synctest.Wait()
				if !leg.Did(x.want) {
					p.t.Errorf("not %s", x.want)
				}
			})
		})
	}
}

func TestWhoIsFasterHasTheCallAndTheTelephoneStops(t *testing.T) {
	run(t, ccs.DeviceLine, func(p *booth) {
		bob := &other{make(chan queue.Offer, 8)}
		p.engine.SignIn("bob", bob)
		p.engine.SetReachable("bob", true, "")
		p.engine.SetReady("bob")
		leg := p.arrive("1")
		leg.Rings(false)
		offer := <-bob.offers
		if err := p.engine.Accept(offer.ID, "bob", calltest.NewCalled("bob")); err != nil {
			p.t.Fatal(err)
		}
		leg.Answers() // at the same moment
		synctest.Wait()
		if !leg.Did("hangup system/cancelled") {
			p.t.Error("the slower one was not hung up on")
		}
		p.wantEnded("connected bob")
		p.engine.Leave("1", queue.LeaveOver)
		p.engine.SignOut("bob", bob)
	})
}

func TestACallThatIsOverLeavesNoTelephoneBehind(t *testing.T) {
	run(t, ccs.DeviceLine, func(p *booth) {
		leg := p.arrive("1")
		leg.Rings(false)
		leg.Answers()
		p.wantEnded("connected alice")
		p.engine.Leave("1", queue.LeaveOver) // without ever having taken the leg
		synctest.Wait()
		if !leg.Over() {
			p.t.Error("the telephone is still in a call that is over")
		}
	})
}

func TestATelephoneStaysReadyWithoutAPage(t *testing.T) {
	run(t, ccs.DeviceLine, func(p *booth) {
		p.close()
		p.wantState(queue.Ready)
		leg := p.arrive("1")
		leg.Rings(false)
		leg.Answers()
		p.wantEnded("connected alice")
		p.engine.Leave("1", queue.LeaveOver)
		p.desk.inbox.Post(signedOut{})
		p.wantState(queue.Offline)
	})
}

func TestWhoIsAwayAndClosesThePageIsSignedOut(t *testing.T) {
	run(t, ccs.DeviceLine, func(p *booth) {
		p.ask(request{Type: "away"})
		p.close()
		p.wantState(queue.Offline)
	})
}

func TestSigningOutEndsTheDayOnceThePagesAreGone(t *testing.T) {
	run(t, ccs.DeviceLine, func(p *booth) {
		p.desk.inbox.Post(signedOut{})
		p.wantState(queue.Ready)
		p.desk.inbox.Post(pageGone{p.page})
		p.wantState(queue.Offline)
	})
}

func TestATelephoneThatIsGoneIsNotOffered(t *testing.T) {
	run(t, ccs.DeviceLine, func(p *booth) {
		p.phones.set(func() { p.phones.problem = "lineUnregistered" })
		p.desk.inbox.Post(telephonesChanged{})
		synctest.Wait()
		if m := p.shown(); !slices.Equal(m.Problems, []string{"lineUnregistered"}) {
			p.t.Errorf("the page shows %v", m.Problems)
		}
		p.engine.Join(queue.Caller{ID: "1", Queue: "sales", Notify: func(n queue.Notice) { p.events <- n }})
		synctest.Wait()
		if p.phones.count() > 0 {
			p.t.Error("it was called")
		}
		p.phones.set(func() { p.phones.problem = "" })
		p.desk.inbox.Post(telephonesChanged{})
		synctest.Wait()
		if p.phones.count() != 1 {
			p.t.Error("it was not called when it came back")
		}
	})
}

func TestAnOwnCallRingsTheAgentFirst(t *testing.T) {
	run(t, ccs.DeviceLine, func(p *booth) {
		p.ask(request{Type: "dial", To: "tel:+33-1-23-45-67-89"})
		p.wantState(queue.Talking) // no queue rings there
		if m := p.shown(); m.Call == nil || m.Call.Phase != "telephone" || m.Call.To != "+33-1-23-45-67-89" {
			p.t.Fatalf("the page shows %+v", m.Call)
		}
		leg := p.leg()
		leg.Rings(false)
		if len(p.placed) > 0 {
			p.t.Fatal("placed before the agent was there")
		}
		leg.Answers()
		synctest.Wait()
		if len(p.placed) != 1 || p.placed[0].Leg != call.Leg(leg) || !p.placed[0].Telephone || p.placed[0].To != "+33-1-23-45-67-89" {
			p.t.Errorf("placed %+v", p.placed)
		}
		p.engine.Release("alice", p.placed[0].ID)
	})
}

func TestAnOwnCallThatIsNotPickedUpIsGivenUp(t *testing.T) {
	for _, x := range []struct {
		name string
		end  func(*booth)
	}{
		{"in time", func(*booth) { time.Sleep(ownRing) }},
		{"hung up on the page", func(p *booth) { p.ask(request{Type: "hangup"}) }},
		{"refused", func(p *booth) { p.leg().Leave(call.Cause{By: call.ByCalled, Reason: call.ReasonDeclined}) }},
	} {
		t.Run(x.name, func(t *testing.T) {
			run(t, ccs.DeviceLine, func(p *booth) {
				p.ask(request{Type: "dial", Agent: "bob"})
				p.leg().Rings(false)
				x.end(p)
				p.wantState(queue.Ready)
				if len(p.placed) > 0 || p.shown().Call != nil {
					p.t.Error("the call goes on")
				}
			})
		})
	}
}

func TestWhatIsDialledIsReadInEveryForm(t *testing.T) {
	for text, want := range map[string]string{
		" 01 23 45 67 89 ":                       "0123456789",
		"tel:+33123456789":                       "+33123456789",
		"TEL:+33-1-23;phone-context=example.com": "+33-1-23",
		"tel:%2B33123":                           "+33123",
		"sip:203@pbx.example;transport=tcp":      "203",
		"callto://+33123":                        "+33123",
		"\u202a+33\u00a01\u202f23\u202c":         "+33123",
		"203":                                    "203",
		"":                                       "",
		"tel:":                                   "",
	} {
		if got := dialled(text); got != want {
			t.Errorf("%q is read as %q, want %q", text, got, want)
		}
	}
}

func TestATelephoneTakesAsManyCallsAsTheAgentMay(t *testing.T) {
	run(t, ccs.DeviceLine, func(p *booth) {
		p.engine.SetAgents(map[string]*ccs.Agent{"alice": {SimultaneousCalls: 2}, "bob": {}})
		talks := func(id string) { p.desk.inbox.Post(call.View{ID: id, Agent: "alice", LastAgent: "alice"}) }
		first := p.arrive("1")
		first.Rings(false)
		first.Answers()
		p.wantEnded("connected alice")
		talks("1")
		second := p.arrive("2")
		if second == first {
			p.t.Fatalf("the second call does not ring: the offer ended %q", p.ended())
		}
		second.Rings(false)
		talks("1") // something happens in the first one
		synctest.Wait()
		if m := p.shown(); m.Offer == nil || m.Call == nil || m.Call.ID != "1" {
			p.t.Errorf("while the second rings the page shows %+v and %+v", m.Call, m.Offer)
		}
		second.Answers()
		p.wantEnded("connected alice")
		talks("2")
		talks("1")
		synctest.Wait()
		if m := p.shown(); m.Call == nil || m.Call.ID != "2" || m.Offer != nil {
			p.t.Errorf("the page shows %+v and %+v, not the newest call", m.Call, m.Offer)
		}
		if p.arrive("3") != second {
			p.t.Error("a third call rings")
		}
		p.engine.Leave("3", queue.LeaveOver)
		p.engine.Leave("2", queue.LeaveOver)
		p.desk.inbox.Post(call.View{ID: "2", LastAgent: "alice", Over: true})
		synctest.Wait()
		if m := p.shown(); m.Call == nil || m.Call.ID != "1" {
			p.t.Errorf("after the second the page shows %+v", m.Call)
		}
		p.engine.Leave("1", queue.LeaveOver)
		p.desk.inbox.Post(call.View{ID: "1", LastAgent: "alice", Over: true})
		synctest.Wait()
		if m := p.shown(); m.Call != nil || first.Over() {
			p.t.Errorf("at the end the page shows %+v", m.Call)
		}
	})
}

func TestAPageIsOfferedOneCallAtATime(t *testing.T) {
	run(t, ccs.DeviceBrowser, func(p *booth) {
		p.engine.SetAgents(map[string]*ccs.Agent{"alice": {SimultaneousCalls: 2}, "bob": {}})
		p.engine.SetReachable("alice", true, "")
		if err := p.engine.Reserve("alice", "own"); err != nil {
			p.t.Fatal(err)
		}
		p.engine.Join(queue.Caller{ID: "1", Queue: "sales", Notify: func(n queue.Notice) { p.events <- n }})
		synctest.Wait()
		if m := p.shown(); m.Offer != nil {
			p.t.Error("the page is offered a call that it cannot take")
		}
		p.engine.Leave("1", queue.LeaveOver)
		p.engine.Release("alice", "own")
	})
}

func TestWhyACallLeavesAnAgentsTelephoneIsTold(t *testing.T) {
	for reason, want := range map[call.Reason]string{
		call.ReasonTransferred: "call.ended",
		call.ReasonAgentLost:   "call.telephoneLost",
	} {
		run(t, ccs.DeviceLine, func(p *booth) {
			p.desk.inbox.Post(call.View{ID: "1", Agent: "alice", LastAgent: "alice"})
			p.desk.inbox.Post(call.View{ID: "1", LastAgent: "alice", Left: reason})
			synctest.Wait()
			var told []string
			for len(p.page.out) > 0 {
				if m, ok := (<-p.page.out).(noticeMessage); ok {
					told = append(told, m.Code)
				}
			}
			if !slices.Equal(told, []string{want}) {
				p.t.Errorf("%s: told %v, want %s", reason, told, want)
			}
		})
	}
}
