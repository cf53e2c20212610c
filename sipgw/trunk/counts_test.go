package trunk

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

func limited(change func(*ccs.Trunk)) *ccs.Trunk {
	t := &ccs.Trunk{Meta: ccs.Meta{ID: "t"}}
	change(t)
	return t
}

func TestLimitsStopACallAndReleaseGivesBack(t *testing.T) {
	for _, row := range []struct {
		name  string
		trunk *ccs.Trunk
		guard Guard
		again bool // a released place can be taken again
	}{
		{"calls both ways", limited(func(t *ccs.Trunk) { t.MaxCalls = 2 }), GuardCalls, true},
		{"outgoing", limited(func(t *ccs.Trunk) { t.Outgoing.MaxCalls = 2 }), GuardOutgoing, true},
		{"daily", limited(func(t *ccs.Trunk) { t.Outgoing.DailyCalls = 2 }), GuardDaily, false},
		{"daily of one agent", limited(func(t *ccs.Trunk) { t.Outgoing.DailyPerAgent = 2 }), GuardAgent, false},
	} {
		c := NewCounts()
		release, _ := c.Out(row.trunk, "alice")
		if _, guard := c.Out(row.trunk, "alice"); guard != "" {
			t.Errorf("%s: the second call got %q", row.name, guard)
		}
		if _, guard := c.Out(row.trunk, "alice"); guard != row.guard {
			t.Errorf("%s: the third call got %q, want %q", row.name, guard, row.guard)
		}
		release()
		release() // a second time does nothing
		_, guard := c.Out(row.trunk, "alice")
		if (guard == "") != row.again {
			t.Errorf("%s: after a release the guard is %q", row.name, guard)
		}
		if _, guard := c.Out(row.trunk, "alice"); guard != row.guard {
			t.Errorf("%s: a double release gave two places", row.name)
		}
	}
}

func TestIncomingCallsCountAgainstTheTrunksLimit(t *testing.T) {
	c := NewCounts()
	one := limited(func(t *ccs.Trunk) { t.MaxCalls = 1 })
	release, ok := c.In(one)
	if !ok {
		t.Fatal("the first call was refused")
	}
	if _, ok := c.In(one); ok {
		t.Error("a second incoming call was taken")
	}
	if _, guard := c.Out(one, ""); guard != GuardCalls {
		t.Errorf("an outgoing call got %q", guard)
	}
	release()
	if _, guard := c.Out(one, ""); guard != "" {
		t.Errorf("after the release: %q", guard)
	}
}

func TestDailyLimitCountsCallsOfBeforeTheStartAndEndsAtMidnight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCounts()
		three := limited(func(t *ccs.Trunk) { t.Outgoing.DailyCalls, t.Outgoing.DailyPerAgent = 3, 2 })
		c.Load(time.Now(), []DailyCount{{"t", "alice", 2}})
		c.Load(time.Now().Add(-24*time.Hour), []DailyCount{{"t", "bob", 9}})
		if _, guard := c.Out(three, "alice"); guard != GuardAgent {
			t.Errorf("alice's third call got %q", guard)
		}
		if _, guard := c.Out(three, "bob"); guard != "" {
			t.Errorf("bob's first call got %q", guard)
		}
		if _, guard := c.Out(three, ""); guard != GuardDaily {
			t.Errorf("the trunk's fourth call got %q", guard)
		}
		time.Sleep(time.Until(Day(time.Now()).Add(24 * time.Hour)))
		if _, guard := c.Out(three, "alice"); guard != "" {
			t.Errorf("the next day's first call got %q", guard)
		}
	})
}
