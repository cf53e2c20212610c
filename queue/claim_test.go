package queue

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

func TestTwoAnswersHaveOneWinner(t *testing.T) {
	for _, order := range []string{"ab", "ba"} {
		t.Run(order, func(t *testing.T) {
			run(t, []setting{q("q", ccs.RingAll, "ab")}, func(o *office) {
				o.join("1")
				first, second := order[:1], order[1:]
				late := o.desks[second].offer()
				o.accept(first)
				var taken *TakenError
				if err := o.desks[second].accept(late); !errors.As(err, &taken) || taken.By != first {
					t.Errorf("second answer: %v", err)
				}
				o.wantState(first, Talking)
				o.wantState(second, Ready)
				if got, agent := o.phones["1"].outcome(); len(got) != 1 || agent != first {
					t.Errorf("caller got %q with %s", got, agent)
				}
			})
		})
	}
}

// Really at the same time: eight agents and the caller's hang-up race.
func TestClaimsFromManyGoroutinesHaveOneWinner(t *testing.T) {
	for round := range 300 {
		run(t, []setting{q("q", ccs.RingAll, "abcdefgh")}, func(o *office) {
			o.join("1")
			wins, gone := make(chan string, 8), false
			var wg sync.WaitGroup
			for id, d := range o.desks {
				offer := d.offer()
				wg.Go(func() {
					if d.accept(offer) == nil {
						wins <- id
					}
				})
			}
			if round%2 == 0 {
				gone = true
				wg.Go(func() { o.e.Leave("1", LeaveOver) })
			}
			wg.Wait()
			synctest.Wait()
			close(wins)
			_, agent := o.phones["1"].outcome()
			switch n := len(wins); {
			case n > 1, n == 0 && !gone:
				t.Fatalf("%d winners", n)
			case n == 1 && agent != <-wins:
				t.Fatal("the caller got somebody else")
			}
		})
	}
}

func TestClaimsOfOthersAndOfWhatIsOver(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "ab")}, func(o *office) {
		o.join("1")
		offer := o.desks["a"].offer()
		for _, err := range []error{
			o.e.Accept(offer, "b", nil), o.e.Decline(offer, "b"), o.e.Accept("nothing", "a", nil),
			o.e.Accept(offer, "nobody", nil), o.e.Decline("nothing", "a"),
		} {
			if err != ErrGone {
				t.Errorf("got %v, want %v", err, ErrGone)
			}
		}
		o.wantRinging("a:1")
		o.accept("a")
		if err := o.e.Accept(offer, "a", nil); err != nil {
			t.Errorf("the winner again: %v", err)
		}
		if err := o.e.Decline(offer, "a"); err != ErrGone {
			t.Errorf("decline after accept: %v", err)
		}
		if got := len(o.e.Agent("a").Calls); got != 1 {
			t.Errorf("%d calls", got)
		}
	})
}

func TestTakeIsAClaim(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "ab")}, func(o *office) {
		o.join("1", "2", "3") // 3 waits
		o.away("b")           // 2 waits again
		offer := o.desks["a"].offer()
		if err := o.e.Take("1", "b", nil); err != nil {
			t.Fatalf("take: %v", err)
		}
		var taken *TakenError
		if err := o.e.Accept(offer, "a", nil); !errors.As(err, &taken) || taken.By != "b" {
			t.Errorf("accept of what was taken: %v", err)
		}
		if err := o.e.Take("1", "a", nil); !errors.As(err, &taken) || taken.By != "b" {
			t.Errorf("take of what was taken: %v", err)
		}
		o.wantRinging("a:2")
		if err := o.e.Take("3", "a", nil); err != nil { // has no room for the offer then
			t.Errorf("take while ringing: %v", err)
		}
		o.wantRinging("")
		for _, test := range []struct {
			caller, agent string
			want          error
		}{{"9", "a", ErrGone}, {"2", "nobody", ErrNotSignedIn}, {"2", "a", ErrBusy}} {
			if err := o.e.Take(test.caller, test.agent, nil); err != test.want {
				t.Errorf("%s takes %s: %v, want %v", test.agent, test.caller, err, test.want)
			}
		}
		o.e.SignOut("b", o.desks["b"])
		if err := o.e.Take("2", "b", nil); err != ErrNotSignedIn {
			t.Errorf("signed out: %v", err)
		}
	})
}

func TestReservedCallTakesRoom(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "a", func(q *ccs.Queue) { q.WrapUp = 10_000 })}, func(o *office) {
		o.join("1")
		for range 2 {
			if err := o.e.Reserve("a", "out"); err != nil {
				t.Fatal(err)
			}
		}
		o.wantState("a", Talking)
		o.wantRinging("")
		if err := o.e.Reserve("a", "more"); err != ErrBusy {
			t.Errorf("second call: %v", err)
		}
		o.e.Release("a", "out")
		o.e.Release("a", "out")
		o.wantRinging("a:1") // no wrap-up
		o.accept("a")
		o.e.Release("a", "1") // not a reserved call
		o.wantState("a", Talking)
	})
}

func TestSimultaneousCalls(t *testing.T) {
	run(t, []setting{
		q("q", ccs.Sequential, "a"),
		agentWith("a", func(a *ccs.Agent) { a.SimultaneousCalls = 2 }),
	}, func(o *office) {
		o.join("1", "2", "3")
		o.accept("a")
		o.wantRinging("a:2")
		o.wantState("a", Talking)
		o.accept("a")
		o.wantRinging("")
		o.e.Leave("1", LeaveOver)
		o.wantRinging("a:3")
		// One call less is allowed: what rings has no room any more.
		o.e.SetAgents(map[string]*ccs.Agent{"a": {Meta: ccs.Meta{ID: "a"}}})
		o.wantRinging("")
	})
}

func TestAnAgentPartsFromACallHoweverTheyCameToIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := New(Options{})
		e.SetAgents(map[string]*ccs.Agent{"a": {WrapUp: 5000}, "b": {}})
		for _, id := range []string{"a", "b"} {
			d := &silent{}
			e.SignIn(id, d)
			defer e.SignOut(id, d)
			e.SetReachable(id, true, "")
			e.SetReady(id)
		}
		// b is called by a, who placed the call.
		if err := errors.Join(e.Reserve("a", "1"), e.Ring(Caller{ID: "1", NoWrapUp: true}, "b", time.Minute), e.Take("1", "b", nil)); err != nil {
			t.Fatal(err)
		}
		states := func(want ...State) {
			t.Helper()
			if a, b := e.Agent("a").State, e.Agent("b").State; a != want[0] || b != want[1] {
				t.Errorf("a is %s and b is %s, want %v", a, b, want)
			}
		}
		states(Talking, Talking)
		e.Part("a", "2", true) // another call
		states(Talking, Talking)
		e.Part("a", "1", true)
		states(WrapUp, Talking)
		e.Keep("b", "1")
		e.Leave("1", LeaveOver)
		states(WrapUp, Talking)
		e.Part("b", "1", false)
		states(WrapUp, Ready)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		states(Ready, Ready)
	})
}

// silent is a device that shows nothing.
type silent struct{ _ byte }

func (*silent) Offer(Offer)                            {}
func (*silent) Withdraw(Offer, WithdrawReason, string) {}
func (*silent) StatusChanged(AgentStatus)              {}
