package server

import (
	"context"
	"errors"

	"github.com/carillon-cc/carillon/store"
)

// putOwn writes an object that nobody else writes. A conflict only tells that an
// earlier write arrived although its answer did not.
func putOwn[T any, P store.Object[T]](ctx context.Context, table *store.Table[T, P], v P) error {
	err := table.Put(ctx, v)
	if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrDuplicate) {
		var there *T
		if there, err = table.Get(ctx, v.GetMeta().ID); err == nil {
			*v.GetMeta() = *P(there).GetMeta()
			err = table.Put(ctx, v)
		}
	}
	return err
}

// dropOwn deletes an object that nobody else writes. One that is gone or changed
// already is not ours to delete any more.
func dropOwn[T any, P store.Object[T]](ctx context.Context, table *store.Table[T, P], v P) error {
	err := table.Delete(ctx, v)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict) {
		return nil
	}
	return err
}
