package queue

import (
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

func TestCallersAreServedByPriorityThenArrival(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "a")}, func(o *office) {
		o.away("a")
		start := time.Now()
		for _, c := range []Caller{
			{ID: "early", Since: start.Add(1)},
			{ID: "late", Since: start.Add(2)},
			{ID: "urgent", Since: start.Add(3), Priority: 5},
			{ID: "lost", Since: start.Add(4), Front: true},
			{ID: "returned", Since: start.Add(-time.Minute)},
			{ID: "twin", Since: start.Add(2)},
		} {
			c.Queue = "q"
			o.joinAs(c)
		}
		o.ready("a")
		for _, want := range []string{"lost", "urgent", "returned", "early", "late", "twin"} {
			o.wantRinging("a:" + want)
			o.accept("a")
			o.e.Leave(want, LeaveOver)
		}
	})
}

func TestAgentOfSeveralQueuesTakesTheLongestWait(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "ab"), q("r", ccs.RingAll, "a"), q("s", ccs.Sequential, "a")}, func(o *office) {
		o.away("a", "b")
		for _, c := range []Caller{{ID: "1", Queue: "s"}, {ID: "2", Queue: "q"}, {ID: "3", Queue: "r"}, {ID: "4", Queue: "q", Priority: 1}} {
			o.joinAs(c)
			pass(time.Second)
		}
		o.ready("a")
		for _, want := range []string{"4", "1", "2", "3"} {
			o.wantRinging("a:" + want)
			o.accept("a")
			o.e.Leave(want, LeaveOver)
		}
	})
}

// The head of the line, whom nobody can serve, does not hold up the others.
func TestHeadWithoutAgentDoesNotBlock(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "a"), q("r", ccs.Sequential, "ab")}, func(o *office) {
		o.away("a")
		o.joinAs(Caller{ID: "1", Queue: "q"})
		o.joinAs(Caller{ID: "2", Queue: "r"})
		o.wantRinging("b:2")
	})
}

func TestAdmission(t *testing.T) {
	for _, test := range []struct {
		name    string
		prepare func(o *office)
		caller  Caller
		want    JoinResult
	}{
		{"accepted", func(o *office) {}, Caller{Queue: "q"}, Accepted},
		{"no such queue", func(o *office) {}, Caller{Queue: "x"}, Unknown},
		{"waiting and ringing count", func(o *office) { o.join("1", "2") }, Caller{Queue: "q"}, Full},
		{"talking does not count", func(o *office) { o.join("1", "2"); o.accept("a") }, Caller{Queue: "q"}, Accepted},
		{"lost by an agent", func(o *office) { o.join("1", "2") }, Caller{Queue: "q", Front: true}, Accepted},
		{"away is signed in", func(o *office) { o.away("a") }, Caller{Queue: "q"}, Accepted},
		{"signed out", func(o *office) { o.e.SignOut("a", o.desks["a"]) }, Caller{Queue: "q"}, NoMembers},
		{"talking without a page is signed in", func(o *office) {
			o.join("1")
			o.accept("a")
			o.e.SignOut("a", o.desks["a"])
		}, Caller{Queue: "q"}, Accepted},
		{"full and signed out", func(o *office) {
			o.join("1", "2")
			o.e.SignOut("a", o.desks["a"])
		}, Caller{Queue: "q"}, NoMembers},
	} {
		t.Run(test.name, func(t *testing.T) {
			run(t, []setting{q("q", ccs.Sequential, "a", func(q *ccs.Queue) { q.MaxWaiting = 2 })}, func(o *office) {
				test.prepare(o)
				if !test.caller.Front {
					if got := o.e.Admits(test.caller.Queue); got != test.want {
						t.Errorf("admits says %v, want %v", got, test.want)
					}
				}
				test.caller.ID = "new"
				if got := o.joinAs(test.caller); got != test.want {
					t.Errorf("join says %v, want %v", got, test.want)
				}
				if in := o.at("new") != ""; in != (test.want == Accepted) {
					t.Errorf("in the engine: %v", in)
				}
			})
		})
	}
}

func TestLongestWaitEndsOffersAndTellsTheCaller(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "a", func(q *ccs.Queue) { q.MaxWait = 10_000 })}, func(o *office) {
		o.away("a")
		o.join("1")
		pass(9 * time.Second)
		o.ready("a")
		o.wantRinging("a:1")
		offer := o.desks["a"].offer()
		pass(time.Second)
		o.wantHeard("1", "offered a", "withdrawn a", "expired")
		if err := o.e.Accept(offer, "a", nil); err != ErrGone {
			t.Errorf("accept: %v", err)
		}
		o.wantState("a", Ready)
	})
}

func TestAnswerBeforeTheLongestWaitStands(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "a", func(q *ccs.Queue) { q.MaxWait = 10_000 })}, func(o *office) {
		o.join("1")
		pass(10*time.Second - 1)
		o.accept("a")
		pass(time.Minute)
		o.wantHeard("1", "offered a", "connected a")
		o.wantState("a", Talking)
	})
}

func TestCallerWhoLeavesFreesTheAgent(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "a")}, func(o *office) {
		o.join("1", "2", "3")
		o.e.Leave("2", LeaveOver) // waiting
		o.e.Leave("1", LeaveOver) // ringing
		o.wantRinging("a:3")
		if got := o.desks["a"].told(); len(got) != 1 || got[0] != "callerLeft" {
			t.Errorf("told %q", got)
		}
		o.accept("a")
		o.e.Leave("3", LeaveOver) // talking
		o.wantState("a", Ready)
		o.e.Leave("3", LeaveOver)
		o.e.Leave("nobody", LeaveOver)
	})
}

// The winner is lost before a word is said: all others ring again at once, and
// the caller is still ahead of who came later.
func TestCallerOfALostAgentIsFirstAgain(t *testing.T) {
	run(t, []setting{q("q", ccs.RingAll, "abc", func(q *ccs.Queue) { q.MaxWaiting = 2 })}, func(o *office) {
		first := Caller{ID: "1", Queue: "q", Since: time.Now()}
		o.joinAs(first)
		pass(time.Second)
		o.joinAs(Caller{ID: "2", Queue: "q"})
		o.accept("a")
		o.wantRinging("b:2 c:2")
		o.joinAs(Caller{ID: "3", Queue: "q", Priority: 9})
		o.e.SignOut("a", o.desks["a"])
		o.e.Leave("1", LeaveAgentLost)
		first.Front = true
		if got := o.joinAs(first); got != Accepted {
			t.Fatalf("back: %v", got)
		}
		o.decline("b")
		o.decline("c")
		o.wantRinging("b:1 c:1")
	})
}

// The only agent's page takes its time to come back: the caller waits for it as
// those do who waited already.
func TestCallerOfTheOnlyAgentWaitsForTheAgentToComeBack(t *testing.T) {
	for _, back := range []bool{true, false} {
		run(t, []setting{q("q", ccs.RingAll, "a")}, func(o *office) {
			first := Caller{ID: "1", Queue: "q", Since: time.Now()}
			o.joinAs(first)
			o.accept("a")
			o.e.SignOut("a", o.desks["a"])
			o.e.Leave("1", LeaveAgentLost)
			first.Front = true
			if got := o.joinAs(first); got != Accepted {
				t.Fatalf("back: %v", got)
			}
			pass(29 * time.Second)
			if back {
				o.ready("a")
				o.wantRinging("a:1")
				o.accept("a")
				return
			}
			pass(time.Second)
			if got, _ := o.phones["1"].outcome(); len(got) == 0 || got[len(got)-1] != "closed" {
				t.Fatalf("nobody came, and the caller still waits: %q", got)
			}
		})
	}
}

func TestJoiningAgainMovesTheCaller(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "a"), q("r", ccs.Sequential, "b")}, func(o *office) {
		o.join("1")
		o.joinAs(Caller{ID: "1", Queue: "r"})
		o.wantRinging("b:1")
		o.accept("b")
		o.joinAs(Caller{ID: "1", Queue: "q"}) // from a talk
		o.wantRinging("a:1")
		o.wantState("b", Ready)
	})
}

func TestQueueWithoutMembersClosesAfterAGrace(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "ab")}, func(o *office) {
		o.away("b")
		o.join("1")
		o.e.SignOut("b", o.desks["b"])
		o.e.SignOut("a", o.desks["a"])
		pass(29 * time.Second)
		o.ready("a") // a browser that came back
		o.e.SignOut("a", o.desks["a"])
		pass(30*time.Second - 1)
		if ended, _ := o.phones["1"].outcome(); ended != nil {
			t.Fatal("closed too early")
		}
		pass(1)
		if got, _ := o.phones["1"].outcome(); len(got) != 1 || got[0] != "closed" {
			t.Fatalf("ended %q", got)
		}
	})
}
