package server

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestPagesLearnThatTheStoreIsAwayAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hangs, fails atomic.Bool
		w := &storeWatch{log: slog.New(slog.DiscardHandler), ping: func(ctx context.Context) error {
			if hangs.Load() {
				<-ctx.Done()
				return ctx.Err()
			}
			if fails.Load() {
				return errors.New("away")
			}
			return nil
		}}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			w.run(ctx)
		}()
		for _, change := range []struct {
			what string
			flag *atomic.Bool
		}{{"refuses", &fails}, {"hangs", &hangs}} {
			change.flag.Store(true)
			time.Sleep(2*storeWatchEvery + storeWatchTime)
			if !w.down() {
				t.Errorf("nobody knows that the store %s", change.what)
			}
			change.flag.Store(false)
			time.Sleep(2 * storeWatchEvery)
			if w.down() {
				t.Errorf("nobody knows that the store no longer %s", change.what)
			}
		}
		cancel()
		<-ended
	})
}
