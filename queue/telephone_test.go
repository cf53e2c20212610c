package queue

import (
	"errors"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// slow is a desk whose device takes its time to ring.
type slow struct{ *desk }

func (slow) Patience() time.Duration { return 12 * time.Second }

func TestAPatientDeviceHasItsOwnTimeToRing(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "a")}, func(o *office) {
		o.desks["a"].deaf = true
		device := slow{o.desks["a"]}
		o.e.SignIn("a", device)
		o.e.SetReachable("a", true, "")
		o.e.SetReady("a")
		o.join("1")
		pass(12*time.Second - 1)
		o.wantHeard("1", "offered a")
		pass(1)
		o.wantHeard("1", "offered a", "undelivered a")
		o.e.SignOut("a", device)
	})
}

func TestWhoHasPickedUpHasTheTimeThatIsSet(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "a")}, func(o *office) {
		o.join("1")
		pass(19 * time.Second)
		o.e.Expire(o.desks["a"].offer(), 15*time.Second)
		pass(15*time.Second - 1)
		o.wantRinging("a:1")
		pass(1)
		o.wantHeard("1", "offered a", "missed a")
	})
}

func TestATelephoneThatFailsLeavesTheCallerToTheNext(t *testing.T) {
	for why, want := range map[WithdrawReason]string{
		WithdrawnEngaged: "engaged a", WithdrawnForwarded: "forwarded a", WithdrawnFailed: "failed a", WithdrawnMissed: "missed a",
	} {
		t.Run(string(why), func(t *testing.T) {
			run(t, []setting{q("q", ccs.Sequential, "ab")}, func(o *office) {
				o.join("1")
				if err := o.e.Fail(o.desks["a"].offer(), "b", why); !errors.Is(err, ErrGone) {
					t.Errorf("another agent's offer: %v", err)
				}
				if err := o.e.Fail(o.desks["a"].offer(), "a", why); err != nil {
					t.Fatal(err)
				}
				o.wantRinging("b:1")
				o.wantHeard("1", "offered a", want, "offered b")
			})
		})
	}
}

func TestAnOwnCallEndsWithTheAgentsWrapUp(t *testing.T) {
	run(t, []setting{q("q", ccs.Sequential, "a"), agentWith("a", func(a *ccs.Agent) { a.WrapUp = ccs.MillisOf(5 * time.Second) })}, func(o *office) {
		if err := o.e.Reserve("a", "own"); err != nil {
			t.Fatal(err)
		}
		o.e.Finish("a", "other")
		if s := o.e.Agent("a").State; s != Talking {
			t.Errorf("another call's end: %s", s)
		}
		o.e.Finish("a", "own")
		if s := o.e.Agent("a").State; s != WrapUp {
			t.Errorf("after the call: %s", s)
		}
		pass(5 * time.Second)
		if s := o.e.Agent("a").State; s != Ready {
			t.Errorf("after the wrap-up: %s", s)
		}
	})
}
