package server

import (
	"context"
	"fmt"
	"sync"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
)

// journal writes call records behind the calls' backs: a call saves its record
// after every event and never waits; the outbox writes the latest state.
type journal struct {
	calls  *store.Table[ccs.CallRecord, *ccs.CallRecord]
	outbox *store.Outbox

	mu        sync.Mutex
	revisions map[string]ccs.Meta // what the store has of running calls
}

func newJournal(calls *store.Table[ccs.CallRecord, *ccs.CallRecord], outbox *store.Outbox) *journal {
	return &journal{calls: calls, outbox: outbox, revisions: make(map[string]ccs.Meta)}
}

// Save keeps the record as it is now; the caller may go on appending events.
func (j *journal) Save(record ccs.CallRecord) {
	j.outbox.Save("call/"+record.ID, func(ctx context.Context) error {
		// Writes of one key never overlap: only the map needs the lock.
		j.mu.Lock()
		if meta, ok := j.revisions[record.ID]; ok {
			record.Meta = meta
		}
		j.mu.Unlock()
		if err := putOwn(ctx, j.calls, &record); err != nil {
			return fmt.Errorf("keep call record: %w", err)
		}
		j.mu.Lock()
		defer j.mu.Unlock()
		if record.Ended.IsZero() {
			j.revisions[record.ID] = record.Meta
		} else {
			delete(j.revisions, record.ID)
		}
		return nil
	})
}
