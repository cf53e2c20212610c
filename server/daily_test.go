package server

import (
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw/trunk"
)

func TestCallsOfTodayAreCountedByTrunkAndPayer(t *testing.T) {
	s := opened(t)
	day := trunk.Day(time.Now())
	dialled := func(at time.Time, through, by string) ccs.CallEvent {
		return ccs.CallEvent{Kind: ccs.EventDialled, At: at, Trunk: through, By: by}
	}
	for i, r := range []ccs.CallRecord{
		{Started: day.Add(time.Hour), Events: []ccs.CallEvent{dialled(day.Add(time.Hour), "t1", "alice"), {Kind: ccs.EventRinging, At: day.Add(time.Hour)}}},
		{Started: day.Add(2 * time.Hour), Events: []ccs.CallEvent{dialled(day.Add(2*time.Hour), "t1", "alice"), dialled(day.Add(2*time.Hour), "t2", "")}},
		// Began yesterday, and was led on both before midnight and after it.
		{Started: day.Add(-time.Hour), Events: []ccs.CallEvent{dialled(day.Add(-time.Minute), "t1", "bob"), dialled(day.Add(time.Minute), "t1", "bob")}},
		{Started: day.Add(-10 * time.Hour), Events: []ccs.CallEvent{dialled(day.Add(-9*time.Hour), "t1", "bob")}},
	} {
		r.ID = "call-" + string(rune('a'+i))
		if err := s.tables.Calls.Put(t.Context(), &r); err != nil {
			t.Fatal(err)
		}
	}
	counts, err := s.dailyCounts(day)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]int)
	for _, c := range counts {
		got[c.Trunk+"/"+c.By] = c.Calls
	}
	if len(got) != 3 || got["t1/alice"] != 2 || got["t2/"] != 1 || got["t1/bob"] != 1 {
		t.Errorf("counted %v", got)
	}
}
