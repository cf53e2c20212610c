package call_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/call/calltest"
	"github.com/carillon-cc/carillon/ccs"
)

const (
	callerVoice, calledVoice = 1001, 1002
	ringTime                 = 20 * time.Second
)

// reach answers the caller or not, and then has bob's telephone called; who is not
// reached leads to the cause with which the call ends.
func reach(bob call.CalledLeg, answered, early bool) call.Handler {
	return func(c *call.Call) call.Cause {
		if answered {
			_ = c.Answer()
		}
		cause, err := c.Reach(call.Reaching{Leg: bob, Name: "Bob", Timeout: ringTime, Early: early})
		if err != nil || cause != (call.Cause{}) {
			return cause
		}
		_, _ = c.Talk(call.Talker{Name: "Bob", Leg: bob, Telephone: true})
		return call.Cause{}
	}
}

func (w *world) leave() {
	w.caller.tell(call.Gone{Leg: w.caller, Cause: call.Cause{By: call.ByCaller, Reason: call.ReasonCancelled}})
}

func TestWhoIsCalledAnswersAndTheTwoTalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bob := calltest.NewCalled("bob")
		w := begin(t, reach(bob, false, true))
		bob.Rings(false)
		synctest.Wait()
		if w.caller.has("answer") {
			t.Fatal("the caller was answered before bob was")
		}
		bob.Answers()
		synctest.Wait()
		w.caller.speak(callerVoice, 50)
		bob.Speak(calledVoice, 40)
		if bob.Heard(callerVoice) != 50 || w.caller.heardOf(calledVoice) != 40 {
			t.Errorf("bob heard %d of 50, the caller %d of 40", bob.Heard(callerVoice), w.caller.heardOf(calledVoice))
		}
		w.caller.tell(call.Digit{Leg: w.caller, Digit: '5'})
		bob.Tell(call.Digit{Leg: bob, Digit: '6'})
		synctest.Wait()
		if !bob.Did("digit 5") || !w.caller.has("digit 6") {
			t.Error("a key did not reach the other side")
		}
		bob.Leave(call.Cause{By: call.ByCalled, Reason: call.ReasonHangup, Q850: 16})
		<-w.done
		r := w.journal.record()
		if r.EndedBy != "called" || r.Cause != "hangup" || r.Q850 != 16 || r.Agent != "" || r.Connected.IsZero() {
			t.Errorf("record %+v", r)
		}
		if len(r.Quality) != 1 || r.Quality[0].Leg != "called" || r.Quality[0].Name != "Bob" || r.Quality[0].MOS != 4.4 {
			t.Errorf("quality %+v", r.Quality)
		}
		if !w.caller.has("hangup called/hangup") {
			t.Errorf("the caller was told %v", w.caller.did)
		}
	})
}

// Every order in which a call that rings can come to its end.
func TestACallThatRingsEndsInEveryOrder(t *testing.T) {
	busy := call.Cause{By: call.ByCalled, Reason: call.ReasonTheirBusy, Status: 486, Q850: 17}
	for _, x := range []struct {
		name   string
		answer bool // the caller hears us already
		do     func(w *world, bob *calltest.Called)
		after  time.Duration
		by     call.Party
		reason call.Reason
		bob    string // what bob's telephone was told, "" for nothing
	}{
		{"busy", false, func(_ *world, bob *calltest.Called) { bob.Leave(busy) }, 0, call.ByCalled, call.ReasonTheirBusy, ""},
		{"busy after it rang", true, func(_ *world, bob *calltest.Called) { bob.Rings(false); bob.Leave(busy) }, 0, call.ByCalled, call.ReasonTheirBusy, ""},
		{"nobody answers", false, func(_ *world, bob *calltest.Called) { bob.Rings(false) }, ringTime, call.ByCalled, call.ReasonNoAnswer, "hangup system/noAnswer"},
		{"nothing at all", true, func(*world, *calltest.Called) {}, ringTime, call.ByCalled, call.ReasonNoAnswer, "hangup system/noAnswer"},
		{"the caller leaves", false, func(w *world, bob *calltest.Called) { bob.Rings(false); w.leave() }, 0, call.ByCaller, call.ReasonCancelled, "hangup caller/cancelled"},
		{"the caller leaves, then bob answers", false, func(w *world, bob *calltest.Called) { w.leave(); bob.Answers() }, 0, call.ByCaller, call.ReasonCancelled, "hangup caller/cancelled"},
		{"bob answers, then the caller leaves", false, func(w *world, bob *calltest.Called) { bob.Answers(); w.leave() }, 0, call.ByCaller, call.ReasonCancelled, "hangup caller/cancelled"},
		{"bob refuses and the caller leaves", false, func(w *world, bob *calltest.Called) { bob.Leave(busy); synctest.Wait(); w.leave() }, 0, call.ByCalled, call.ReasonTheirBusy, ""},
		{"a shutdown", false, func(w *world, _ *calltest.Called) {
			w.manager.EndAll(call.Cause{By: call.BySystem, Reason: call.ReasonShutdown})
		}, 0, call.BySystem, call.ReasonShutdown, "hangup system/shutdown"},
	} {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bob := calltest.NewCalled("bob")
				begun := time.Now()
				w := begin(t, reach(bob, x.answer, true))
				synctest.Wait()
				x.do(w, bob)
				<-w.done
				if took := time.Since(begun); took != x.after {
					t.Errorf("it took %v, want %v", took, x.after)
				}
				r := w.journal.record()
				if r.EndedBy != string(x.by) || r.Cause != string(x.reason) {
					t.Errorf("ended by %s: %s, want %s: %s", r.EndedBy, r.Cause, x.by, x.reason)
				}
				if x.reason == call.ReasonTheirBusy && (r.Status != 486 || r.Q850 != 17) {
					t.Errorf("the record keeps status %d and Q.850 %d", r.Status, r.Q850)
				}
				if x.bob != "" && !bob.Did(x.bob) {
					t.Errorf("bob's telephone was not told %q", x.bob)
				}
				if x.bob == "" && x.reason == call.ReasonTheirBusy && kinds(r)[ccs.EventNotReached] != 1 {
					t.Errorf("timeline %v", kinds(r))
				}
				bob.Speak(calledVoice, 5)
				if w.caller.heardOf(calledVoice) != 0 {
					t.Error("bob is heard after the end")
				}
			})
		})
	}
}

func TestTheSoundBeforeTheAnswer(t *testing.T) {
	for _, x := range []struct {
		name                   string
		answered, allow, early bool
		progress, hears, tone  bool // what the caller gets
	}{
		{"180 to a caller who rings", false, true, false, false, false, false},
		{"183 to a caller who rings", false, true, true, true, true, false},
		{"183 that the plan forbids", false, false, true, false, false, false},
		{"180 to a caller who was answered", true, true, false, false, false, true},
		{"183 to a caller who was answered", true, true, true, false, true, false},
		{"183 to them that the plan forbids", true, false, true, false, false, true},
	} {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bob := calltest.NewCalled("bob")
				w := begin(t, reach(bob, x.answered, x.allow))
				synctest.Wait()
				bob.Rings(x.early)
				synctest.Wait()
				before := w.caller.heardOthers(calledVoice)
				time.Sleep(time.Second)
				w.caller.speak(callerVoice, 5)
				bob.Speak(calledVoice, 10)
				if got := w.caller.has("progress"); got != x.progress {
					t.Errorf("183: %v, want %v", got, x.progress)
				}
				if got := w.caller.heardOf(calledVoice) > 0; got != (x.hears && x.allow) {
					t.Errorf("the network is heard: %v", got)
				}
				if got := w.caller.heardOthers(calledVoice)-before > 40; got != x.tone {
					t.Errorf("our ring-back is heard: %v, want %v", got, x.tone)
				}
				if bob.Heard(callerVoice) != 0 {
					t.Error("the caller is heard before the answer")
				}
				bob.Answers()
				synctest.Wait()
				before = w.caller.heardOthers(calledVoice)
				time.Sleep(time.Second)
				if w.caller.heardOthers(calledVoice) != before {
					t.Error("the ring-back goes on in the talk")
				}
			})
		})
	}
}

func TestAnUnansweredCallerIsAnsweredWithWhoIsCalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bob := calltest.NewCalled("bob")
		w := begin(t, reach(bob, false, true))
		bob.Answers()
		synctest.Wait()
		r := w.journal.record()
		if !w.caller.has("answer") || r.Answered.IsZero() || kinds(r)[ccs.EventConnected] != 1 {
			t.Errorf("told %v, record %+v", w.caller.did, r)
		}
	})
}

func TestATelephoneThatIsLost(t *testing.T) {
	lost := call.Cause{By: call.ByCalled, Reason: call.ReasonMediaTimeout}
	for _, x := range []struct {
		name  string
		queue string
		cause call.Cause
		ends  bool
		by    string
	}{
		{"an agent of a queue, without a word", "Sales", lost, false, ""},
		{"an agent of a queue, who hangs up", "Sales", call.Cause{By: call.ByCalled, Reason: call.ReasonHangup}, true, "agent"},
		{"an agent of no queue", "", lost, true, "agent"},
	} {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				phone := calltest.NewCalled("alice")
				ended := make(chan call.TalkEnd, 1)
				w := begin(t, func(c *call.Call) call.Cause {
					end, err := c.Talk(call.Talker{Agent: "alice", Name: "Alice", Queue: x.queue, Leg: phone, Telephone: true})
					if err == nil {
						ended <- end
						_ = c.Sleep(time.Minute)
					}
					return call.Cause{}
				})
				synctest.Wait()
				phone.Leave(x.cause)
				synctest.Wait()
				if x.ends {
					<-w.done
					if r := w.journal.record(); r.EndedBy != x.by || r.Cause != string(x.cause.Reason) {
						t.Errorf("ended by %s: %s", r.EndedBy, r.Cause)
					}
					return
				}
				if end := <-ended; end != call.TalkAgentLost {
					t.Errorf("the talk ended with %v", end)
				}
				time.Sleep(time.Second)
				if w.caller.heardOthers() < 45 {
					t.Error("the caller hears nothing while nobody is there")
				}
			})
		})
	}
}

func TestACallThroughATrunkForTheCallIsInItsRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, func(c *call.Call) call.Cause {
			_ = c.Sleep(time.Second)
			return call.Cause{}
		})
		synctest.Wait()
		w.call.Post(call.Dialled{Name: "Alice", Trunk: "t1", By: "alice"})
		<-w.done
		for _, e := range w.journal.record().Events {
			if e.Kind == ccs.EventDialled && e.Trunk == "t1" && e.By == "alice" {
				return
			}
		}
		t.Errorf("the record says %+v", w.journal.record().Events)
	})
}

func TestAnAgentLeftAloneByATransferWhoIsLostEndsTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		phone, third := calltest.NewCalled("alice"), calltest.NewCalled("third")
		w := begin(t, func(c *call.Call) call.Cause {
			if end, err := c.Talk(call.Talker{Agent: "alice", Name: "Alice", Queue: "Sales", Leg: phone, Telephone: true}); end != call.TalkReferred {
				t.Errorf("the talk ended with %v, %v", end, err)
				return call.Cause{}
			}
			if err := c.Transfer(call.Reaching{Leg: third, Name: "+33123456789", Timeout: time.Minute}, "+33123456789"); err == nil {
				t.Error("the call goes on")
			}
			return call.Cause{}
		})
		synctest.Wait()
		w.caller.tell(call.Refer{Leg: w.caller, To: "+33123456789"})
		synctest.Wait()
		phone.Leave(call.Cause{By: call.ByCalled, Reason: call.ReasonMediaTimeout})
		synctest.Wait()
		<-w.done
		if !third.Over() {
			t.Error("the third telephone goes on ringing")
		}
	})
}

func TestATelephoneThatHoldsSilentlyGivesTheOtherMusic(t *testing.T) {
	for _, silent := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			bob := calltest.NewCalled("bob")
			w := begin(t, reach(bob, true, true))
			bob.Answers()
			synctest.Wait()
			bob.Tell(call.Held{Leg: bob, On: true, Silent: silent})
			time.Sleep(time.Second)
			bob.Speak(calledVoice, 10)
			if got := w.caller.heardOthers(calledVoice) > 40; got != silent {
				t.Errorf("silent %v: our music is heard: %v", silent, got)
			}
			if w.caller.heardOf(calledVoice) != 10 {
				t.Error("what the holding telephone sends is not heard")
			}
			bob.Tell(call.Held{Leg: bob})
			time.Sleep(100 * time.Millisecond)
			before := w.caller.heardOthers(calledVoice)
			time.Sleep(time.Second)
			if w.caller.heardOthers(calledVoice) != before {
				t.Error("the music goes on")
			}
		})
	}
}

func TestKeysPressedWhileItRingsAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bob := calltest.NewCalled("bob")
		var key bool
		w := begin(t, func(c *call.Call) call.Cause {
			_ = c.Answer()
			_, _ = c.Reach(call.Reaching{Leg: bob, Timeout: ringTime})
			_, key, _ = c.Key(time.Second)
			return call.Cause{By: call.BySystem, Reason: call.ReasonPlanEnd}
		})
		synctest.Wait()
		w.caller.tell(call.Digit{Leg: w.caller, Digit: '1'})
		bob.Leave(call.Cause{By: call.ByCalled, Reason: call.ReasonTheirBusy})
		<-w.done
		if key {
			t.Error("the key was kept")
		}
	})
}

// Proxies give up on a call of which they have heard nothing for three minutes
// (RFC 3261 §13.3.1.1, §16.6 step 11).
func TestACallerWhoRingsForLongIsToldSoEveryMinute(t *testing.T) {
	for _, early := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			bob := calltest.NewCalled("bob")
			w := beginWith(t, func(o *call.Options) { o.MaxDuration = time.Hour })
			w.run(t, func(c *call.Call) call.Cause {
				cause, _ := c.Reach(call.Reaching{Leg: bob, Timeout: 30 * time.Minute, Early: true})
				return cause
			}, func(h call.Handler) { w.manager.Serve(w.caller, call.Info{To: "1000"}, h) })
			synctest.Wait()
			bob.Rings(early)
			time.Sleep(10*time.Minute + time.Second)
			told := map[bool]string{false: "ring", true: "progress"}[early]
			if n := w.caller.times(told); n != 11 {
				t.Errorf("early %v: the caller was told %d times in 10 minutes", early, n)
			}
			bob.Leave(call.Cause{By: call.ByCalled, Reason: call.ReasonTheirBusy})
			<-w.done
		})
	}
}
