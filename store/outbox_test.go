package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// journal is a store that notes what is written, and can be away.
type journal struct {
	mu      sync.Mutex
	away    error
	written []string
	tries   []time.Time
	busy    bool
}

var errAway = errors.New("the store is away")

func (j *journal) setAway(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.away = err
}

func (j *journal) write(text string, takes time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		j.mu.Lock()
		j.tries = append(j.tries, time.Now())
		if j.busy {
			panic("two writes at once")
		}
		j.busy = true
		away := j.away
		j.mu.Unlock()
		defer func() {
			j.mu.Lock()
			j.busy = false
			j.mu.Unlock()
		}()
		select {
		case <-time.After(takes):
		case <-ctx.Done():
			return ctx.Err()
		}
		if away == nil {
			j.mu.Lock()
			j.written = append(j.written, text)
			j.mu.Unlock()
		}
		return away
	}
}

func (j *journal) wrote(t *testing.T, want ...string) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if !slices.Equal(j.written, want) {
		t.Errorf("written: %q, want %q", j.written, want)
	}
}

// withOutbox runs test in virtual time with an outbox that runs.
func withOutbox(t *testing.T, limit int, test func(t *testing.T, o *Outbox, j *journal)) {
	synctest.Test(t, func(t *testing.T) {
		o := NewOutbox(slog.New(slog.DiscardHandler), limit)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { o.Run(ctx) })
		test(t, o, &journal{})
		cancel()
		wg.Wait()
	})
}

func flush(t *testing.T, o *Outbox) {
	t.Helper()
	if err := o.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestOutboxWritesInOrderOfArrival(t *testing.T) {
	withOutbox(t, 0, func(t *testing.T, o *Outbox, j *journal) {
		for _, k := range []string{"a", "b", "c"} {
			o.Save(k, j.write(k, 10*time.Millisecond))
		}
		if o.Pending() != 3 {
			t.Errorf("%d pending, want 3", o.Pending())
		}
		flush(t, o)
		j.wrote(t, "a", "b", "c")
		if o.Pending() != 0 || o.Dropped() != 0 {
			t.Errorf("%d pending, %d dropped", o.Pending(), o.Dropped())
		}
		flush(t, o) // nothing to wait for
	})
}

func TestOutboxKeepsOnlyTheLatestOfAKey(t *testing.T) {
	withOutbox(t, 0, func(t *testing.T, o *Outbox, j *journal) {
		o.Save("first", j.write("first", time.Second))
		synctest.Wait() // it is being written
		for i := range 5 {
			o.Save("a", j.write(fmt.Sprint("a", i), 0))
			o.Save("b", j.write(fmt.Sprint("b", i), 0))
		}
		o.Save("first", j.write("first again", 0))
		if o.Pending() != 4 {
			t.Errorf("%d pending, want 4", o.Pending())
		}
		flush(t, o)
		j.wrote(t, "first", "a4", "b4", "first again")
	})
}

func TestOutboxRetriesWithBackOff(t *testing.T) {
	withOutbox(t, 0, func(t *testing.T, o *Outbox, j *journal) {
		j.setAway(errAway)
		o.Save("a", j.write("a", 0))
		time.Sleep(time.Minute)
		j.wrote(t)
		for i := 1; i < len(j.tries); i++ {
			most := outboxRetryMost
			if i < 7 {
				most = min(outboxRetryFirst<<(i-1), most)
			}
			if gap := j.tries[i].Sub(j.tries[i-1]); gap > most || gap < most*4/5 {
				t.Errorf("try %d came after %v, want at most %v and a fifth less", i, gap, most)
			}
		}
		if len(j.tries) < 15 {
			t.Errorf("%d tries in a minute", len(j.tries))
		}
		j.setAway(nil)
		time.Sleep(outboxRetryMost)
		synctest.Wait()
		j.wrote(t, "a")
		// Once it went well the next failure begins with a short wait again.
		j.setAway(errAway)
		o.Save("b", j.write("b", 0))
		synctest.Wait()
		j.setAway(nil)
		time.Sleep(outboxRetryFirst)
		synctest.Wait()
		j.wrote(t, "a", "b")
	})
}

func TestOutboxKeepsOrderWhileTheStoreIsAway(t *testing.T) {
	withOutbox(t, 0, func(t *testing.T, o *Outbox, j *journal) {
		j.setAway(errAway)
		o.Save("a", j.write("a1", 0))
		synctest.Wait()
		o.Save("b", j.write("b1", 0))
		o.Save("a", j.write("a2", 0))
		time.Sleep(200 * time.Millisecond)
		j.setAway(nil)
		flush(t, o)
		j.wrote(t, "a2", "b1")
	})
}

// What fails while something newer of its key comes is never written after it.
func TestOutboxNeverGoesBackwards(t *testing.T) {
	withOutbox(t, 0, func(t *testing.T, o *Outbox, j *journal) {
		j.setAway(errAway)
		o.Save("a", j.write("old", time.Second))
		o.Save("b", j.write("b", 0))
		synctest.Wait()
		flushed := make(chan error, 1)
		go func() { flushed <- o.Flush(t.Context()) }() // waits for the old one too
		synctest.Wait()
		o.Save("a", j.write("new", 0))
		j.setAway(nil) // too late for the old one
		if err := <-flushed; err != nil {
			t.Fatal(err)
		}
		j.wrote(t, "new", "b")
	})
}

func TestOutboxPassesByAWriteThatNeverSucceeds(t *testing.T) {
	withOutbox(t, 0, func(t *testing.T, o *Outbox, j *journal) {
		o.Save("bad", func(context.Context) error { return errors.New("too large") })
		o.Save("a", j.write("a", 0))
		time.Sleep(10 * time.Second)
		j.wrote(t, "a")
		if o.Pending() != 1 || o.Dropped() != 0 {
			t.Errorf("%d pending, %d dropped", o.Pending(), o.Dropped())
		}
	})
}

func TestOutboxGivesUpWhatTimeDoesNotMend(t *testing.T) {
	for _, err := range []error{ErrConflict, ErrDuplicate, ErrNotFound} {
		withOutbox(t, 0, func(t *testing.T, o *Outbox, j *journal) {
			o.Save("a", func(context.Context) error { return fmt.Errorf("put: %w", err) })
			o.Save("b", j.write("b", 0))
			flush(t, o)
			j.wrote(t, "b")
			if o.Dropped() != 1 {
				t.Errorf("%d dropped, want 1", o.Dropped())
			}
		})
	}
}

func TestOutboxDropsTheOldestWhenFull(t *testing.T) {
	withOutbox(t, 3, func(t *testing.T, o *Outbox, j *journal) {
		j.setAway(errAway)
		o.Save("0", j.write("0", time.Second))
		synctest.Wait() // being written, thus not in the way
		for i := 1; i <= 5; i++ {
			o.Save(fmt.Sprint(i), j.write(fmt.Sprint(i), 0))
		}
		o.Save("4", j.write("4 again", 0)) // needs no room
		if o.Dropped() != 2 {
			t.Errorf("%d dropped, want 2", o.Dropped())
		}
		j.setAway(nil)
		flush(t, o)
		j.wrote(t, "0", "3", "4 again", "5")
	})
}

func TestOutboxFlushEndsWithItsContext(t *testing.T) {
	withOutbox(t, 0, func(t *testing.T, o *Outbox, j *journal) {
		j.setAway(errAway)
		o.Save("a", j.write("a", 0))
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := o.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("flush without a store: %v", err)
		}
	})
}

// Flush does not wait for what is saved after it began.
func TestOutboxFlushWaitsOnlyForWhatWasBefore(t *testing.T) {
	withOutbox(t, 0, func(t *testing.T, o *Outbox, j *journal) {
		o.Save("a", j.write("a", time.Second))
		synctest.Wait()
		time.AfterFunc(500*time.Millisecond, func() { o.Save("b", j.write("b", time.Hour)) })
		begun := time.Now()
		flush(t, o)
		if took := time.Since(begun); took != time.Second {
			t.Errorf("flush took %v, want 1s", took)
		}
	})
}

func TestOutboxAbandonsAWriteThatHangs(t *testing.T) {
	withOutbox(t, 0, func(t *testing.T, o *Outbox, j *journal) {
		o.Save("a", j.write("a", time.Hour))
		synctest.Wait()
		o.Save("a", j.write("a in time", 0))
		time.Sleep(outboxAttempt + time.Second)
		synctest.Wait()
		j.wrote(t, "a in time")
	})
}

func TestOutboxKeepsWhatIsLeftWhenRunEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := NewOutbox(slog.New(slog.DiscardHandler), 0)
		j := &journal{}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { o.Run(ctx); close(ended) }()
		o.Save("a", j.write("a", time.Second))
		o.Save("b", j.write("b", 0))
		synctest.Wait()
		cancel()
		<-ended
		if o.Pending() != 2 {
			t.Errorf("%d pending, want 2", o.Pending())
		}
	})
}

func TestOutboxUnderLoad(t *testing.T) {
	withOutbox(t, 0, func(t *testing.T, o *Outbox, _ *journal) {
		const keys, versions = 20, 50
		last := make([]int, keys) // only the outbox's goroutine writes, one at a time
		var wg sync.WaitGroup
		for k := range keys {
			wg.Go(func() {
				for v := 1; v <= versions; v++ {
					o.Save(fmt.Sprint(k), func(context.Context) error {
						if v%7 == 3 {
							return errAway
						}
						if v <= last[k] {
							t.Errorf("key %d went from %d to %d", k, last[k], v)
						}
						last[k] = v
						return nil
					})
					time.Sleep(time.Duration(k+1) * time.Millisecond)
				}
			})
		}
		wg.Wait()
		flush(t, o)
		for k, v := range last {
			if v != versions {
				t.Errorf("key %d ends with %d, want %d", k, v, versions)
			}
		}
	})
}
