package queue

import (
	"errors"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// ring has a call ring at one agent.
func (o *office) ring(id, agent string, d time.Duration) error {
	p := &phone{}
	o.phones[id] = p
	return o.e.Ring(Caller{ID: id, Notify: p.notify}, agent, d)
}

func TestACallRingsAtOneAgentWithoutAQueue(t *testing.T) {
	for _, x := range []struct {
		name string
		then func(o *office)
		want []string
		in   string // where the engine has the call afterwards
	}{
		{"accepted", func(o *office) { o.accept("b") }, []string{"offered b", "connected b"}, "b"},
		{"declined", func(o *office) { o.decline("b") }, []string{"offered b", "declined b"}, ""},
		{"missed", func(*office) { pass(7 * time.Second) }, []string{"offered b", "missed b"}, ""},
		{"page gone", func(o *office) { o.e.SignOut("b", o.desks["b"]) }, []string{"offered b", "failed b"}, ""},
		{"page not proven", func(o *office) { o.e.SetReachable("b", false, "media") }, []string{"offered b", "undelivered b"}, ""},
		{"caller gone", func(o *office) { o.e.Leave("1", LeaveOver) }, []string{"offered b", "withdrawn b"}, ""},
		{"agent goes away", func(o *office) { o.away("b") }, []string{"offered b", "declined b"}, ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			run(t, []setting{q("q", ccs.RingAll, "abc")}, func(o *office) {
				if err := o.ring("1", "b", 7*time.Second); err != nil {
					t.Fatal(err)
				}
				o.wantRinging("b:1")
				x.then(o)
				o.wantHeard("1", x.want...)
				if got := o.at("1"); got != x.in {
					t.Errorf("the call is at %q, want %q", got, x.in)
				}
				o.check()
				o.e.Leave("1", LeaveOver)
				if callers, offers, _ := o.leftovers(); callers+offers != 0 {
					t.Errorf("%d callers and %d offers are left", callers, offers)
				}
			})
		})
	}
}

func TestOnlyAnAgentWhoCanTakeItIsRung(t *testing.T) {
	for _, x := range []struct {
		name   string
		before func(o *office)
		want   error
	}{
		{"not signed in", func(o *office) { o.e.SignOut("a", o.desks["a"]) }, ErrNotSignedIn},
		{"unknown", func(o *office) { o.e.SetAgents(nil); o.e.SetQueues(nil) }, ErrNotSignedIn},
		{"away", func(o *office) { o.away("a") }, ErrAway},
		{"page not proven", func(o *office) { o.e.SetReachable("a", false, "media") }, ErrAway},
		{"talking", func(o *office) { o.join("9"); o.accept("a") }, ErrBusy},
		{"ringing", func(o *office) { o.join("9") }, ErrBusy},
		{"calling", func(o *office) { _ = o.e.Reserve("a", "9") }, ErrBusy},
	} {
		t.Run(x.name, func(t *testing.T) {
			run(t, []setting{q("q", ccs.RingAll, "a")}, func(o *office) {
				x.before(o)
				if err := o.ring("1", "a", time.Second); !errors.Is(err, x.want) {
					t.Errorf("got %v, want %v", err, x.want)
				}
				if o.at("1") != "" {
					t.Error("the call is still in the engine")
				}
			})
		})
	}
}

func TestAQueueDoesNotRingWhileADirectCallDoes(t *testing.T) {
	run(t, []setting{q("q", ccs.RingAll, "a")}, func(o *office) {
		if err := o.ring("1", "a", time.Minute); err != nil {
			t.Fatal(err)
		}
		o.join("2")
		o.wantRinging("a:1")
		o.accept("a")
		o.wantRinging("")
		o.e.Leave("1", LeaveOver)
		o.wantRinging("a:2")
	})
}

func TestWrapUpFollowsABridgedCallButNotAColleagues(t *testing.T) {
	for _, colleague := range []bool{false, true} {
		run(t, []setting{q("q", ccs.RingAll, "a"), agentWith("a", func(a *ccs.Agent) { a.WrapUp = 10_000 })}, func(o *office) {
			p := &phone{}
			if err := o.e.Ring(Caller{ID: "1", NoWrapUp: colleague, Notify: p.notify}, "a", time.Minute); err != nil {
				t.Fatal(err)
			}
			o.accept("a")
			o.e.Leave("1", LeaveOver)
			want := WrapUp
			if colleague {
				want = Ready
			}
			o.wantState("a", want)
		})
	}
}
