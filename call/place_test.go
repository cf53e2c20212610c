package call_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/call/calltest"
)

// views keeps what the desks are told.
type views struct {
	mu   sync.Mutex
	list []call.View
}

func (v *views) take(view call.View) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.list = append(v.list, view)
}

// phases are those that an agent was told, each once in a row.
func (v *views) phases(agent string) []call.Phase {
	v.mu.Lock()
	defer v.mu.Unlock()
	var list []call.Phase
	for _, view := range v.list {
		if view.LastAgent == agent && !view.Over && (len(list) == 0 || list[len(list)-1] != view.Phase) {
			list = append(list, view.Phase)
		}
	}
	return list
}

func (v *views) last(agent string) call.View {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := len(v.list) - 1; i >= 0; i-- {
		if v.list[i].LastAgent == agent {
			return v.list[i]
		}
	}
	return call.View{}
}

// place has alice call bob's telephone.
func place(t *testing.T, alice *leg, bob *calltest.Called) (*world, *views) {
	t.Helper()
	seen := &views{}
	w := beginWith(t, func(o *call.Options) { o.Changed = seen.take })
	w.place(t, alice, func(c *call.Call) call.Cause {
		cause, err := c.Reach(call.Reaching{Leg: bob, Name: "+33123456789", Timeout: ringTime, Early: true})
		if err != nil {
			return call.Cause{}
		}
		if cause != (call.Cause{}) {
			_ = c.Sleep(3 * time.Second) // the tone
			return cause
		}
		_, _ = c.Talk(call.Talker{Name: "+33123456789", Leg: bob, Telephone: true})
		return call.Cause{}
	})
	return w, seen
}

func TestAnAgentsCallGoesThroughItsPhases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alice, bob := newLeg("alice"), calltest.NewCalled("bob")
		w, seen := place(t, alice, bob)
		synctest.Wait()
		bob.Rings(false)
		time.Sleep(time.Second)
		if alice.heardOthers(calledVoice) < 45 {
			t.Error("alice hears no ring-back")
		}
		bob.Answers()
		synctest.Wait()
		alice.speak(callerVoice, 10)
		bob.Speak(calledVoice, 10)
		if bob.Heard(callerVoice) != 10 || alice.heardOf(calledVoice) != 10 {
			t.Errorf("bob heard %d of 10, alice %d of 10", bob.Heard(callerVoice), alice.heardOf(calledVoice))
		}
		if v := seen.last("alice"); v.Agent != "alice" || v.Direction != call.Out || v.To != "+33123456789" || v.Connected.IsZero() {
			t.Errorf("view %+v", v)
		}
		w.call.Post(call.Mute{Agent: "alice", On: true})
		w.call.Post(call.Hold{Agent: "alice", On: true})
		synctest.Wait()
		alice.speak(callerVoice, 10)
		if bob.Heard(callerVoice) != 10 {
			t.Error("alice is heard although she is muted and holds")
		}
		w.call.Post(call.HangUp{Agent: "alice"})
		<-w.done
		if r := w.journal.record(); r.EndedBy != "agent" || r.Cause != "hangup" || r.Direction != "out" || r.Agent != "alice" || r.Answered.IsZero() {
			t.Errorf("record %+v", r)
		}
		if !bob.Did("hangup agent/hangup") || !alice.has("hangup agent/hangup") {
			t.Error("a leg was not let go")
		}
		want := []call.Phase{call.PhaseCalling, call.PhaseRinging, call.PhaseTalking}
		if got := seen.phases("alice"); len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
			t.Errorf("phases %v", got)
		}
	})
}

func TestHangingUpWhileItRingsGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alice, bob := newLeg("alice"), calltest.NewCalled("bob")
		w, _ := place(t, alice, bob)
		synctest.Wait()
		bob.Rings(false)
		synctest.Wait()
		w.call.Post(call.HangUp{Agent: "alice"})
		<-w.done
		if r := w.journal.record(); r.EndedBy != "agent" || r.Cause != "cancelled" || !r.Answered.IsZero() {
			t.Errorf("ended by %s: %s", r.EndedBy, r.Cause)
		}
		if !bob.Did("hangup agent/cancelled") {
			t.Error("bob rings on")
		}
	})
}

func TestAnAgentIsToldWhyNobodyWasReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alice, bob := newLeg("alice"), calltest.NewCalled("bob")
		w, seen := place(t, alice, bob)
		bob.Leave(call.Cause{By: call.ByCalled, Reason: call.ReasonTheirBusy, Status: 486})
		synctest.Wait()
		if v := seen.last("alice"); v.Phase != call.PhaseNotReached || v.Cause.Reason != call.ReasonTheirBusy || v.Over {
			t.Errorf("view %+v", v)
		}
		<-w.done
		if r := w.journal.record(); r.Cause != "theirBusy" || r.EndedBy != "called" || r.Status != 486 {
			t.Errorf("record %+v", r)
		}
	})
}

func TestAReloadWhileItRingsKeepsTheCallAndItsRingBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alice, again, bob := newLeg("alice"), newLeg("alice again"), calltest.NewCalled("bob")
		w, _ := place(t, alice, bob)
		synctest.Wait()
		bob.Rings(false)
		w.call.Post(call.AgentAway{Agent: "alice", Grace: 5 * time.Second})
		time.Sleep(2 * time.Second)
		w.call.Post(call.AgentBack{Agent: "alice", Leg: again})
		time.Sleep(time.Second)
		if again.heardOthers() < 45 {
			t.Errorf("the page that came back heard %d frames of ring-back", again.heardOthers())
		}
		bob.Answers()
		synctest.Wait()
		again.speak(callerVoice, 5)
		if bob.Heard(callerVoice) != 5 {
			t.Error("no sound after the reload")
		}
	})
}

func TestAnAgentWhoDoesNotComeBackLosesTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alice, bob := newLeg("alice"), calltest.NewCalled("bob")
		w, _ := place(t, alice, bob)
		bob.Answers()
		synctest.Wait()
		w.call.Post(call.AgentAway{Agent: "alice", Grace: 5 * time.Second})
		time.Sleep(4 * time.Second)
		if bob.Over() {
			t.Fatal("given up before the grace was over")
		}
		<-w.done
		if r := w.journal.record(); r.EndedBy != "agent" || r.Cause != "agentLost" {
			t.Errorf("ended by %s: %s", r.EndedBy, r.Cause)
		}
	})
}

func TestTwoAgentsEachHaveTheirView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alice, carol := newLeg("alice"), newLeg("carol")
		seen := &views{}
		w := beginWith(t, func(o *call.Options) { o.Changed = seen.take })
		w.place(t, alice, func(c *call.Call) call.Cause {
			c.Rings("Carol")
			_ = c.Sleep(time.Second)
			_, _ = c.Talk(call.Talker{Agent: "carol", Name: "Carol", Leg: carol})
			return call.Cause{}
		})
		time.Sleep(2 * time.Second)
		w.call.Post(call.Mute{Agent: "carol", On: true})
		synctest.Wait()
		if a, c := seen.last("alice"), seen.last("carol"); a.Agent != "alice" || a.Muted || c.Agent != "carol" || !c.Muted {
			t.Errorf("alice sees %+v, carol %+v", a, c)
		}
		carol.speak(calledVoice, 5)
		alice.speak(callerVoice, 5)
		if alice.heardOf(calledVoice) != 0 || carol.heardOf(callerVoice) != 5 {
			t.Error("the mute is not carol's")
		}
		w.call.Post(call.HangUp{Agent: "carol"})
		<-w.done
		counted := 0
		for _, v := range seen.list {
			if v.Over && !v.Again {
				counted++
			}
		}
		if counted != 1 {
			t.Errorf("the end is counted %d times", counted)
		}
	})
}
