package sipp

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"
)

// trial is one playing of a scenario. What goes wrong is kept rather than
// reported, as it counts only where no stall of the machine explains it: then the
// scenario is played again.
type trial struct {
	*testing.T // of the round, for folders and the context

	from     time.Time
	mu       sync.Mutex
	problems []string
	stalled  time.Duration // the longest time for which a part of the trial stood still
	endings  []func()
}

// try plays f, and returns when it and what it left to be ended are over. The
// methods of the trial that report are safe for use by any goroutine; Fatal and
// Fatalf end that of f.
func try(t *testing.T, f func(*trial)) *trial {
	tr := &trial{T: t, from: time.Now()}
	over := make(chan struct{})
	go func() {
		defer close(over)
		defer func() {
			for i := len(tr.endings) - 1; i >= 0; i-- {
				tr.endings[i]()
			}
		}()
		f(tr)
	}()
	<-over
	return tr
}

func (tr *trial) Errorf(format string, args ...any) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.problems = append(tr.problems, fmt.Sprintf(format, args...))
}

func (tr *trial) Error(args ...any) { tr.Errorf("%s", fmt.Sprint(args...)) }

func (tr *trial) Fatalf(format string, args ...any) {
	tr.Errorf(format, args...)
	runtime.Goexit()
}

func (tr *trial) Fatal(args ...any) { tr.Fatalf("%s", fmt.Sprint(args...)) }

// Failed tells whether anything went wrong in this trial.
func (tr *trial) Failed() bool {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return len(tr.problems) > 0
}

// Cleanup has f called when the trial is over. Only the goroutine of the trial
// calls it.
func (tr *trial) Cleanup(f func()) { tr.endings = append(tr.endings, f) }

// stood notes that something stood still for a while.
func (tr *trial) stood(d time.Duration) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.stalled = max(tr.stalled, d)
}

// noticeable is a stall that sound, keys and what happens within a second
// suffer from. An idle machine has none.
const noticeable = 150 * time.Millisecond

// stalls are the times in which this process or the server stood still.
type stalls struct {
	mu   sync.Mutex
	seen []stall
}

type stall struct{ from, to time.Time }

// watch asks the server for a sign of life all the time, until ctx ends.
func (s *stalls) watch(ctx context.Context, url string) {
	for last := time.Now(); ctx.Err() == nil; {
		if req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody); err == nil {
			if res, err := http.DefaultClient.Do(req); err == nil {
				_ = res.Body.Close()
			}
		}
		now := time.Now()
		if now.Sub(last) > noticeable {
			s.mu.Lock()
			s.seen = append(s.seen, stall{last, now})
			s.mu.Unlock()
		}
		last = now
		time.Sleep(20 * time.Millisecond)
	}
}

// longest is the longest stall that was not over at a time.
func (s *stalls) longest(since time.Time) (d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.seen {
		if one.to.After(since) {
			d = max(d, one.to.Sub(one.from))
		}
	}
	return d
}
