package server

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/call/calltest"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/flow"
	"github.com/carillon-cc/carillon/queue"
	"github.com/carillon-cc/carillon/server/desk"
)

// shop is line 204 besides the usual configuration.
func shop(s *flow.Snapshot) {
	s.Lines["l4"] = &ccs.Line{Meta: ccs.Meta{ID: "l4"}, Number: "204", Name: "Shop", Outside: true}
}

func wantStates(t *testing.T, h *house, when string, want map[string]queue.State) {
	t.Helper()
	synctest.Wait()
	for agent, state := range want {
		if got := h.engine.Agent(agent).State; got != state {
			t.Errorf("%s: %s is %s, want %s", when, agent, got, state)
		}
	}
}

func TestAnAgentWhoMovesTheirOwnCallOnIsFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, telephones(), "+33622222222", "l2")
		h.ready("alice")
		mine, far, bar := calltest.NewCalled("mine"), h.network.phones["+33622222222"], h.network.phones["l2"]
		if err := h.place(desk.Placement{ID: "own", Agent: "alice", Name: "Alice", Leg: mine, Telephone: true, To: "+33622222222"}); err != nil {
			t.Fatal(err)
		}
		far.Answers()
		synctest.Wait()
		mine.Tell(call.Refer{Leg: mine, To: "202"})
		synctest.Wait()
		bar.Answers()
		wantStates(t, h, "after the transfer", map[string]queue.State{"alice": queue.Ready})
		hungUp(bar)
		wantStates(t, h, "at the end", map[string]queue.State{"alice": queue.Ready})
		if r := h.records.nth(0); r.Agent != "alice" || !far.Over() {
			t.Errorf("the record names %q", r.Agent)
		}
	})
}

func TestAnAgentWhomTheCallerMovesStaysInTheCall(t *testing.T) {
	for _, to := range []string{"202", "0123456789"} {
		synctest.Test(t, func(t *testing.T) {
			h := build(t, telephones(bridging(10*time.Second, ccs.Bridge{Agent: "alice"}), func(s *flow.Snapshot) {
				s.Versions["p2"].Flow.Steps[0].Actions = []ccs.Action{{Sleep: &ccs.Sleep{Time: 60_000}}}
			}), "l2")
			p := h.ready("alice")
			caller, hers := h.arrive("1000", "l1"), calltest.NewCalled("hers")
			p.accept(t, hers)
			synctest.Wait()
			caller.Tell(call.Refer{Leg: caller, To: to})
			synctest.Wait()
			h.network.phones["l2"].Answers()
			wantStates(t, h, "moved to "+to, map[string]queue.State{"alice": queue.Talking})
			if hers.Over() || !caller.Over() {
				t.Error("not the one who asked was let go")
			}
			hungUp(hers)
			wantStates(t, h, "at the end", map[string]queue.State{"alice": queue.Ready})
		})
	}
}

func TestOfTwoAgentsTheOneWhoAsksIsFree(t *testing.T) {
	for _, asks := range []string{"alice", "bob"} {
		synctest.Test(t, func(t *testing.T) {
			h := build(t, telephones(), "l2")
			h.ready("alice")
			bob := h.ready("bob")
			hers, his := calltest.NewCalled("hers"), calltest.NewCalled("his")
			if err := h.place(desk.Placement{ID: "own", Agent: "alice", Name: "Alice", Leg: hers, Telephone: true, To: "bob", Colleague: true}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			bob.accept(t, his)
			synctest.Wait()
			asker, stays, other := hers, his, "bob"
			if asks == "bob" {
				asker, stays, other = his, hers, "alice"
			}
			asker.Tell(call.Refer{Leg: asker, To: "202"})
			synctest.Wait()
			h.network.phones["l2"].Answers()
			wantStates(t, h, asks+" moved the other", map[string]queue.State{asks: queue.Ready, other: queue.Talking})
			hungUp(stays)
			wantStates(t, h, "at the end", map[string]queue.State{asks: queue.Ready, other: queue.Ready})
		})
	}
}

func TestAnAgentWhoConnectsTwoCallsIsFree(t *testing.T) {
	for _, first := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			h := build(t, telephones(bridging(10*time.Second, ccs.Bridge{Agent: "alice"}), shop), "l4")
			p := h.ready("alice")
			caller, hers := h.arrive("1000", ""), calltest.NewCalled("hers")
			p.accept(t, hers)
			synctest.Wait()
			// Her telephone, line 202, asks somebody.
			second, far := h.arrive("204", "l2"), h.network.phones["l4"]
			far.Answers()
			synctest.Wait()
			var told reports
			if first {
				hers.Tell(call.Refer{Leg: hers, Replaces: second, Report: told.told})
			} else {
				second.Tell(call.Refer{Leg: second, Replaces: hers, Report: told.told})
			}
			wantStates(t, h, "after the transfer", map[string]queue.State{"alice": queue.Ready})
			if r := h.records.nth(0); r.Agent != "alice" || !told.are(200) {
				t.Errorf("the record of the first call names %q; told %v", r.Agent, told.list)
			}
			wantTalk(t, h, caller, far)
		})
	}
}

func TestTheRecordKeepsTheAgentWhoMovedTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, telephones(bridging(10*time.Second, ccs.Bridge{Agent: "alice"})), "l2")
		p := h.ready("alice")
		h.arrive("1000", "")
		hers := calltest.NewCalled("hers")
		p.accept(t, hers)
		synctest.Wait()
		hers.Tell(call.Refer{Leg: hers, To: "202"})
		synctest.Wait()
		h.network.phones["l2"].Answers()
		synctest.Wait()
		if r := h.records.nth(0); r.Agent != "alice" {
			t.Errorf("the record names %q", r.Agent)
		}
	})
}

func TestATransferGoesWhereTheLineForwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, telephones(shop), "l4", "+33611111111")
		caller := h.arrive("204", "l1")
		h.network.phones["l4"].Answers()
		synctest.Wait()
		caller.Tell(call.Refer{Leg: caller, To: "203"})
		synctest.Wait()
		if o := h.network.last(); o.Number != "+33611111111" || o.By != "l3" {
			t.Errorf("placed %+v", o)
		}
	})
}

func TestATelephoneThatTookAnothersPlaceKeepsItWhenAWishIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, telephones(shop), "l4")
		caller, phone := h.arrive("204", "l1"), calltest.NewCalled("another")
		called := h.network.phones["l4"]
		called.Answers()
		synctest.Wait()
		called.Tell(call.Replaced{Leg: called, By: phone})
		synctest.Wait()
		caller.Tell(call.Refer{Leg: caller, To: "-"})
		synctest.Wait()
		caller.Speak(900001, 4)
		phone.Speak(900002, 4)
		if phone.Heard(900001) != 4 || caller.Heard(900002) != 4 || phone.Over() {
			t.Error("the talk does not go on")
		}
		hungUp(phone)
		synctest.Wait()
		if !caller.Over() {
			t.Error("the caller is left alone")
		}
	})
}

func TestAWishThatIsRefusedLeavesTheTalkAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, telephones(shop), "l4")
		caller := h.arrive("204", "l1")
		h.network.phones["l4"].Answers()
		synctest.Wait()
		before := h.records.nth(0)
		for range 3 {
			time.Sleep(time.Minute)
			caller.Tell(call.Refer{Leg: caller, To: "-"})
		}
		synctest.Wait()
		connected := 0
		for _, e := range h.records.nth(0).Events {
			if e.Kind == ccs.EventConnected {
				connected++
			}
		}
		if connected != 1 {
			t.Errorf("by the record they were connected %d times", connected)
		}
		if !h.records.nth(0).Connected.Equal(before.Connected) {
			t.Error("the talk began anew")
		}
	})
}
