package queue

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// dice is chance that all goroutines share.
type dice struct {
	mu sync.Mutex
	r  *rand.Rand
}

func (d *dice) IntN(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(n)
}

func (d *dice) between(from, to time.Duration) time.Duration {
	return from + time.Duration(d.IntN(int(to-from)))
}

// A month of a small team: five agents, two queues, opening hours, breaks,
// declines, missed calls, impatient callers. Fairness is checked at each offer
// (watchFairness), the promises every hour, conservation at the end.
func TestMonthOfASmallTeam(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t,
			q("q", ccs.Sequential, "abcd", func(q *ccs.Queue) { q.WrapUp = 20_000; q.MaxWait = 600_000; q.Members[3].Priority = 1 }),
			q("r", ccs.RingAll, "cde", func(q *ccs.Queue) { q.MaxWaiting = 10 }),
		)
		r := &dice{r: rand.New(rand.NewPCG(7, 7))}
		var joined, refused int
		var connected, hungUp atomic.Int64
		for _, d := range o.desks {
			d.onOffer = func(got Offer) {
				switch n := r.IntN(100); {
				case n < 4: // not at the desk; back after a while
					time.AfterFunc(r.between(time.Minute, 10*time.Minute), func() { o.e.SetReady(d.agent) })
				case n < 8:
					time.AfterFunc(r.between(0, 8*time.Second), func() { _ = o.e.Decline(got.ID, d.agent) })
				default:
					time.AfterFunc(r.between(time.Second, 12*time.Second), func() {
						if d.accept(got.ID) != nil {
							return
						}
						connected.Add(1)
						time.AfterFunc(r.between(20*time.Second, 6*time.Minute), func() { o.e.Leave(got.Caller, LeaveOver) })
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
					p := o.phones[id]
					if r.IntN(10) == 0 {
						time.AfterFunc(r.between(0, 2*time.Minute), func() {
							if ended, _ := p.outcome(); ended == nil {
								o.e.Leave(id, LeaveOver)
								hungUp.Add(1)
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
			if callers, offers, timers := o.leftovers(); callers+offers+timers != 0 {
				t.Fatalf("day %d leaves %d callers, %d offers, %d timers", day, callers, offers, timers)
			}
		}
		ended := map[string]int{}
		for id, p := range o.phones {
			got, _ := p.outcome()
			if len(got) > 1 {
				t.Errorf("%s heard %q", id, got)
			}
			for _, how := range got {
				ended[how]++
			}
		}
		t.Logf("%d joined, %d refused, %d hung up, %v", joined, refused, hungUp.Load(), ended)
		if ended["connected"] != int(connected.Load()) || ended["connected"]+int(hungUp.Load())+ended["expired"]+ended["closed"] != joined {
			t.Errorf("%d joined; %d accepted, %d hung up, %v", joined, connected.Load(), hungUp.Load(), ended)
		}
		for _, how := range []string{"connected", "expired"} {
			if ended[how] < 20 {
				t.Errorf("only %d %s: the month proves little", ended[how], how)
			}
		}
	})
}
