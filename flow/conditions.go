package flow

import (
	"slices"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// holds evaluates a step's conditions at this moment: all, or one where the
// step asks for any. Each one that is looked at is noted, so that the timeline
// explains the way that the call took.
func (r *run) holds(s *ccs.Step) bool {
	for i := range s.Conditions {
		name, ok := r.condition(&s.Conditions[i])
		reason := "fails"
		if ok {
			reason = "holds"
		}
		r.note(ccs.CallEvent{Kind: ccs.EventCondition, Name: name, Reason: reason})
		if ok == s.Any {
			return ok
		}
	}
	return !s.Any
}

// condition evaluates one group. One in which nothing is set never holds.
func (r *run) condition(c *ccs.Condition) (name string, ok bool) {
	switch {
	case c.WeeklyHours != nil:
		return "weeklyHours", open(c.WeeklyHours, r.phone.Now().In(r.zone))
	case c.CallerFilter != nil:
		caller := r.phone.Caller()
		number := caller.From
		if caller.Anonymous {
			number = ""
		}
		if c.CallerFilter.Dialed {
			number = caller.To
		}
		return "callerFilter", passes(c.CallerFilter, number, regionOf(r.flow.TimeZone))
	}
	return "unknown", false
}

// open tells whether a row of h holds at this local time. Rows speak of what
// the clock on the wall shows: on the day when clocks go forward a row has no
// effect in the hour that does not exist, and on the day when they go back it
// holds in both passes of the repeated hour.
func open(h *ccs.WeeklyHours, local time.Time) bool {
	minute := local.Hour()*60 + local.Minute()
	today := local.Weekday()
	// By the calendar, not 24 hours ago: days of 23 and 25 hours exist.
	yesterday := (today + 6) % 7
	for i := range h.Rows {
		row := &h.Rows[i]
		if row.To > row.From {
			if minute >= row.From && minute < row.To && slices.Contains(row.Days, today) {
				return true
			}
			continue
		}
		if minute >= row.From && slices.Contains(row.Days, today) ||
			minute < row.To && slices.Contains(row.Days, yesterday) {
			return true
		}
	}
	return false
}

// passes applies a list of prefixes to a number as it was received. A hidden
// number fits no prefix.
func passes(f *ccs.CallerFilter, number string, home region) bool {
	hit := false
	for _, prefix := range f.Prefixes {
		if hit = fits(number, prefix, home); hit {
			break
		}
	}
	return hit != f.BlackList
}
