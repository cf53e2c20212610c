package call_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/call/calltest"
)

func TestATelephoneThatTakesTheCallBackWhileItIsMovedIsHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bob, third := calltest.NewCalled("bob"), calltest.NewCalled("third")
		w := begin(t, func(c *call.Call) call.Cause {
			_, _ = c.Talk(call.Talker{Name: "Bob", Leg: bob, Telephone: true})
			_ = c.Transfer(call.Reaching{Leg: third, Name: "Third", Timeout: time.Minute}, "203")
			_, _ = c.Talk(c.Talker())
			return call.Cause{}
		})
		synctest.Wait()
		bob.Tell(call.Held{Leg: bob, On: true, Silent: true}) // as telephones do before they ask
		bob.Tell(call.Refer{Leg: bob, To: "203"})
		synctest.Wait()
		bob.Tell(call.Held{Leg: bob})
		synctest.Wait()
		third.Leave(call.Cause{By: call.ByCalled, Reason: call.ReasonTheirBusy, Status: 486})
		time.Sleep(time.Second)
		before := w.caller.heardOthers(calledVoice)
		time.Sleep(time.Second)
		bob.Speak(calledVoice, 5)
		if music := w.caller.heardOthers(calledVoice) - before; music > 0 || w.caller.heardOf(calledVoice) != 5 {
			t.Errorf("the caller hears %d packets of music, and bob's %d of 5", music, w.caller.heardOf(calledVoice))
		}
	})
}

func TestATelephoneThatWasLostBeforeItCouldTalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		phone := calltest.NewCalled("alice")
		w := begin(t, func(c *call.Call) call.Cause {
			_ = c.Answer()
			_ = c.Sleep(time.Second)
			_, _ = c.Talk(call.Talker{Agent: "alice", Name: "Alice", Leg: phone, Telephone: true})
			return call.Cause{}
		})
		synctest.Wait()
		// Word of the end overtakes word of who takes the call.
		w.call.Post(call.Gone{Leg: phone, Cause: call.Cause{By: call.ByCalled, Reason: call.ReasonHangup}})
		select {
		case <-w.done:
		case <-time.After(time.Minute):
			t.Fatal("the caller talks to nobody")
		}
		if r := w.journal.record(); r.EndedBy != "agent" || r.Cause != "hangup" {
			t.Errorf("ended by %s: %s", r.EndedBy, r.Cause)
		}
	})
}

func TestTheRingBackIsHeardAfterTheSoundOfSomebodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bob, third := calltest.NewCalled("bob"), calltest.NewCalled("third")
		w := begin(t, func(c *call.Call) call.Cause {
			_, _ = c.Reach(call.Reaching{Leg: bob, Timeout: ringTime, Early: true})
			_, _ = c.Reach(call.Reaching{Leg: third, Timeout: ringTime, Early: true})
			return call.Cause{}
		})
		synctest.Wait()
		bob.Rings(true)
		synctest.Wait()
		bob.Leave(call.Cause{By: call.ByCalled, Reason: call.ReasonTheirBusy})
		synctest.Wait()
		third.Rings(false)
		before := w.caller.heardOthers()
		time.Sleep(time.Second)
		if heard := w.caller.heardOthers() - before; heard < 45 {
			t.Errorf("%d packets of a ring-back in the second after the 183: the caller's telephone is silent", heard)
		}
	})
}

// two is two calls of one telephone: with first it is called by the caller, with
// second it calls far.
type two struct {
	*world
	first, far *calltest.Called
	second     *calltest.Caller
	consulted  chan struct{} // closed when the second call is over
	other      *call.Call
}

// both begins two calls that slow hinders from hearing of each other at first.
func both(t *testing.T, agent string, slow time.Duration) *two {
	t.Helper()
	b := &two{
		first: calltest.NewCalled("first"), far: calltest.NewCalled("far"), second: calltest.NewCaller("second"),
		consulted: make(chan struct{}),
	}
	b.world = begin(t, func(c *call.Call) call.Cause {
		mine := call.Talker{Agent: agent, Name: "Alice", Leg: b.first, Telephone: true}
		for {
			if end, err := c.Talk(mine); err != nil || end != call.TalkReferred {
				return call.Cause{}
			}
			if err := c.Join(); err != nil {
				return call.Cause{}
			}
		}
	})
	b.running.Go(func() {
		defer close(b.consulted)
		b.manager.Serve(b.second, call.Info{Line: "l1", To: "204"}, func(c *call.Call) call.Cause {
			b.other = c
			_ = c.Answer()
			_, _ = c.Await(time.Second, func(call.Event) bool { return false })
			_, _ = c.Reach(call.Reaching{Leg: b.far, Timeout: ringTime})
			if slow > 0 {
				_, _ = c.Await(-1, func(e call.Event) bool { _, mute := e.(call.Mute); return mute })
				time.Sleep(slow)
			}
			for {
				if end, err := c.Talk(call.Talker{Name: "far", Leg: b.far, Telephone: true}); err != nil || end != call.TalkReferred {
					return call.Cause{}
				}
				if err := c.Join(); err != nil {
					return call.Cause{}
				}
			}
		})
	})
	time.Sleep(2 * time.Second)
	b.far.Answers()
	synctest.Wait()
	return b
}

func (b *two) end() {
	b.manager.EndAll(call.Cause{By: call.BySystem, Reason: call.ReasonShutdown})
	<-b.consulted
}

func (b *two) connected() bool {
	b.caller.speak(callerVoice, 4)
	b.far.Speak(calledVoice, 4)
	return b.far.Heard(callerVoice) == 4 && b.caller.heardOf(calledVoice) == 4
}

func TestASlowCallIsJoinedAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := both(t, "", 10*time.Second)
		b.other.Post(call.Mute{})
		synctest.Wait()
		var told []int
		b.first.Tell(call.Refer{Leg: b.first, Replaces: b.second, Report: func(status int) { told = append(told, status) }})
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if len(told) != 1 || (told[0] == 200) != b.connected() {
			t.Errorf("told %v, connected %v", told, b.connected())
		}
		b.end()
	})
}

func TestACallThatIsOverIsNotJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := both(t, "", 10*time.Second)
		b.other.Post(call.Mute{})
		synctest.Wait()
		var told []int
		begun := time.Now()
		var took time.Duration
		b.first.Tell(call.Refer{Leg: b.first, Replaces: b.second, Report: func(status int) { told = append(told, status); took = time.Since(begun) }})
		b.far.Leave(call.Cause{By: call.ByCalled, Reason: call.ReasonHangup})
		b.second.Leave()
		<-b.consulted
		synctest.Wait()
		if len(told) != 1 || told[0] != 481 || took > 10*time.Second {
			t.Errorf("told %v after %v", told, took)
		}
		b.caller.speak(callerVoice, 4)
		if b.first.Heard(callerVoice) != 4 {
			t.Error("the talk of before does not go on")
		}
		b.end()
	})
}

func TestACallThatIsOverBeforeItIsJoinedTakesNobodyAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := both(t, "", 10*time.Second)
		b.other.Post(call.Mute{})
		synctest.Wait()
		b.first.Tell(call.Refer{Leg: b.first, Replaces: b.second})
		synctest.Wait()
		b.caller.tell(call.Gone{Leg: b.caller, Cause: call.Cause{By: call.ByCaller, Reason: call.ReasonHangup}})
		<-b.done
		time.Sleep(11 * time.Second)
		synctest.Wait()
		b.second.Speak(callerVoice, 4)
		if b.far.Heard(callerVoice) != 4 || b.second.Over() {
			t.Error("the second call lost its telephone to a caller who had left")
		}
		b.end()
	})
}

func TestCallsThatAreToJoinEachOtherAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := both(t, "", 0)
		b.first.Tell(call.Refer{Leg: b.first, Replaces: b.second})
		b.second.Tell(call.Refer{Leg: b.second, Replaces: b.first})
		time.Sleep(time.Second)
		if b.connected() {
			return // one of the two came first
		}
		before := b.first.Heard(callerVoice)
		b.caller.speak(callerVoice, 4)
		if b.first.Heard(callerVoice) != before+4 {
			t.Error("neither the transfer nor the talk of before")
		}
		b.end()
	})
}

func TestWhoIsJoinedIsNeitherMutedNorHolding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := both(t, "alice", 0)
		b.call.Post(call.Mute{Agent: "alice", On: true})
		b.call.Post(call.Hold{Agent: "alice", On: true})
		synctest.Wait()
		b.second.Tell(call.Refer{Leg: b.second, Replaces: b.first})
		time.Sleep(time.Second)
		if !b.connected() {
			t.Errorf("far hears %d of the caller, the caller %d of far", b.far.Heard(callerVoice), b.caller.heardOf(calledVoice))
		}
		b.end()
	})
}

func TestNoCallBeginsAfterAllWereEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := beginWith(t, func(*call.Options) {})
		w.manager.EndAll(call.Cause{By: call.BySystem, Reason: call.ReasonShutdown})
		w.run(t, func(c *call.Call) call.Cause {
			_ = c.Sleep(time.Minute)
			return call.Cause{}
		}, func(h call.Handler) { w.manager.Serve(w.caller, call.Info{To: "1000"}, h) })
		<-w.done
		if r := w.journal.record(); r.Cause != "shutdown" || r.Ended.Sub(r.Started) > time.Second {
			t.Errorf("it ended by %s after %v", r.Cause, r.Ended.Sub(r.Started))
		}
	})
}

func TestACallIsOverWhenWhoWasMovedTwiceIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := both(t, "", 0)
		// A third call of the telephone that far belongs to.
		third, last := calltest.NewCaller("third"), calltest.NewCalled("last")
		over := make(chan struct{})
		b.running.Go(func() {
			defer close(over)
			b.manager.Serve(third, call.Info{Line: "l2", To: "205"}, func(c *call.Call) call.Cause {
				_, _ = c.Talk(call.Talker{Name: "last", Leg: last, Telephone: true})
				return call.Cause{}
			})
		})
		synctest.Wait()
		b.first.Tell(call.Refer{Leg: b.first, Replaces: b.second})
		time.Sleep(time.Second)
		if !b.connected() {
			t.Fatal("the first transfer failed")
		}
		b.far.Tell(call.Refer{Leg: b.far, Replaces: third})
		time.Sleep(time.Second)
		b.caller.speak(callerVoice, 3)
		if last.Heard(callerVoice) != 3 {
			t.Fatal("the second transfer failed")
		}
		last.Leave(call.Cause{By: call.ByCalled, Reason: call.ReasonHangup})
		<-over
		synctest.Wait()
		for name, done := range map[string]chan struct{}{"first": b.done, "second": b.consulted} {
			select {
			case <-done:
			default:
				t.Errorf("the %s call goes on for ever", name)
			}
		}
		b.end()
	})
}

func TestAnAgentWhoMovesACallIsShownItUntilItIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		phone, third := calltest.NewCalled("alice"), calltest.NewCalled("third")
		seen := &views{}
		w := beginWith(t, func(o *call.Options) { o.Changed = seen.take })
		w.run(t, func(c *call.Call) call.Cause {
			_, _ = c.Talk(call.Talker{Agent: "alice", Leg: phone, Telephone: true})
			if c.Transfer(call.Reaching{Leg: third, Timeout: time.Minute}, "203") == nil {
				_, _ = c.Talk(c.Talker())
			}
			return call.Cause{}
		}, func(h call.Handler) { w.manager.Serve(w.caller, call.Info{To: "1000"}, h) })
		synctest.Wait()
		phone.Tell(call.Refer{Leg: phone, To: "203"})
		third.Rings(false)
		synctest.Wait()
		if v := seen.last("alice"); v.Agent != "alice" {
			t.Errorf("while it rings alice is shown %+v", v)
		}
		third.Answers()
		synctest.Wait()
		if v := seen.last("alice"); v.Agent != "" || v.Over || v.Left != call.ReasonTransferred {
			t.Errorf("after the transfer alice is shown %+v", v)
		}
	})
}
