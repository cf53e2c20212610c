package call_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/call/calltest"
)

func TestATalkWithATelephoneThatIsNeverHeardEnds(t *testing.T) {
	const limit = 10 * time.Minute
	for _, x := range []struct {
		name   string
		during func(bob *calltest.Called)
		after  time.Duration // 0 for not at all
	}{
		{"never a packet", func(*calltest.Called) {}, limit},
		{"one packet", func(bob *calltest.Called) { bob.Speak(calledVoice, 1) }, 0},
		{"on hold", func(bob *calltest.Called) { bob.Tell(call.Held{Leg: bob, On: true, Silent: true}) }, 0},
		{"on hold for a while", func(bob *calltest.Called) {
			bob.Tell(call.Held{Leg: bob, On: true, Silent: true})
			time.Sleep(limit + time.Minute)
			bob.Tell(call.Held{Leg: bob})
		}, 2 * limit},
	} {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bob := calltest.NewCalled("bob")
				w := beginWith(t, func(o *call.Options) { o.MaxDuration = time.Hour })
				w.run(t, func(c *call.Call) call.Cause {
					_, _ = c.Talk(call.Talker{Name: "Bob", Leg: bob, Telephone: true})
					return call.Cause{}
				}, func(h call.Handler) { w.manager.Serve(w.caller, call.Info{To: "1000"}, h) })
				begun := time.Now()
				synctest.Wait()
				x.during(bob)
				select {
				case <-w.done:
				case <-time.After(time.Until(begun.Add(3 * limit))):
				}
				r := w.journal.record()
				if took := r.Ended.Sub(r.Started); x.after == 0 && !r.Ended.IsZero() || x.after > 0 && took.Round(time.Second) != x.after {
					t.Errorf("it ended after %v, want %v", took, x.after)
				}
				if x.after > 0 && (r.EndedBy != "called" || r.Cause != "mediaTimeout") {
					t.Errorf("ended by %s/%s", r.EndedBy, r.Cause)
				}
			})
		})
	}
}
