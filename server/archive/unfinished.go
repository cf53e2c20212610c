package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/carillon-cc/carillon/store"
)

// ErrUnfinished tells that a store holds a part of a backup: a restore failed
// or is going on.
var ErrUnfinished = errors.New("the store holds only a part of a backup, and no server starts on it. " +
	"Unless a restore is still running, run it again: it removes the part and begins anew")

// The note of a restore is in the store from before its first change until
// after its last.
const restoring = "restoring"

var restores = store.Schema{Table: "restores"}

// CheckWhole returns ErrUnfinished where a restore has begun, but not ended.
// Whoever uses a store asks first.
func CheckWhole(ctx context.Context, db store.Store) error {
	there, err := begun(ctx, db)
	if err == nil && there {
		err = ErrUnfinished
	}
	return err
}

func begun(ctx context.Context, db store.Store) (bool, error) {
	if err := db.Ensure(ctx, restores); err != nil {
		return false, fmt.Errorf("look for an unfinished restore: %w", err)
	}
	_, err := db.Get(ctx, restores.Table, restoring)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for an unfinished restore: %w", err)
	}
	return true, nil
}

func begin(ctx context.Context, db store.Store) error {
	data, err := json.Marshal(map[string]any{"id": restoring, "since": time.Now().UTC()})
	if err == nil {
		_, err = db.Put(ctx, restores.Table, store.Document{ID: restoring, Data: data})
	}
	return err
}

func finish(ctx context.Context, db store.Store) error {
	return db.Delete(ctx, restores.Table, restoring, 0)
}
