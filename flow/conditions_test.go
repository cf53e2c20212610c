package flow

import (
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

func TestWeeklyHours(t *testing.T) {
	const morning, noon, evening = 8*60 + 30, 12 * 60, 22 * 60
	weekdays := []time.Weekday{1, 2, 3, 4, 5}
	office := []ccs.HoursRow{{Days: weekdays, From: morning, To: noon}}
	night := []ccs.HoursRow{{Days: []time.Weekday{time.Saturday}, From: evening, To: 6 * 60}}
	tests := []struct {
		name string
		zone string
		rows []ccs.HoursRow
		at   string // local time
		want bool
	}{
		{"a minute before", "Europe/Paris", office, "2026-06-01T08:29:59+02:00", false},
		{"the first second", "Europe/Paris", office, "2026-06-01T08:30:00+02:00", true},
		{"the last second", "Europe/Paris", office, "2026-06-01T11:59:59+02:00", true},
		{"the end is not included", "Europe/Paris", office, "2026-06-01T12:00:00+02:00", false},
		{"another day", "Europe/Paris", office, "2026-06-07T09:00:00+02:00", false},
		{"the plan's zone counts", "America/New_York", office, "2026-06-01T14:29:00+02:00", false},
		{"the plan's zone counts, open", "America/New_York", office, "2026-06-01T14:30:00+02:00", true},
		{"no rows", "UTC", nil, "2026-06-01T00:00:00Z", false},

		{"past midnight, evening", "Europe/Paris", night, "2026-06-06T22:00:00+02:00", true},
		{"past midnight, morning after", "Europe/Paris", night, "2026-06-07T05:59:59+02:00", true},
		{"past midnight, over", "Europe/Paris", night, "2026-06-07T06:00:00+02:00", false},
		{"past midnight, morning of the first day", "Europe/Paris", night, "2026-06-06T05:00:00+02:00", false},
		{"past midnight, evening of the second day", "Europe/Paris", night, "2026-06-07T22:00:00+02:00", false},
		{"to the end of the day", "UTC", []ccs.HoursRow{{Days: weekdays, From: 0, To: 1440}}, "2026-06-01T23:59:59Z", true},
		{"to midnight written as 0", "UTC", []ccs.HoursRow{{Days: weekdays, From: 60, To: 0}}, "2026-06-01T23:59:59Z", true},
		{"to midnight written as 0, over", "UTC", []ccs.HoursRow{{Days: []time.Weekday{1}, From: 60, To: 0}}, "2026-06-02T00:00:00Z", false},
		{"a whole day", "UTC", []ccs.HoursRow{{Days: []time.Weekday{1}, From: 540, To: 540}}, "2026-06-02T08:59:00Z", true},
		{"a whole day, over", "UTC", []ccs.HoursRow{{Days: []time.Weekday{1}, From: 540, To: 540}}, "2026-06-02T09:00:00Z", false},

		// Clocks go from 02:00 to 03:00 on Sunday 29 March 2026 in Paris.
		{"spring, before the gap", "Europe/Paris", night, "2026-03-29T01:59:59+01:00", true},
		{"spring, after the gap", "Europe/Paris", night, "2026-03-29T03:00:00+02:00", true},
		{"spring, end by the wall clock", "Europe/Paris", night, "2026-03-29T06:00:00+02:00", false},
		{"spring, an hour earlier than 24 hours", "Europe/Paris", night, "2026-03-29T05:59:00+02:00", true},
		{"spring, row within the gap", "Europe/Paris", []ccs.HoursRow{{Days: []time.Weekday{0}, From: 120, To: 180}}, "2026-03-29T03:00:00+02:00", false},
		// And from 03:00 back to 02:00 on Sunday 25 October 2026.
		{"autumn, first pass", "Europe/Paris", []ccs.HoursRow{{Days: []time.Weekday{0}, From: 150, To: 160}}, "2026-10-25T02:30:00+02:00", true},
		{"autumn, second pass", "Europe/Paris", []ccs.HoursRow{{Days: []time.Weekday{0}, From: 150, To: 160}}, "2026-10-25T02:30:00+01:00", true},
		{"autumn, end by the wall clock", "Europe/Paris", night, "2026-10-25T05:59:59+01:00", true},
		{"autumn, over", "Europe/Paris", night, "2026-10-25T06:00:00+01:00", false},
		{"autumn, the day after 25 hours", "Europe/Paris", []ccs.HoursRow{{Days: []time.Weekday{0}, From: 1410, To: 30}}, "2026-10-26T00:15:00+01:00", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			moment, err := time.Parse(time.RFC3339, test.at)
			if err != nil {
				t.Fatal(err)
			}
			zone, err := time.LoadLocation(test.zone)
			if err != nil {
				t.Fatal(err)
			}
			if got := open(&ccs.WeeklyHours{Rows: test.rows}, moment.In(zone)); got != test.want {
				t.Errorf("open is %v", got)
			}
		})
	}
}

func TestNumbersFitPrefixes(t *testing.T) {
	tests := []struct {
		zone, number, prefix string
		want                 bool
	}{
		{"Europe/Paris", "+33612345678", "+336", true},
		{"Europe/Paris", "+33612345678", "+337", false},
		{"Europe/Paris", "0033612345678", "+336", true},
		{"Europe/Paris", "33612345678", "+336", true},
		{"Europe/Paris", "0612345678", "+336", true},
		{"Europe/Paris", "+33612345678", "06", true},
		{"Europe/Paris", "+33612345678", "00336", true},
		{"Europe/Paris", "+33 6 12.34-56 78", "+336123456", true},
		{"Europe/Paris", "+33612345678", "33612345678", true},
		{"Europe/Paris", "+32612345678", "06", false},
		{"Europe/Paris", "+33612345678", "+33612345678", true},
		{"Europe/Paris", "+3361234567", "+33612345678", false},
		{"Europe/Paris", "+33123456789", "+", true},
		{"Europe/Paris", "1000", "10", true},
		{"Europe/Paris", "1000", "+1", false},
		{"Europe/Paris", "+12125550100", "10", false},
		{"Europe/Paris", "+12125550100", "1", false},
		{"Europe/Paris", "alice", "+33", false},
		{"Europe/Paris", "", "+33", false},
		{"Europe/Paris", "", "0", false},
		{"Europe/London", "02071234567", "+4420", true},
		{"Europe/Rome", "0612345678", "+3906", true},
		{"Europe/Rome", "+390612345678", "06", false}, // Italy's 0 is part of the number; nothing marks 06 as national
		{"Europe/Madrid", "612345678", "+346", true},
		{"Europe/Madrid", "1000", "+34", false},
		{"America/New_York", "2125550100", "+1212", true},
		{"America/New_York", "12125550100", "+1212", true},
		{"America/New_York", "011442071234567", "+44", true},
		{"Asia/Tokyo", "0312345678", "+813", false},
		{"Asia/Tokyo", "00442071234567", "+44", true},
	}
	for _, test := range tests {
		if got := fits(test.number, test.prefix, regionOf(test.zone)); got != test.want {
			t.Errorf("%s: does %q begin with %q? got %v", test.zone, test.number, test.prefix, got)
		}
	}
}

func TestCallerFilterLists(t *testing.T) {
	filter := func(dialed, black bool, prefixes ...string) []ccs.Condition {
		return []ccs.Condition{{CallerFilter: &ccs.CallerFilter{Dialed: dialed, BlackList: black, Prefixes: prefixes}}}
	}
	tests := []struct {
		name   string
		list   []ccs.Condition
		caller Scenario
		want   bool
	}{
		{"on the white list", filter(false, false, "+32", "+33"), Scenario{From: "+331"}, true},
		{"not on the white list", filter(false, false, "+32"), Scenario{From: "+331"}, false},
		{"an empty white list admits nobody", filter(false, false), Scenario{From: "+331"}, false},
		{"on the black list", filter(false, true, "+33"), Scenario{From: "+331"}, false},
		{"not on the black list", filter(false, true, "+32"), Scenario{From: "+331"}, true},
		{"an empty black list refuses nobody", filter(false, true), Scenario{From: "+331"}, true},
		{"a hidden number is on no white list", filter(false, false, "+33"), Scenario{From: "+331", Anonymous: true}, false},
		{"a hidden number is on no black list", filter(false, true, "+33"), Scenario{From: "+331", Anonymous: true}, true},
		{"the dialled number", filter(true, false, "10"), Scenario{From: "+331", To: "1000"}, true},
		{"the dialled number of a hidden caller", filter(true, false, "10"), Scenario{To: "1000", Anonymous: true}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.caller.At = at
			v := steps(ccs.Step{Conditions: test.list, Actions: []ccs.Action{hangup}})
			if got := Simulate(snapshot(), v, test.caller, Limits{}).Cause.Reason == "planHangup"; got != test.want {
				t.Errorf("holds is %v", got)
			}
		})
	}
}
