package ui

import (
	"slices"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// CallPage is the page of one call.
type CallPage struct {
	Call      *ccs.CallRecord
	Row       CallRow
	Lasted    time.Duration
	EndText   string
	Network   string // what the network said when it ended the call, "" for nothing
	Entries   []TimelineEntry
	Quality   []QualityRow
	Recording *RecordingView // nil where there is none
}

// RecordingView is the player of a call's recording.
type RecordingView struct {
	ID       string
	Duration time.Duration
	Started  time.Time
	Repaired bool
	FileName string
}

// TimelineEntry is a line of a call's timeline.
type TimelineEntry struct {
	At       time.Time
	After    time.Duration // since the call's arrival
	Icon     string
	Tone     string // "good", "bad", "live" or "plain"
	Text     string
	Detail   string  // what the network said, "" for nothing
	Seek     float64 // seconds into the recording
	Seekable bool
}

// tones and icons of the events; those not listed are plain.
var timelineMarks = map[ccs.EventKind]struct{ icon, tone string }{
	ccs.EventArrived:      {"phone-incoming", "plain"},
	ccs.EventAnswered:     {"phone", "plain"},
	ccs.EventStep:         {"chevron-right", "plain"},
	ccs.EventAction:       {"chevron-right", "plain"},
	ccs.EventCondition:    {"chevron-right", "plain"},
	ccs.EventActionFailed: {"triangle-alert", "bad"},
	ccs.EventPrompt:       {"volume-2", "plain"},
	ccs.EventLimit:        {"triangle-alert", "bad"},
	ccs.EventPlanEnd:      {"check", "plain"},
	ccs.EventMenu:         {"list", "plain"},
	ccs.EventKeys:         {"grid-3x3", "plain"},
	ccs.EventQueued:       {"clock", "live"},
	ccs.EventLeftQueue:    {"clock", "plain"},
	ccs.EventOffered:      {"bell", "live"},
	ccs.EventOfferEnded:   {"bell", "bad"},
	ccs.EventConnected:    {"headset", "good"},
	ccs.EventHeld:         {"pause", "plain"},
	ccs.EventResumed:      {"play", "plain"},
	ccs.EventMuted:        {"mic-off", "plain"},
	ccs.EventUnmuted:      {"mic", "plain"},
	ccs.EventAgentLost:    {"triangle-alert", "bad"},
	ccs.EventAgentBack:    {"headset", "good"},
	ccs.EventRecording:    {"mic", "plain"},
	ccs.EventRecordingEnd: {"mic", "plain"},
	ccs.EventPromptFailed: {"triangle-alert", "bad"},
	ccs.EventDialled:      {"phone-outgoing", "plain"},
	ccs.EventRinging:      {"bell", "live"},
	ccs.EventNotReached:   {"phone-missed", "bad"},
	ccs.EventForwarded:    {"phone-forwarded", "plain"},
	ccs.EventTransferred:  {"phone-forwarded", "plain"},
	ccs.EventEnded:        {"phone-off", "plain"},
}

// Timeline turns a call's events into sentences.
func Timeline(t *Texts, c *ccs.CallRecord, names Names, recording *RecordingView) []TimelineEntry {
	entries := make([]TimelineEntry, 0, len(c.Events))
	for i, e := range c.Events {
		if i > 0 && repeats(c.Events[i-1], e) {
			continue
		}
		mark := timelineMarks[e.Kind]
		entry := TimelineEntry{
			At: e.At, After: e.At.Sub(c.Started), Icon: mark.icon, Tone: mark.tone,
			Text: sentence(t, c, e, names),
		}
		if entry.Icon == "" {
			entry.Icon, entry.Tone = "chevron-right", "plain"
		}
		if e.Kind == ccs.EventArrived && e.Reason != "" {
			entry.Icon = "phone-outgoing"
		}
		if e.Kind == ccs.EventNotReached {
			entry.Detail = NetworkText(t, e.Status, e.Q850)
		}
		if e.Kind == ccs.EventOfferEnded && e.Reason == "withdrawn" {
			entry.Tone = "plain"
		}
		if recording != nil {
			offset := e.At.Sub(recording.Started)
			entry.Seekable = offset >= 0 && offset <= recording.Duration
			entry.Seek = offset.Seconds()
		}
		entries = append(entries, entry)
	}
	return entries
}

// repeats tells whether an event says what the one before it said: the plan and
// the queue both note that a caller comes and goes.
func repeats(before, e ccs.CallEvent) bool {
	return (e.Kind == ccs.EventQueued || e.Kind == ccs.EventLeftQueue) && before.Kind == e.Kind && before.Object == e.Object
}

// sentence says what an event was: in the text event.<kind>.<reason> where
// there is one, else in that of the kind. Values that this version does not
// know are shown as they are stored.
func sentence(t *Texts, c *ccs.CallRecord, e ccs.CallEvent, names Names) string {
	agent := names.Agent(e.Agent)
	if e.Agent != "" && e.Name != "" {
		agent = e.Name
	}
	if agent == "" {
		agent = t.T("event.someAgent")
	}
	name := e.Name
	switch {
	case slices.Contains(ccs.Builtins(), name):
		name = t.Or("builtin."+name, "builtin.other")
	case name == "":
		name = names.Queue(e.Object)
	}
	args := []any{
		"Name", name, "Agent", agent, "Digits", e.Digits, "From", caller(t, c), "To", called(c),
		"Reason", e.Reason, "Kind", string(e.Kind), "Cause", t.Or("cause."+e.Reason, "cause.unknown", "Reason", e.Reason),
	}
	id := "event." + string(e.Kind)
	if trunk := names.Trunk(trunkOf(c, e)); trunk != "" {
		return t.T(id+".trunk", append(args, "Trunk", trunk)...)
	}
	switch {
	case e.Kind == ccs.EventEnded:
		return EndText(t, c)
	case e.Kind == ccs.EventCondition:
		return t.Or(id+"."+e.Name+"."+e.Reason, "event.other", args...)
	case e.Reason != "" && name != "" && t.Has(id+"."+e.Reason+".named"):
		return t.T(id+"."+e.Reason+".named", args...)
	case e.Reason != "" && t.Has(id+"."+e.Reason):
		return t.T(id+"."+e.Reason, args...)
	case name == "" && t.Has(id+".unnamed"):
		return t.T(id+".unnamed", args...)
	case t.Has(id + ".other"):
		return t.T(id+".other", args...)
	}
	return t.Or(id, "event.other", args...)
}

// trunkOf is the id of the trunk by which a call came in or goes out, "" where an
// event is about something else.
func trunkOf(c *ccs.CallRecord, e ccs.CallEvent) string {
	switch {
	case e.Kind == ccs.EventDialled:
		return e.Trunk
	case e.Kind == ccs.EventArrived && !placed(c):
		return c.Trunk
	}
	return ""
}

func caller(t *Texts, c *ccs.CallRecord) string {
	switch {
	case c.FromName != "" && c.From != "":
		return c.FromName + " (" + c.From + ")"
	case c.From != "":
		return c.From
	case c.FromName != "" && placed(c):
		return c.FromName
	}
	return t.T("call.anonymous")
}

// called is who was called, for people.
func called(c *ccs.CallRecord) string {
	switch {
	case c.ToName != "" && c.To != "":
		return c.ToName + " (" + c.To + ")"
	case c.ToName != "":
		return c.ToName
	}
	return c.To
}

// EndText says who ended a call and why.
func EndText(t *Texts, c *ccs.CallRecord) string {
	if c.Ended.IsZero() {
		return t.T("call.running")
	}
	if id := "ended." + c.EndedBy + "." + c.Cause; t.Has(id) {
		return t.T(id)
	}
	return t.Or("cause."+c.Cause, "cause.unknown", "Reason", c.Cause)
}
