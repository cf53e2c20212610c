package store

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// OutboxLimit is how many keys an Outbox keeps by default.
	OutboxLimit = 10_000

	outboxRetryFirst = 100 * time.Millisecond
	outboxRetryMost  = 5 * time.Second
	outboxAttempt    = 15 * time.Second // a write that takes longer has failed
	// outboxInsist is how often a write is tried before the others get a turn:
	// one that can never succeed must not hold up the rest for ever.
	outboxInsist = 5
)

// Outbox writes what must be stored without making anybody wait: it keeps
// writes while the store is slow or away, and does them later. It is safe for
// concurrent use.
//
// Each key has at most one write waiting, the latest. Writes are done one after
// the other in the order in which their keys came, so those of one key neither
// overlap nor go backwards.
type Outbox struct {
	log   *slog.Logger
	limit int
	wake  chan struct{} // holds one when there is something new for Run

	mu      sync.Mutex
	queue   *list.List // of *outboxWrite, the oldest in front
	waiting map[string]*list.Element
	current *outboxWrite // being written, not in queue
	dropped int64
	full    bool // dropping has been logged
}

type outboxWrite struct {
	key     string
	write   func(ctx context.Context) error
	tries   int
	flushes []*outboxFlush
}

// outboxFlush is a caller of Flush: done closes when no write is left.
type outboxFlush struct {
	left int
	done chan struct{}
}

// NewOutbox returns an outbox for at most limit keys, 0 for OutboxLimit. It
// writes nothing before Run.
func NewOutbox(log *slog.Logger, limit int) *Outbox {
	if limit <= 0 {
		limit = OutboxLimit
	}
	return &Outbox{
		log: log, limit: limit, wake: make(chan struct{}, 1),
		queue: list.New(), waiting: make(map[string]*list.Element),
	}
}

// Save has Run call write, in place of a write of the same key that still
// waits. It never blocks. When the outbox is full the oldest write is dropped.
//
// write runs on Run's goroutine and must not change what its caller goes on
// changing: it is given its own copy. Its error has it tried again later,
// except ErrConflict, ErrDuplicate and ErrNotFound, which time does not mend:
// these are logged and counted as dropped.
func (o *Outbox) Save(key string, write func(ctx context.Context) error) {
	o.mu.Lock()
	if at, ok := o.waiting[key]; ok {
		w := at.Value.(*outboxWrite)
		w.write, w.tries = write, 0
	} else {
		if o.queue.Len() >= o.limit {
			o.dropOldest()
		}
		o.waiting[key] = o.queue.PushBack(&outboxWrite{key: key, write: write})
	}
	o.mu.Unlock()
	o.poke()
}

// dropOldest needs o.mu.
func (o *Outbox) dropOldest() {
	w := o.queue.Remove(o.queue.Front()).(*outboxWrite)
	delete(o.waiting, w.key)
	o.dropped++
	if !o.full {
		o.full = true
		o.log.Error("outbox is full: the oldest writes are lost until the store is back", "limit", o.limit)
	}
	w.finish()
}

// finish tells the flushes that w is done; it needs the outbox's mu.
func (w *outboxWrite) finish() {
	for _, f := range w.flushes {
		if f.left--; f.left == 0 {
			close(f.done)
		}
	}
	w.flushes = nil
}

func (o *Outbox) poke() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// Pending is how many writes are not done yet, the present one included.
func (o *Outbox) Pending() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := o.queue.Len()
	if o.current != nil {
		n++
	}
	return n
}

// Dropped is how many writes were given up since the start.
func (o *Outbox) Dropped() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dropped
}

// Flush returns when all that was saved before is written (or dropped), or
// with ctx's error. Run must be running.
func (o *Outbox) Flush(ctx context.Context) error {
	o.mu.Lock()
	f := &outboxFlush{done: make(chan struct{})}
	join := func(w *outboxWrite) {
		w.flushes = append(w.flushes, f)
		f.left++
	}
	if o.current != nil {
		join(o.current)
	}
	for at := o.queue.Front(); at != nil; at = at.Next() {
		join(at.Value.(*outboxWrite))
	}
	left := f.left
	o.mu.Unlock()
	if left == 0 {
		return nil
	}
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("flush outbox with %d writes waiting: %w", o.Pending(), ctx.Err())
	}
}

// Run writes until ctx ends; there is one Run at a time. What waits then stays
// in the outbox.
func (o *Outbox) Run(ctx context.Context) {
	failures := 0 // in a row: the store is away
	for ctx.Err() == nil {
		w := o.next()
		if w == nil {
			select {
			case <-o.wake:
			case <-ctx.Done():
			}
			continue
		}
		err := o.attempt(ctx, w)
		if o.settle(ctx, w, err) {
			if failures > 0 {
				failures = 0
				o.log.Info("outbox writes again", "pending", o.Pending())
			}
			continue
		}
		if failures == 0 {
			o.log.Warn("outbox cannot write, will try again", "error", err)
		}
		o.pause(ctx, failures)
		failures++
	}
}

// next takes the oldest write from the queue, or nil.
func (o *Outbox) next() *outboxWrite {
	o.mu.Lock()
	defer o.mu.Unlock()
	at := o.queue.Front()
	if at == nil {
		o.full = false
		return nil
	}
	w := o.queue.Remove(at).(*outboxWrite)
	delete(o.waiting, w.key)
	o.current = w
	return w
}

func (o *Outbox) attempt(ctx context.Context, w *outboxWrite) error {
	ctx, cancel := context.WithTimeout(ctx, outboxAttempt)
	defer cancel()
	return w.write(ctx)
}

// settle puts a write that failed back and tells whether it is done with.
func (o *Outbox) settle(ctx context.Context, w *outboxWrite, err error) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.current = nil
	if err == nil {
		w.finish()
		return true
	}
	if ctx.Err() == nil && (errors.Is(err, ErrConflict) || errors.Is(err, ErrDuplicate) || errors.Is(err, ErrNotFound)) {
		o.dropped++
		o.log.Error("outbox gives a write up", "error", err)
		w.finish()
		return true
	}
	if at, ok := o.waiting[w.key]; ok {
		// Something newer came meanwhile: it stands for this one, in its place.
		newer := at.Value.(*outboxWrite)
		newer.flushes = append(newer.flushes, w.flushes...)
		o.queue.MoveToFront(at)
		return false
	}
	w.tries++
	if w.tries%outboxInsist == 0 {
		o.waiting[w.key] = o.queue.PushBack(w)
	} else {
		o.waiting[w.key] = o.queue.PushFront(w)
	}
	return false
}

// pause waits longer after each failure in a row, and never as long as others
// that lost the same store.
func (o *Outbox) pause(ctx context.Context, failures int) {
	wait := outboxRetryMost
	if failures < 16 {
		wait = min(outboxRetryFirst<<failures, outboxRetryMost)
	}
	wait -= time.Duration(rand.Int64N(int64(wait) / 5))
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
