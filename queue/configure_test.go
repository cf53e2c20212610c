package queue

import (
	"slices"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// with returns the office's queues, one of them changed.
func (o *office) with(id string, change func(*ccs.Queue)) map[string]*ccs.Queue {
	changed := *o.queues[id]
	changed.Members = slices.Clone(changed.Members)
	change(&changed)
	o.queues[id] = &changed
	return o.queues
}

func TestReconfigurationLosesNobody(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*ccs.Queue)
		want   string // who rings then
	}{
		{"rename", func(q *ccs.Queue) { q.Name = "other" }, "a:1"},
		{"reorder", func(q *ccs.Queue) { slices.Reverse(q.Members) }, "a:1"},
		{"ring all", func(q *ccs.Queue) { q.Strategy = ccs.RingAll }, "a:1"},
		{"member ringing goes", func(q *ccs.Queue) { q.Members = q.Members[1:] }, ""},
		{"member joins", func(q *ccs.Queue) { q.Members = append(q.Members, ccs.QueueMember{Agent: "c"}) }, "a:1 c:2"},
		{"member named twice", func(q *ccs.Queue) { q.Members = append(q.Members, q.Members...) }, "a:1"},
		{"unknown strategy", func(q *ccs.Queue) { q.Strategy = "x" }, "a:1"},
		{"fewer may wait", func(q *ccs.Queue) { q.MaxWaiting = 1 }, "a:1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			run(t, []setting{q("q", ccs.Sequential, "ab"), q("r", ccs.Sequential, "c")}, func(o *office) {
				o.away("b")
				o.join("1", "2", "3")
				o.e.SetQueues(o.with("q", test.change))
				o.wantRinging(test.want)
				o.check()
				if s, _ := o.e.Queue("q"); s.Waiting != 3 {
					t.Errorf("%d wait, want 3", s.Waiting)
				}
				o.ready("b")
				if test.want == "" {
					o.wantRinging("b:1")
				}
			})
		})
	}
}

func TestStrategyChangesWhileItRings(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "abc")}, func(o *office) {
		o.join("1")
		o.e.SetQueues(o.with("q", func(q *ccs.Queue) { q.Strategy = ccs.RingAll }))
		o.wantRinging("a:1 b:1 c:1")
	})
}

func TestLongestWaitChangesWhileWaiting(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "a", func(q *ccs.Queue) { q.MaxWait = 60_000 })}, func(o *office) {
		o.away("a")
		o.join("1", "2")
		pass(20 * time.Second)
		o.e.SetQueues(o.with("q", func(q *ccs.Queue) { q.MaxWait = 30_000 }))
		pass(10*time.Second - 1)
		o.wantHeard("1")
		pass(1)
		o.wantHeard("1", "expired")
		o.join("3")
		o.e.SetQueues(o.with("q", func(q *ccs.Queue) { q.MaxWait = 0 }))
		pass(time.Hour)
		o.wantHeard("3")
	})
}

func TestRemovedQueueTellsItsCallersAndKeepsTalks(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "ab", withWrapUp), q("r", ccs.Sequential, "ab")}, func(o *office) {
		o.join("1")
		o.accept("a")
		o.join("2", "3")
		o.wantRinging("b:2")
		o.joinAs(Caller{ID: "4", Queue: "r"})
		o.e.SetQueues(map[string]*ccs.Queue{"r": o.queues["r"]})
		o.wantHeard("2", "offered b", "withdrawn b", "closed")
		o.wantHeard("3", "closed")
		o.wantRinging("b:4")
		o.wantState("a", Talking)
		o.e.Leave("1", LeaveOver)
		o.wantState("a", WrapUp)
		if got := o.joinAs(Caller{ID: "5", Queue: "q"}); got != Unknown {
			t.Errorf("join: %v", got)
		}
	})
}

func TestRemovedAgentFinishesTheCall(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "ab")}, func(o *office) {
		o.join("1")
		o.accept("a")
		only := map[string]*ccs.Agent{"b": o.agents["b"]}
		o.e.SetAgents(only)
		o.wantState("a", Talking)
		if n := len(o.e.Agents()); n != 1 {
			t.Errorf("%d agents", n)
		}
		o.e.Leave("1", LeaveOver)
		o.e.SignIn("a", o.desks["a"])
		if got := o.e.Agent("a").State; got != Offline {
			t.Errorf("a removed agent is %s", got)
		}
		o.e.SetQueues(o.with("q", func(q *ccs.Queue) { q.Members = q.Members[1:] }))
		if o.e.agents["a"] != nil {
			t.Error("the agent is not forgotten")
		}
		// Back again, before the queue names them.
		o.e.SetAgents(o.agents)
		o.ready("a")
		o.e.SetQueues(o.with("q", func(q *ccs.Queue) { q.Members = []ccs.QueueMember{{Agent: "a"}} }))
		o.join("2")
		o.wantRinging("a:2")
	})
}
