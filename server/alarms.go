package server

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw"
	"github.com/carillon-cc/carillon/store"
)

// maxAlarms is how many of the last alarms are kept for the page of trunks.
const maxAlarms = 50

// alarms are the last alarms, in memory for the pages and in the store for the
// next start.
type alarms struct {
	table  *store.Table[ccs.Alarm, *ccs.Alarm]
	outbox *store.Outbox

	mu   sync.Mutex
	last []ccs.Alarm // the newest last
}

// load reads the alarms of before the start.
func (a *alarms) load(ctx context.Context) error {
	newest, _, err := a.table.List(ctx, store.Query{Descending: true, Limit: maxAlarms})
	if err != nil {
		return fmt.Errorf("read the alarms: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, one := range slices.Backward(newest) {
		a.last = append(a.last, *one)
	}
	return nil
}

// add keeps an alarm. It only posts; any goroutine may call it.
func (a *alarms) add(raised sipgw.Alarm) {
	one := ccs.Alarm{
		Meta: ccs.Meta{ID: ulid.Make().String()}, At: time.Now().UTC(), Trunk: raised.Trunk, Guard: string(raised.Kind), Detail: raised.Detail,
		By: raised.By, Number: raised.Number, Forward: raised.Forward,
	}
	a.mu.Lock()
	a.last = append(a.last[max(0, len(a.last)-maxAlarms+1):], one)
	a.mu.Unlock()
	a.outbox.Save("alarm/"+one.ID, func(ctx context.Context) error {
		if err := putOwn(ctx, a.table, &one); err != nil {
			return fmt.Errorf("keep an alarm: %w", err)
		}
		return a.trim(ctx)
	})
}

// trim drops the oldest alarms from the store.
func (a *alarms) trim(ctx context.Context) error {
	query := store.Query{Descending: true, Limit: maxAlarms}
	_, next, err := a.table.List(ctx, query)
	for err == nil && next != "" {
		query.After = next
		var old []*ccs.Alarm
		if old, next, err = a.table.List(ctx, query); err != nil {
			break
		}
		for _, one := range old {
			if err := dropOwn(ctx, a.table, one); err != nil {
				return fmt.Errorf("drop an old alarm: %w", err)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("look for old alarms: %w", err)
	}
	return nil
}

// list returns the alarms, the newest first.
func (a *alarms) list() []ccs.Alarm {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := slices.Clone(a.last)
	slices.Reverse(list)
	return list
}
