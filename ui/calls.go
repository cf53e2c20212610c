package ui

import (
	"slices"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// Names finds what to call the objects that a call record names by id.
type Names interface {
	Queue(id string) string // "" where unknown
	Agent(id string) string
	Trunk(id string) string
}

// Choice is an entry of a selection.
type Choice struct {
	Value, Label string
	Selected     bool
}

// CallFilter is what the list of calls is restricted to, as it was typed.
type CallFilter struct {
	From, To      string // dates, YYYY-MM-DD, both inclusive
	Number        string
	Queue, Agent  string // ids
	Queues        []Choice
	Agents        []Choice // none where the viewer sees only their own calls
	FromErr       string   // why From is refused
	ToErr         string
	NumberErr     string
	AnyConstraint bool // whether something is filtered
}

// Problems are the fields' faults, in words.
func (f CallFilter) Problems() []string {
	return slices.DeleteFunc([]string{f.FromErr, f.ToErr, f.NumberErr}, func(s string) bool { return s == "" })
}

// CallList is the page of calls.
type CallList struct {
	Filter CallFilter
	Own    bool // only the viewer's own calls
	Rows   []CallRow
	More   string // address of the next page, "" on the last
	// Searched is how far back a search that found nothing on this page went.
	Searched time.Time
	First    FirstCall
}

// FirstCall tells how to make the first call.
type FirstCall struct {
	Number  string // a number that has a published plan, or ""
	Command string
	URI     string
}

// CallRow is a line of the list of calls.
type CallRow struct {
	ID      string
	Started time.Time
	// Direction is "out" or "internal", "" for a call that came in.
	Direction string
	From      string
	FromName  string
	To        string
	Queue     string
	Agent     string
	Waited    time.Duration
	HasWait   bool
	Talked    time.Duration
	HasTalk   bool
	Outcome   Outcome
}

// RowOf makes the line of a call.
func RowOf(c *ccs.CallRecord, names Names, now time.Time) CallRow {
	row := CallRow{
		ID: c.ID, Started: c.Started, From: c.From, FromName: c.FromName, To: called(c),
		Queue: names.Queue(c.Queue), Agent: names.Agent(c.Agent), Outcome: OutcomeOf(c),
	}
	if c.Direction != "in" {
		row.Direction = c.Direction
	}
	row.Waited, row.HasWait = Waited(c, now)
	row.Talked, row.HasTalk = Talked(c, now)
	return row
}

// Waited is how long the caller was in queues until an agent answered, and
// whether they were in one.
func Waited(c *ccs.CallRecord, now time.Time) (time.Duration, bool) {
	var total time.Duration
	var since time.Time
	any := false
	for _, e := range c.Events {
		switch e.Kind {
		case ccs.EventQueued:
			any = true
			if since.IsZero() {
				since = e.At
			}
		case ccs.EventLeftQueue, ccs.EventConnected, ccs.EventEnded:
			if !since.IsZero() {
				total += e.At.Sub(since)
				since = time.Time{}
			}
		}
	}
	if !since.IsZero() {
		total += end(c, now).Sub(since)
	}
	return total, any
}

// Talked is how long the caller was connected with agents, holds included, and
// whether they ever were.
func Talked(c *ccs.CallRecord, now time.Time) (time.Duration, bool) {
	if c.Connected.IsZero() {
		return 0, false
	}
	return end(c, now).Sub(c.Connected), true
}

// Lasted is the length of the whole call.
func Lasted(c *ccs.CallRecord, now time.Time) time.Duration { return end(c, now).Sub(c.Started) }

func end(c *ccs.CallRecord, now time.Time) time.Time {
	if c.Ended.IsZero() {
		return now
	}
	return c.Ended
}

// Outcome is how a call went, for the list: its text is outcome.<Kind>.
type Outcome struct {
	Kind string
	Tone string // "good", "bad", "live" or "plain"
}

// OutcomeOf judges a call.
func OutcomeOf(c *ccs.CallRecord) Outcome {
	last := ccs.EventKind("")
	for _, e := range c.Events {
		switch e.Kind {
		case ccs.EventQueued, ccs.EventLeftQueue, ccs.EventConnected:
			last = e.Kind
		}
	}
	waiting := last == ccs.EventQueued
	switch {
	case c.Ended.IsZero() && last == ccs.EventConnected:
		return Outcome{"talking", "live"}
	case c.Ended.IsZero() && waiting:
		return Outcome{"waiting", "live"}
	case c.Ended.IsZero() && placed(c):
		return Outcome{"calling", "live"}
	case c.Ended.IsZero():
		return Outcome{"inPlan", "live"}
	case c.Cause == "crash" || c.Cause == "failed" || c.Cause == "agentLost" || c.Cause == "mediaTimeout":
		return Outcome{"brokeOff", "bad"}
	case !c.Connected.IsZero():
		return Outcome{"answered", "good"}
	case placed(c):
		return Outcome{"notReached", "plain"}
	case c.EndedBy == "caller" && last != "":
		return Outcome{"abandoned", "bad"}
	case c.EndedBy == "caller":
		return Outcome{"leftEarly", "plain"}
	case c.Answered.IsZero():
		return Outcome{"refused", "plain"}
	case last != "":
		return Outcome{"notAnswered", "bad"}
	}
	return Outcome{"planEnded", "plain"}
}

// placed tells whether one of us made the call.
func placed(c *ccs.CallRecord) bool { return c.Direction == "out" || c.Direction == "internal" }
