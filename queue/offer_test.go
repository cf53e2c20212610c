package queue

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

func TestSequentialStartsFromTheTopForEachCaller(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "abc")}, func(o *office) {
		o.join("1")
		o.wantRinging("a:1")
		o.accept("a")
		o.e.Leave("1", LeaveOver)
		o.join("2")
		o.wantRinging("a:2")
	})
}

func TestSequentialGoesDownAndBeginsANewRound(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "abc", func(q *ccs.Queue) { q.MissedLimit = 9 })}, func(o *office) {
		o.join("1")
		pass(20*time.Second - 1)
		o.wantRinging("a:1")
		pass(1)
		o.wantRinging("b:1")
		o.decline("b")
		o.wantRinging("c:1")
		pass(20 * time.Second)
		o.wantRinging("a:1")
		o.wantHeard("1", "offered a", "missed a", "offered b", "declined b", "offered c", "missed c", "offered a")
	})
}

func TestPriorityLevelsComeFirst(t *testing.T) {
	levels := func(q *ccs.Queue) { q.Members[0].Priority = 2; q.Members[2].Priority = 1 }
	for _, test := range []struct {
		strategy             ccs.Strategy
		first, second, third string
	}{
		{ccs.Sequential, "b:1", "d:1", "c:1"},
		{ccs.RingAll, "b:1 d:1", "d:1", "c:1"},
	} {
		t.Run(string(test.strategy), func(t *testing.T) {
			run(t, []setting{q("q", test.strategy, "abcd", levels)}, func(o *office) {
				o.join("1")
				o.wantRinging(test.first)
				o.decline("b")
				o.wantRinging(test.second)
				o.decline("d")
				o.wantRinging(test.third)
				o.decline("c")
				o.wantRinging("a:1")
			})
		})
	}
}

func TestRingTimeoutIsTheQueuesThenTheAgentsThenTwentySeconds(t *testing.T) {
	for _, test := range []struct {
		name         string
		queue, agent time.Duration
		want         time.Duration
	}{
		{"default", 0, 0, 20 * time.Second},
		{"agent", 0, 7 * time.Second, 7 * time.Second},
		{"queue", 9 * time.Second, 7 * time.Second, 9 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			run(t, []setting{
				q("q", ccs.Sequential, "a", func(q *ccs.Queue) { q.RingTimeout = ccs.MillisOf(test.queue) }),
				agentWith("a", func(a *ccs.Agent) { a.RingTimeout = ccs.MillisOf(test.agent) }),
			}, func(o *office) {
				o.join("1")
				if d := time.Until(o.desks["a"].ringing.Expires); d != test.want {
					t.Errorf("offer says it ends in %v, want %v", d, test.want)
				}
				pass(test.want - 1)
				o.wantRinging("a:1")
				pass(1)
				o.wantRinging("")
				o.wantState("a", NotResponding)
			})
		})
	}
}

func TestOfferTellsTheAgentWhoAndHowLong(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "a", func(q *ccs.Queue) { q.Name = "Sales" })}, func(o *office) {
		o.joinAs(Caller{ID: "1", Queue: "q", Since: time.Now().Add(-time.Minute), Details: OfferDetails{From: "+331", Keys: "2"}})
		got := *o.desks["a"].ringing
		if got.Waited != time.Minute || got.Details != (OfferDetails{From: "+331", Keys: "2", QueueName: "Sales"}) {
			t.Errorf("offer %+v", got)
		}
	})
}

func TestRingAllRingsEveryEligibleMemberAndThoseWhoBecomeFree(t *testing.T) {
	run(t, []setting{q("q", ccs.RingAll, "abcd")}, func(o *office) {
		o.away("c")
		o.e.SetReachable("d", false, "media")
		o.join("1")
		o.wantRinging("a:1 b:1")
		pass(time.Second)
		o.ready("c")
		o.wantRinging("a:1 b:1 c:1")
		o.e.SetReachable("d", true, "")
		o.accept("c")
		o.wantRinging("")
		for _, loser := range []string{"a", "b", "d"} {
			if got := o.desks[loser].told(); len(got) != 1 || got[0] != "taken by c" {
				t.Errorf("%s was told %q", loser, got)
			}
		}
		if got := o.desks["c"].told(); len(got) != 0 {
			t.Errorf("the winner was told %q", got)
		}
	})
}

func TestRingAllReservesAgentsForTheFirstCaller(t *testing.T) {
	run(t, []setting{q("q", ccs.RingAll, "ab")}, func(o *office) {
		o.join("1", "2")
		o.wantRinging("a:1 b:1")
		o.accept("b")
		o.wantRinging("a:2")
	})
}

func TestDeclinedCallerPausesWithTheAgentButNobodyElseDoes(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "a")}, func(o *office) {
		o.join("1", "2")
		o.decline("a")
		o.wantRinging("a:2") // the first caller keeps the place, the second is not blocked
		o.accept("a")
		o.e.Leave("2", LeaveOver)
		o.wantRinging("")
		pass(5*time.Second - 1)
		o.wantRinging("")
		pass(1)
		o.wantRinging("a:1")
		o.wantState("a", Ringing)
	})
}

func TestDeclinesAreNotMissesAndMissesCountInARow(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "a", func(q *ccs.Queue) { q.MissedLimit = 2 })}, func(o *office) {
		o.join("1")
		for range 3 {
			o.decline("a")
			o.wantState("a", Ready)
			pass(5 * time.Second)
		}
		pass(20 * time.Second) // missed once
		o.wantState("a", Ready)
		pass(5 * time.Second)
		o.decline("a") // not in a row any more
		pass(5*time.Second + 20*time.Second)
		o.wantState("a", Ready)
		pass(5*time.Second + 20*time.Second)
		o.wantState("a", NotResponding)
		pass(time.Hour)
		o.wantRinging("")
		o.e.SetReady("a")
		o.wantRinging("a:1")
	})
}

func TestAnswerEndsARowOfMisses(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "a", func(q *ccs.Queue) { q.MissedLimit = 2 })}, func(o *office) {
		for _, caller := range []string{"1", "2", "3"} {
			o.join(caller)
			pass(25 * time.Second) // missed, and offered again after the pause
			o.wantState("a", Ringing)
			o.accept("a")
			o.e.Leave(caller, LeaveOver)
		}
	})
}

func TestUndeliveredOfferGoesOnWithinASecondAndIsNotMissed(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "ab")}, func(o *office) {
		o.desks["a"].deaf = true
		o.join("1")
		pass(time.Second - 1)
		o.wantRinging("a:1")
		pass(1)
		o.wantRinging("b:1")
		o.wantHeard("1", "offered a", "undelivered a", "offered b")
		o.wantState("a", Ready)
		if s := o.e.Agent("a"); s.Reachable || s.Why != WhyUndelivered {
			t.Errorf("status %+v", s)
		}
		o.join("2")
		o.wantRinging("b:1")
		o.desks["a"].deaf = false
		o.e.SetReachable("a", true, "")
		o.wantRinging("a:2 b:1")
	})
}

func TestASlowDeviceIsGivenMoreTimeUntilItKeepsUp(t *testing.T) {
	run(t, []setting{q("q", ccs.RingAll, "a")}, func(o *office) {
		o.desks["a"].deaf = true
		o.join("1")
		for _, patience := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 4 * time.Second} {
			o.wantRinging("a:1")
			pass(patience - 1)
			o.wantRinging("a:1")
			pass(1)
			o.wantRinging("")
			o.e.SetReachable("a", true, "") // alive, as its proofs say
		}
		o.wantRinging("a:1")
		o.e.Delivered(o.desks["a"].offer())
		o.e.Leave("1", LeaveOver)
		o.join("2")
		pass(time.Second)
		o.wantRinging("") // quick once, it is expected to be quick again
	})
}

func TestDeviceLostWhileRingingEndsTheOfferAtOnce(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "ab")}, func(o *office) {
		o.join("1")
		pass(3 * time.Second)
		o.e.SetReachable("a", false, "signalling")
		o.wantRinging("b:1")
		o.wantHeard("1", "offered a", "undelivered a", "offered b")
		if s := o.e.Agent("a"); s.State != Ready || s.Reachable || s.Why != "signalling" {
			t.Errorf("status %+v", s)
		}
	})
}

func TestLateDeliveryDoesNotReviveAnOffer(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "ab")}, func(o *office) {
		o.desks["a"].deaf = true
		o.join("1")
		offer := o.desks["a"].offer()
		pass(time.Second)
		o.e.Delivered(offer)
		if err := o.e.Accept(offer, "a", nil); err != ErrGone {
			t.Errorf("accept: %v, want %v", err, ErrGone)
		}
		o.wantRinging("b:1")
	})
}

func TestAgentWhoLeavesWhileRingingLosesTheCallerNoPlace(t *testing.T) {
	for _, test := range []struct {
		name, heard string
		leave       func(o *office)
	}{
		{"away", "declined a", func(o *office) { o.away("a") }},
		{"signed out", "failed a", func(o *office) { o.e.SignOut("a", o.desks["a"]) }},
		{"removed", "failed a", func(o *office) {
			o.e.SetAgents(map[string]*ccs.Agent{"b": o.agents["b"]})
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			run(t, []setting{q("q", ccs.Sequential, "ab")}, func(o *office) {
				o.away("b")
				o.join("1", "2")
				test.leave(o)
				o.ready("b")
				o.wantRinging("b:1")
				o.wantHeard("1", "offered a", test.heard, "offered b")
			})
		})
	}
}

// A switch that is turned back and forth must not ring at each turn.
func TestAgentWhoTogglesDoesNotRingInALoop(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "a")}, func(o *office) {
		o.join("1")
		for range 40 {
			o.away("a")
			o.ready("a")
			pass(100 * time.Millisecond)
		}
		o.wantHeard("1", "offered a", "declined a")
		pass(time.Second)
		o.wantRinging("a:1")
	})
}

func TestThousandMembersAllRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, crowd(1000, 1, 1, ccs.RingAll))
		for id := range o.agents {
			o.ready(id)
		}
		if got := o.joinAs(Caller{ID: "1", Queue: "q0"}); got != Accepted {
			t.Fatal(got)
		}
		if _, n, _ := o.leftovers(); n != 1000 {
			t.Fatalf("%d ring, want 1000", n)
		}
		o.check()
		o.accept("a7")
		for id, d := range o.desks {
			if id != "a7" && (d.offer() != "" || d.told()[0] != "taken by a7") {
				t.Fatalf("%s still rings or was not told", id)
			}
		}
		o.check()
	})
}
