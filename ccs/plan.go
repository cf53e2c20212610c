package ccs

import "time"

// Number is what callers dial: an E.164 number or a short SIP user part.
type Number struct {
	Meta
	Number string `json:"number"`
	Label  string `json:"label"`
	PlanID string `json:"planId"`
}

// Plan is what happens to the calls of its numbers. Draft is edited; calls run
// the PlanVersion that Published names ("" while nothing is published).
type Plan struct {
	Meta
	Name      string `json:"name"`
	Draft     Flow   `json:"draft"`
	Published string `json:"published"`
}

// PlanVersion is a published state of a plan. It is never changed: a running
// call uses the version with which it began (spec 3.1).
type PlanVersion struct {
	Meta
	PlanID      string    `json:"planId"`
	Version     int       `json:"version"` // 1, 2, … within the plan
	PublishedAt time.Time `json:"publishedAt"`
	PublishedBy string    `json:"publishedBy"` // user id
	Flow        Flow      `json:"flow"`
}

// AnonymousPolicy says what to do with callers who hide their number.
type AnonymousPolicy string

// The policies of spec 3.1.2; the empty value means AnonymousAccept.
const (
	AnonymousAccept  AnonymousPolicy = "accept"
	AnonymousRefuse  AnonymousPolicy = "refuse" // SIP 433 (RFC 5079)
	AnonymousMessage AnonymousPolicy = "message"
)

// Presentation says which number a ringing device shows.
type Presentation string

// The presentations of spec 3.3; the empty value means PresentCaller.
const (
	PresentCaller Presentation = "caller"
	PresentDialed Presentation = "dialed"
	PresentBoth   Presentation = "both"
)

// Flow is the content of a plan: ordered steps and the settings they share.
type Flow struct {
	TimeZone         string          `json:"timeZone"` // IANA name
	Language         string          `json:"language"` // of built-in prompts: "en" or "fr"
	Anonymous        AnonymousPolicy `json:"anonymous,omitempty"`
	AnonymousMessage Prompt          `json:"anonymousMessage,omitzero"`
	Presentation     Presentation    `json:"presentation,omitempty"`
	TransferTimeout  Millis          `json:"transferTimeout,omitempty"` // of bridge; 0 is 60 s
	Farewell         Prompt          `json:"farewell,omitzero"`         // before an answered call's end at the end of the plan
	Steps            []Step          `json:"steps"`
}

// Step runs Actions when its conditions hold when the call reaches it, and
// Otherwise when they do not.
type Step struct {
	ID         string      `json:"id"`
	Name       string      `json:"name"`
	Disabled   bool        `json:"disabled,omitempty"`
	Any        bool        `json:"any,omitempty"` // one condition suffices; otherwise all must hold
	Conditions []Condition `json:"conditions,omitempty"`
	Actions    []Action    `json:"actions"`
	Otherwise  []Action    `json:"otherwise,omitempty"`
}

// Condition is one group of a step's conditions: exactly one field is set.
type Condition struct {
	WeeklyHours  *WeeklyHours  `json:"weeklyHours,omitempty"`
	CallerFilter *CallerFilter `json:"callerFilter,omitempty"`
}

// WeeklyHours holds when one of its rows does.
type WeeklyHours struct {
	Rows []HoursRow `json:"rows"`
}

// HoursRow is From (inclusive) to To (exclusive) on each of Days. A row whose
// To is not after From crosses midnight into the following day.
type HoursRow struct {
	Days []time.Weekday `json:"days"`
	From int            `json:"from"` // minutes after midnight, 0–1439
	To   int            `json:"to"`   // minutes after midnight, 0–1440
}

// CallerFilter compares a number with prefixes: a white list holds when one
// fits, a black list when none does.
type CallerFilter struct {
	Dialed    bool     `json:"dialed,omitempty"` // the dialled number instead of the caller's
	BlackList bool     `json:"blackList,omitempty"`
	Prefixes  []string `json:"prefixes"` // digits, + allowed in front
}

// Prompt names something to be heard: an uploaded sound, a voice text, or a
// sound that is built in. At most one field is set; none is silence.
type Prompt struct {
	Sound     string `json:"sound,omitempty"`     // id of a Sound
	VoiceText string `json:"voiceText,omitempty"` // id of a VoiceText
	Builtin   string `json:"builtin,omitempty"`   // one of Builtins
}

// IsZero tells whether p names nothing.
func (p Prompt) IsZero() bool { return p == Prompt{} }
