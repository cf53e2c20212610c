package server

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw"
	"github.com/carillon-cc/carillon/sipgw/trunk"
	"github.com/carillon-cc/carillon/store"
)

// written runs an outbox until what was saved is written.
func written(t *testing.T, save func(*store.Outbox)) {
	t.Helper()
	outbox := store.NewOutbox(slog.New(slog.DiscardHandler), 0)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		outbox.Run(ctx)
	}()
	save(outbox)
	if err := outbox.Flush(t.Context()); err != nil || outbox.Dropped() > 0 {
		t.Errorf("%v, %d dropped", err, outbox.Dropped())
	}
	cancel()
	<-ended
}

// today is the day, which does not end within the next minute: so a test is over
// before midnight.
func today() time.Time {
	for !trunk.Day(time.Now()).Equal(trunk.Day(time.Now().Add(time.Minute))) {
		time.Sleep(time.Second)
	}
	return trunk.Day(time.Now())
}

// found is what a run finds of a day, by trunk and payer.
func found(t *testing.T, d *daily, day time.Time) map[string]int {
	t.Helper()
	counts, err := d.before(day)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]int)
	for _, c := range counts {
		got[c.Trunk+"/"+c.By] += c.Calls
	}
	return got
}

func TestCallsOfTodayAreCountedOverRestarts(t *testing.T) {
	s := opened(t)
	day := today()
	for run := range 3 {
		written(t, func(o *store.Outbox) {
			d := newDaily(s.tables.DailyCalls, o)
			want := map[string]int{"t1/alice": 2 * run, "t1/": run, "t2/alice": run}
			if run == 0 {
				want = map[string]int{}
			}
			if got := found(t, d, day); !maps.Equal(got, want) {
				t.Errorf("run %d counted %v, want %v", run, got, want)
			}
			for _, c := range [][2]string{{"t1", "alice"}, {"t1", ""}, {"t1", "alice"}, {"t2", "alice"}} {
				d.placed(c[0], c[1])
			}
			if err := o.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			// What this run counts itself is not given to it again.
			if got := found(t, d, day); !maps.Equal(got, want) {
				t.Errorf("run %d counts its own calls twice: %v, want %v", run, got, want)
			}
		})
	}
	if got := found(t, newDaily(s.tables.DailyCalls, nil), day.AddDate(0, 0, 1)); len(got) != 0 {
		t.Errorf("tomorrow begins with %v", got)
	}
}

func TestNumbersOfCallsOfFormerDaysAreDropped(t *testing.T) {
	s := opened(t)
	day := today()
	for ago := range 4 {
		name := dayName(day.AddDate(0, 0, -ago))
		if err := s.tables.DailyCalls.Put(t.Context(), &ccs.DailyCalls{Meta: ccs.Meta{ID: name}, Day: name, Run: "old", Trunk: "t1", Calls: 1}); err != nil {
			t.Fatal(err)
		}
	}
	written(t, func(o *store.Outbox) {
		d := newDaily(s.tables.DailyCalls, o)
		d.placed("t1", "bob")
		d.placed("t1", "bob")
	})
	left, _, err := s.tables.DailyCalls.List(t.Context(), store.Query{})
	if err != nil || len(left) != 3 {
		t.Errorf("%d are left, %v", len(left), err)
	}
	if got := found(t, newDaily(s.tables.DailyCalls, nil), day); got["t1/"] != 1 || got["t1/bob"] != 2 {
		t.Errorf("today has %v", got)
	}
}

func TestCountingGoesOnPastMidnight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDaily(nil, store.NewOutbox(slog.New(slog.DiscardHandler), 0))
		d.placed("t1", "alice")
		time.Sleep(24 * time.Hour)
		d.placed("t1", "alice")
		if len(d.counts) != 1 || d.counts[fmt.Sprintf("%s/%s/t1/alice", dayName(time.Now()), d.run)].Calls != 1 {
			t.Errorf("counts %v", d.counts)
		}
	})
}

func TestAlarmsSurviveARestart(t *testing.T) {
	s := opened(t)
	raise := func(o *store.Outbox, from, to int) *alarms {
		a := &alarms{table: s.tables.Alarms, outbox: o}
		if err := a.load(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := from; i < to; i++ {
			a.add(sipgw.Alarm{Trunk: fmt.Sprint(i), Kind: trunk.GuardDaily, Detail: "d", By: "alice", Number: "1", Forward: true})
			time.Sleep(time.Microsecond) // by the time they are told apart
		}
		return a
	}
	written(t, func(o *store.Outbox) { raise(o, 0, 30) })
	written(t, func(o *store.Outbox) { raise(o, 30, 60) })
	a := raise(nil, 0, 0)
	list := a.list()
	if len(list) != maxAlarms {
		t.Fatalf("%d alarms", len(list))
	}
	for i, one := range list {
		if one.Trunk != fmt.Sprint(59-i) || one.Guard != string(trunk.GuardDaily) || one.By != "alice" || one.Number != "1" || !one.Forward || one.Detail != "d" {
			t.Errorf("alarm %d is %+v", i, one)
		}
	}
	if all, _, err := s.tables.Alarms.List(t.Context(), store.Query{}); err != nil || len(all) != maxAlarms {
		t.Errorf("the store has %d, %v", len(all), err)
	}
}
