package call_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-cc/carillon/call"
)

func TestAnAgentOnATelephoneHoldsMutesAndIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		agent := newLeg("telephone")
		var end call.TalkEnd
		w := begin(t, func(c *call.Call) call.Cause {
			end, _ = c.Talk(call.Talker{Agent: "alice", Queue: "Sales", Leg: agent, Telephone: true})
			return call.Cause{By: call.BySystem, Reason: call.ReasonPlanEnd}
		})
		synctest.Wait()
		hears := func(what string, want int) {
			t.Helper()
			synctest.Wait()
			before := w.caller.heardOf(1002)
			agent.speak(1002, 5)
			if got := w.caller.heardOf(1002) - before; got != want {
				t.Errorf("%s: the caller heard %d packets, want %d", what, got, want)
			}
		}
		hears("at first", 5)
		w.call.Post(call.AgentAway{Agent: "alice", Grace: time.Second}) // a page that goes means nothing
		hears("without a page", 5)
		w.call.Post(call.Mute{Agent: "alice", On: true})
		hears("muted", 0)
		w.call.Post(call.Mute{Agent: "alice"})
		w.call.Post(call.Hold{Agent: "alice", On: true})
		hears("on hold", 0)
		time.Sleep(time.Second)
		if w.caller.heardOthers(1002) < 40 {
			t.Error("on hold the caller hears no music")
		}
		w.call.Post(call.Hold{Agent: "alice"})
		hears("after the hold", 5)
		agent.tell(call.Gone{Leg: agent, Cause: call.Cause{By: call.ByCalled, Reason: call.ReasonMediaTimeout}})
		<-w.done
		if end != call.TalkAgentLost {
			t.Errorf("the talk ended with %d: the caller does not go back to the queue", end)
		}
	})
}
