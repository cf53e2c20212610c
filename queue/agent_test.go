package queue

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

func withWrapUp(q *ccs.Queue) { q.WrapUp = 30_000 }

// talk has the agent take a call and finish it.
func (o *office) talk(agent, caller string) {
	o.t.Helper()
	o.join(caller)
	o.accept(agent)
	o.e.Leave(caller, LeaveOver)
}

func TestWrapUpIsTheQueuesElseTheAgents(t *testing.T) {
	for _, test := range []struct {
		queue, agent ccs.Millis
		want         time.Duration
	}{{0, 0, 0}, {0, 5_000, 5 * time.Second}, {30_000, 5_000, 30 * time.Second}} {
		run(t, []setting{
			q("q", ccs.Sequential, "a", func(q *ccs.Queue) { q.WrapUp = test.queue }),
			agentWith("a", func(a *ccs.Agent) { a.WrapUp = test.agent }),
		}, func(o *office) {
			o.talk("a", "1")
			o.join("2")
			if test.want > 0 {
				o.wantState("a", WrapUp)
				if got := time.Until(o.e.Agent("a").WrapUpEnds); got != test.want {
					t.Errorf("wrap-up of %v, want %v", got, test.want)
				}
				pass(test.want - 1)
				o.wantRinging("")
				pass(1)
			}
			o.wantRinging("a:2")
		})
	}
}

func TestWrapUpEndsEarlyOrLate(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "a", withWrapUp)}, func(o *office) {
		o.talk("a", "1")
		o.join("2")
		o.e.ExtendWrapUp("a", 30*time.Second)
		o.e.ExtendWrapUp("a", -time.Minute)
		pass(60*time.Second - 1)
		o.wantState("a", WrapUp)
		pass(1)
		o.accept("a")
		o.e.Leave("2", LeaveOver)
		o.join("3")
		o.e.EndWrapUp("a")
		o.wantRinging("a:3")
		o.e.EndWrapUp("a")
		o.e.ExtendWrapUp("a", time.Minute) // outside of one
		o.wantState("a", Ringing)
	})
}

func TestWrapUpSurvivesReloadAndReconfiguration(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "a", withWrapUp)}, func(o *office) {
		o.talk("a", "1")
		pass(10 * time.Second)
		o.e.SignOut("a", o.desks["a"])
		o.wantState("a", Offline)
		o.ready("a")
		changed := *o.queues["q"]
		changed.WrapUp = 0
		o.e.SetQueues(map[string]*ccs.Queue{"q": &changed})
		o.e.SetAgents(map[string]*ccs.Agent{"a": {Meta: ccs.Meta{ID: "a"}}})
		o.join("2")
		pass(20*time.Second - 1)
		o.wantState("a", WrapUp)
		pass(1)
		o.wantRinging("a:2")
	})
}

func TestLongerWrapUpStays(t *testing.T) {
	run(t, []setting{
		q("q", ccs.Sequential, "a", withWrapUp), q("r", ccs.Sequential, "a", func(q *ccs.Queue) { q.WrapUp = 5_000 }),
		agentWith("a", func(a *ccs.Agent) { a.SimultaneousCalls = 2 }),
	}, func(o *office) {
		o.join("1")
		o.accept("a")
		o.joinAs(Caller{ID: "2", Queue: "r"})
		o.accept("a")
		o.e.Leave("1", LeaveOver)
		pass(time.Second)
		o.e.Leave("2", LeaveOver)
		pass(29*time.Second - 1)
		o.wantState("a", WrapUp)
		pass(1)
		o.wantState("a", Ready)
	})
}

func TestNextStateIsHonoured(t *testing.T) {
	run(t, []setting{
		q("q", ccs.Sequential, "a", withWrapUp),
		agentWith("a", func(a *ccs.Agent) { a.SimultaneousCalls = 2 }),
	}, func(o *office) {
		o.join("1")
		o.e.SetNext("a", NextAway) // while it rings: for after
		o.accept("a")
		o.join("2") // there is room, but the agent is about to leave
		o.wantRinging("")
		o.wantState("a", Talking)
		o.e.Leave("1", LeaveOver)
		o.wantState("a", WrapUp)
		if o.e.Agent("a").Next != NextAway {
			t.Error("next state forgotten")
		}
		pass(30 * time.Second)
		o.wantState("a", Away)
		o.e.SetNext("a", NextReady) // outside of a call: at once
		o.wantRinging("a:2")
		o.accept("a")
		o.away("a")
		o.e.SetNext("a", NextReady)
		o.e.Leave("2", LeaveOver)
		o.e.EndWrapUp("a")
		o.wantState("a", Ready)
	})
}

func TestStatesOfAnAgent(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "a", withWrapUp)}, func(o *office) {
		o.e.SignOut("a", o.desks["a"])
		o.wantState("a", Offline)
		o.e.SetReady("a") // without a device
		o.wantState("a", Offline)
		o.e.SignIn("a", o.desks["a"])
		o.wantState("a", Away)
		if s := o.e.Agent("a"); s.Reachable || s.Why != WhyUnproven {
			t.Errorf("just signed in: %+v", s)
		}
		pass(time.Minute)
		o.e.SetAway("a", "lunch")
		s := o.e.Agent("a")
		if s.Reason != "lunch" || time.Since(s.Since) != time.Minute {
			t.Errorf("lunch: %+v", s) // still the same state
		}
		o.e.SetReady("a")
		o.join("1")
		o.wantRinging("") // not proven
		o.e.SetReachable("a", true, "nothing")
		o.wantState("a", Ringing)
		o.accept("a")
		o.e.SignOut("a", o.desks["a"]) // a reload
		o.wantState("a", Talking)
		o.e.SignIn("a", o.desks["a"])
		o.wantState("a", Talking)
		o.e.Leave("1", LeaveOver)
		o.wantState("a", WrapUp)
	})
}

func TestSecondDeviceReplacesTheFirst(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "a")}, func(o *office) {
		o.join("1")
		tab := &desk{office: o, agent: "a"}
		o.e.SignIn("a", tab)
		if got := o.desks["a"].told(); !slices.Equal(got, []string{"undelivered"}) {
			t.Errorf("first tab was told %q", got)
		}
		if s := tab.shows(); s.State != Ready || s.Reachable {
			t.Errorf("second tab was told %+v", s)
		}
		o.e.SignOut("a", o.desks["a"])
		if got := o.e.Agent("a").State; got != Ready {
			t.Errorf("the replaced tab signed the agent out: %s", got)
		}
		o.e.SetReachable("a", true, "")
		if tab.caller() != "1" {
			t.Error("the caller does not ring at the second tab")
		}
		tab.StatusChanged(AgentStatus{})
		o.e.SignIn("a", tab) // again: nothing changes, but the page hears the state
		if tab.caller() != "1" || tab.shows().State != Ringing {
			t.Errorf("after a second sign-in: %+v", tab.shows())
		}
	})
}

func TestObserversHearEveryChangeInOrder(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "a", withWrapUp), q("r", ccs.Sequential, "a")}, func(o *office) {
		var mu sync.Mutex
		var states []State
		queues := map[string]int{}
		o.e.options.AgentChanged = func(s AgentStatus) {
			mu.Lock()
			defer mu.Unlock()
			states = append(states, s.State)
		}
		o.e.options.QueueChanged = func(id string) {
			mu.Lock()
			defer mu.Unlock()
			queues[id]++
		}
		o.talk("a", "1")
		pass(30 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		if want := []State{Ringing, Talking, WrapUp, Ready}; !slices.Equal(states, want) {
			t.Errorf("heard %v, want %v", states, want)
		}
		if queues["q"] != 4 || queues["r"] != 4 { // the agent is a member of both
			t.Errorf("queues changed %v", queues)
		}
	})
}

func TestQueueStatus(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "abcd")}, func(o *office) {
		o.away("c")
		start := time.Now()
		o.join("1")
		o.accept("a")
		o.join("2", "3", "4")
		o.e.SetReachable("d", false, "media")
		s, ok := o.e.Queue("q")
		if !ok || s.Waiting != 3 || s.Offered != 1 || !s.LongestSince.Equal(start) || s.Unreachable != 1 ||
			s.Agents[Talking] != 1 || s.Agents[Ringing] != 1 || s.Agents[Away] != 1 || s.Agents[Ready] != 1 {
			t.Errorf("status %+v", s)
		}
		if _, ok := o.e.Queue("x"); ok {
			t.Error("a queue that is not there has a status")
		}
		if all := o.e.Agents(); len(all) != 4 || all[0].Agent != "a" || all[3].Agent != "d" {
			t.Errorf("agents %+v", all)
		}
	})
}
