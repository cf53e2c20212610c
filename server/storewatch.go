package server

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/carillon-cc/carillon/store"
)

const (
	// storeWatchEvery is how often the store is asked for a sign of life.
	storeWatchEvery = 2 * time.Second
	// storeWatchTime is how long it may take to answer.
	storeWatchTime = 2 * time.Second
)

// storeWatch knows whether the store is away, so that pages can say so and do
// not each have to find out.
type storeWatch struct {
	ping func(context.Context) error
	log  *slog.Logger
	away atomic.Bool
}

func newStoreWatch(db store.Store, log *slog.Logger) *storeWatch {
	return &storeWatch{ping: db.Ping, log: log}
}

// down tells whether the store did not answer when it was last asked. Any
// goroutine may call it.
func (w *storeWatch) down() bool { return w.away.Load() }

// run asks until ctx ends.
func (w *storeWatch) run(ctx context.Context) {
	ticker := time.NewTicker(storeWatchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			w.ask(ctx)
		}
	}
}

func (w *storeWatch) ask(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, storeWatchTime)
	defer cancel()
	err := w.ping(limited)
	switch {
	case ctx.Err() != nil:
	case err != nil && !w.away.Swap(true):
		w.log.Warn("the store does not answer; calls go on, and what they store is kept for later", "err", err)
	case err == nil && w.away.Swap(false):
		w.log.Info("the store answers again")
	}
}
