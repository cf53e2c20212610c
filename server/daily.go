package server

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw/trunk"
	"github.com/carillon-cc/carillon/store"
)

// daily keeps how many calls were placed through trunks today in the store, so
// that a restart does not give what the limits of a day have taken. Each run of
// a process has objects of its own with its own calls: nobody else writes them,
// and what counts is the sum.
type daily struct {
	table  *store.Table[ccs.DailyCalls, *ccs.DailyCalls]
	outbox *store.Outbox
	run    string

	mu     sync.Mutex
	day    time.Time
	counts map[string]*ccs.DailyCalls // of day, by id
	// kept is what the store has, by id. The outbox's writes alone touch it, and
	// they never overlap.
	kept map[string]ccs.Meta
}

func newDaily(table *store.Table[ccs.DailyCalls, *ccs.DailyCalls], outbox *store.Outbox) *daily {
	return &daily{table: table, outbox: outbox, run: ulid.Make().String(), kept: make(map[string]ccs.Meta)}
}

func dayName(day time.Time) string { return day.UTC().Format(time.DateOnly) }

// placed counts a call. It only posts; any goroutine may call it.
func (d *daily) placed(through, by string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if day := trunk.Day(time.Now()); !day.Equal(d.day) {
		d.day, d.counts = day, make(map[string]*ccs.DailyCalls)
		d.outbox.Save("daily/tidy", func(ctx context.Context) error { return d.tidy(ctx, day) })
	}
	id := fmt.Sprintf("%s/%s/%s/%s", dayName(d.day), d.run, through, by)
	c := d.counts[id]
	if c == nil {
		c = &ccs.DailyCalls{Meta: ccs.Meta{ID: id}, Day: dayName(d.day), Run: d.run, Trunk: through, By: by}
		d.counts[id] = c
	}
	c.Calls++
	now := *c
	d.outbox.Save("daily/"+id, func(ctx context.Context) error {
		if meta, known := d.kept[id]; known {
			now.Meta = meta
		}
		if err := putOwn(ctx, d.table, &now); err != nil {
			return fmt.Errorf("keep the number of today's calls: %w", err)
		}
		d.kept[id] = now.Meta
		return nil
	})
}

// before says how many calls were placed on a day by runs before this one.
func (d *daily) before(day time.Time) ([]trunk.DailyCount, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	all, _, err := d.table.List(ctx, store.Query{Equal: map[string]string{"day": dayName(day)}})
	if err != nil {
		return nil, fmt.Errorf("count the calls of today: %w", err)
	}
	var counts []trunk.DailyCount
	for _, c := range all {
		if c.Run != d.run {
			counts = append(counts, trunk.DailyCount{Trunk: c.Trunk, By: c.By, Calls: c.Calls})
		}
	}
	return counts, nil
}

// tidy drops what is older than a day: it counts no more.
func (d *daily) tidy(ctx context.Context, day time.Time) error {
	clear(d.kept)
	all, _, err := d.table.List(ctx, store.Query{})
	if err != nil {
		return fmt.Errorf("look for numbers of calls of former days: %w", err)
	}
	oldest := dayName(day.AddDate(0, 0, -1))
	for _, c := range all {
		if c.Day >= oldest {
			if c.Run == d.run {
				d.kept[c.ID] = c.Meta
			}
			continue
		}
		if err := dropOwn(ctx, d.table, c); err != nil {
			return fmt.Errorf("drop the number of calls of a former day: %w", err)
		}
	}
	return nil
}
