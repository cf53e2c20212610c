package queue

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// A month of a small team: five agents, two queues, opening hours, breaks,
// declines, missed calls, impatient callers. Fairness is checked at each offer
// (office.fair), the promises every hour, conservation at the end.
func TestMonthOfASmallTeam(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t,
			q("q", ccs.Sequential, "abcd", func(q *ccs.Queue) { q.WrapUp = 20_000; q.MaxWait = 600_000; q.Members[3].Priority = 1 }),
			q("r", ccs.RingAll, "cde", func(q *ccs.Queue) { q.MaxWaiting = 10 }),
		)
		r := rand.New(rand.NewPCG(7, 7))
		between := func(from, to time.Duration) time.Duration { return from + time.Duration(r.Int64N(int64(to-from))) }
		var joined, refused, connected, hungUp int
		for _, d := range o.desks {
			d.onOffer = func(got Offer) {
				switch n := r.IntN(100); {
				case n < 4: // not at the desk; back after a while
					time.AfterFunc(between(time.Minute, 10*time.Minute), func() { o.e.SetReady(d.agent) })
				case n < 8:
					time.AfterFunc(between(0, 8*time.Second), func() { _ = o.e.Decline(got.ID, d.agent) })
				default:
					time.AfterFunc(between(time.Second, 12*time.Second), func() {
						if d.accept(got.ID) != nil {
							return
						}
						connected++
						time.AfterFunc(between(20*time.Second, 6*time.Minute), func() { o.e.Leave(got.Caller, LeaveOver) })
					})
				}
			}
		}
		for day := range 30 {
			for id := range o.agents {
				o.ready(id)
			}
			for range 9 * 60 { // minutes
				for range r.IntN(4) {
					id := fmt.Sprint(day, "-", joined+refused)
					if o.joinAs(Caller{ID: id, Queue: []string{"q", "r"}[r.IntN(2)]}) != Accepted {
						refused++
						continue
					}
					joined++
					if r.IntN(10) == 0 {
						time.AfterFunc(between(0, 2*time.Minute), func() {
							if p := o.phones[id]; len(p.ended) == 0 {
								o.e.Leave(id, LeaveOver)
								hungUp++
							}
						})
					}
				}
				pass(time.Minute)
				if r.IntN(100) == 0 {
					agent := string("abcde"[r.IntN(5)])
					o.away(agent)
					time.AfterFunc(15*time.Minute, func() { o.e.SetReady(agent) })
				}
				if r.IntN(60) == 0 {
					o.check()
				}
			}
			for id, d := range o.desks {
				o.e.SignOut(id, d)
			}
			pass(15 * time.Hour) // talks end, queues close
			if n := len(o.e.callers) + len(o.e.offers) + o.e.timers; n != 0 {
				t.Fatalf("day %d leaves %d callers, %d offers, %d timers", day, len(o.e.callers), len(o.e.offers), o.e.timers)
			}
		}
		ended := map[string]int{}
		for id, p := range o.phones {
			if len(p.ended) > 1 {
				t.Errorf("%s heard %q", id, p.ended)
			}
			for _, how := range p.ended {
				ended[how]++
			}
		}
		t.Logf("%d joined, %d refused, %d hung up, %v", joined, refused, hungUp, ended)
		if ended["connected"] != connected || connected+hungUp+ended["expired"]+ended["closed"] != joined {
			t.Errorf("%d joined; %d accepted, %d hung up, %v", joined, connected, hungUp, ended)
		}
		for _, how := range []string{"connected", "expired"} {
			if ended[how] < 20 {
				t.Errorf("only %d %s: the month proves little", ended[how], how)
			}
		}
	})
}
