package media

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

type taskFunc struct{ tick func(now time.Duration) bool }

func (f *taskFunc) Tick(now time.Duration) bool { return f.tick(now) }

// withPacer runs test beside a running pacer in virtual time.
func withPacer(t *testing.T, test func(t *testing.T, p *Pacer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		p := NewPacer()
		done := make(chan struct{})
		go func() { p.Run(ctx); close(done) }()
		test(t, p)
		cancel()
		<-done
	})
}

func TestPacerTicksEveryFrame(t *testing.T) {
	withPacer(t, func(t *testing.T, p *Pacer) {
		var ticks [8][]time.Duration
		for i := range ticks {
			p.Add(&taskFunc{func(now time.Duration) bool {
				if now != Now() {
					t.Errorf("tick of %v at %v", now, Now())
				}
				ticks[i] = append(ticks[i], now)
				return true
			}})
		}
		time.Sleep(time.Second + time.Millisecond)
		synctest.Wait()
		phases := make(map[time.Duration]int)
		for i := range ticks {
			if n := len(ticks[i]); n < 50 || n > 51 {
				t.Errorf("task %d: %d ticks in a second", i, n)
			}
			for j := 1; j < len(ticks[i]); j++ {
				if d := ticks[i][j] - ticks[i][j-1]; d != FrameTime {
					t.Errorf("task %d: tick after %v", i, d)
				}
			}
			phases[ticks[i][0]%FrameTime]++
		}
		for at, n := range phases {
			if n != len(ticks)/pacerPhases {
				t.Errorf("%d tasks in the phase at %v: %v", n, at, phases)
			}
		}
	})
}

func TestPacerLeavesLostTicksOutAfterAStall(t *testing.T) {
	withPacer(t, func(t *testing.T, p *Pacer) {
		var at []time.Duration
		stall := true
		p.Add(&taskFunc{func(time.Duration) bool {
			at = append(at, Now())
			if stall {
				stall = false
				time.Sleep(time.Second)
			}
			return true
		}})
		time.Sleep(2*time.Second + time.Millisecond)
		synctest.Wait()
		if n := len(at); n < 50 || n > 53 {
			t.Fatalf("%d ticks; one and then a second's were due", n)
		}
		for i := 2; i < len(at); i++ {
			if d := at[i] - at[i-1]; d < FrameTime {
				t.Fatalf("burst: tick %d came %v after the one before", i, d)
			}
		}
		if p.Stats().Skipped == 0 {
			t.Error("no skipped tick was counted")
		}
		if worst, last := p.Lateness(); worst < 900*time.Millisecond || last != 0 {
			t.Errorf("lateness %v, %v", worst, last)
		}
	})
}

func TestPacerCatchesUpAfterASmallDelay(t *testing.T) {
	withPacer(t, func(t *testing.T, p *Pacer) {
		n, first := 0, time.Duration(0)
		p.Add(&taskFunc{func(now time.Duration) bool {
			if n++; n == 1 {
				first = now
				time.Sleep(90 * time.Millisecond)
			}
			if want := first + time.Duration(n-1)*FrameTime; now != want {
				t.Errorf("tick %d was due at %v, want %v", n, now-first, want-first)
			}
			return true
		}})
		time.Sleep(time.Second)
		synctest.Wait()
	})
}

func TestPacerTasksComeAndGoWithinTicks(t *testing.T) {
	withPacer(t, func(t *testing.T, p *Pacer) {
		var order []string
		second := &taskFunc{func(time.Duration) bool { order = append(order, "second"); return false }}
		first := &taskFunc{}
		first.tick = func(time.Duration) bool {
			order = append(order, "first")
			p.Add(second)
			p.Remove(first)
			return true
		}
		p.Add(first)
		p.Add(first)
		time.Sleep(time.Second)
		synctest.Wait()
		if want := []string{"first", "second"}; !slices.Equal(order, want) {
			t.Errorf("got %v, want %v", order, want)
		}
		if n := p.Stats().Tasks; n != 0 {
			t.Errorf("%d tasks are left", n)
		}
	})
}

// A task that has just said that it is done, and is given something more at
// the same instant, must not be forgotten.
func TestPacerKeepsATaskThatIsAddedWhileItEnds(t *testing.T) {
	withPacer(t, func(t *testing.T, p *Pacer) {
		n := 0
		task := &taskFunc{}
		task.tick = func(time.Duration) bool {
			if n++; n == 1 {
				p.Add(task)
			}
			return false
		}
		p.Add(task)
		time.Sleep(time.Second)
		synctest.Wait()
		if n != 2 {
			t.Errorf("%d ticks, want 2", n)
		}
	})
}

func TestPacerStopsWithItsContext(t *testing.T) {
	withPacer(t, func(t *testing.T, p *Pacer) {
		p.Add(&taskFunc{func(time.Duration) bool { return true }})
		time.Sleep(time.Second)
		synctest.Wait()
	}) // synctest fails when the goroutine stays
}
