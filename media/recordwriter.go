package media

import (
	"context"
	"sync"
	"time"
)

const (
	// collectEvery is how often sound is taken from the recorders' memory.
	collectEvery = 200 * time.Millisecond
	// flushEvery is how often it is written to the disk. Together with
	// recordHold it bounds what a crash loses.
	flushEvery = time.Second
)

// RecordWriter writes the recordings of a process. A process has one: call Run
// once, in a goroutine of its own.
type RecordWriter struct {
	mu        sync.Mutex
	recorders map[*Recorder]struct{}
}

// NewRecordWriter returns a writer without recordings.
func NewRecordWriter() *RecordWriter {
	return &RecordWriter{recorders: make(map[*Recorder]struct{})}
}

func (w *RecordWriter) add(r *Recorder) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.recorders[r] = struct{}{}
}

func (w *RecordWriter) remove(r *Recorder) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.recorders, r)
}

// Active is the number of recordings under way.
func (w *RecordWriter) Active() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.recorders)
}

// all appends the recorders to dst.
func (w *RecordWriter) all(dst []*Recorder) []*Recorder {
	w.mu.Lock()
	defer w.mu.Unlock()
	for r := range w.recorders {
		dst = append(dst, r)
	}
	return dst
}

// Run writes once a second until ctx ends, and then everything that there is.
// Recordings can still be closed afterwards.
func (w *RecordWriter) Run(ctx context.Context) {
	// The disk has a goroutine of its own: while it is slow, sound is still
	// taken out of the recorders' small memory.
	var disk sync.WaitGroup
	disk.Go(func() {
		w.every(ctx, flushEvery, func(r *Recorder) { r.flush() })
	})
	w.every(ctx, collectEvery, func(r *Recorder) { r.collect(samplesOf(r.Duration() - recordHold)) })
	disk.Wait()
	for _, r := range w.all(nil) {
		r.collect(samplesOf(r.Duration()))
		r.flush()
	}
}

func (w *RecordWriter) every(ctx context.Context, period time.Duration, do func(*Recorder)) {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	var recorders []*Recorder
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		recorders = w.all(recorders[:0])
		for _, r := range recorders {
			do(r)
		}
		clear(recorders)
	}
}
