package ccs

import "time"

// CallRecord is everything that happened to one call. Events are the truth;
// the other fields say the same in a form that lists and searches need.
type CallRecord struct {
	Meta
	Direction string    `json:"direction"` // "in", "out" or "internal"
	From      string    `json:"from"`
	FromName  string    `json:"fromName,omitempty"`
	To        string    `json:"to"`
	ToName    string    `json:"toName,omitempty"` // of who was called, of a call that did not come in
	Trunk     string    `json:"trunk,omitempty"`
	Line      string    `json:"line,omitempty"` // id of the Line that called
	PlanID    string    `json:"planId,omitempty"`
	Version   string    `json:"version,omitempty"` // id of the PlanVersion
	Queue     string    `json:"queue,omitempty"`   // id of the last queue
	Agent     string    `json:"agent,omitempty"`   // id of the last agent who talked
	Started   time.Time `json:"started"`
	Answered  time.Time `json:"answered,omitzero"`   // when the caller first heard us
	Connected time.Time `json:"connected,omitzero"`  // when an agent first talked
	Ended     time.Time `json:"ended,omitzero"`      // zero while the call runs
	EndedBy   string    `json:"endedBy,omitempty"`   // "caller", "agent", "called" or "system"
	Cause     string    `json:"cause,omitempty"`     // a call.Reason
	Recording string    `json:"recording,omitempty"` // id of a Recording
	// Status and Q850 are what the network said when it ended the call; see
	// CallEvent.
	Status  int          `json:"status,omitempty"`
	Q850    int          `json:"q850,omitempty"`
	Quality []LegQuality `json:"quality,omitempty"` // of the legs that are over
	Node    string       `json:"node"`              // which process ran the call
	Events  []CallEvent  `json:"events"`
}

// CallEvent is one entry of a call's timeline.
type CallEvent struct {
	At     time.Time `json:"at"`
	Kind   EventKind `json:"kind"`
	Step   string    `json:"step,omitempty"`   // id of the step being run
	Action string    `json:"action,omitempty"` // id of the action being run
	Object string    `json:"object,omitempty"` // id of the queue, menu, sound or text concerned
	Agent  string    `json:"agent,omitempty"`
	Name   string    `json:"name,omitempty"` // of the object or agent, as it was then
	Digits string    `json:"digits,omitempty"`
	Reason string    `json:"reason,omitempty"`
	// Status and Q850 are what the network said: a SIP status code, and a cause
	// of ITU-T Q.850. 0 where it said nothing.
	Status int `json:"status,omitempty"`
	Q850   int `json:"q850,omitempty"`
	// Trunk and By are the ids of the trunk that a call goes out through and of
	// the agent or line that pays for it, "" for a plan. Only of EventDialled.
	Trunk string `json:"trunk,omitempty"`
	By    string `json:"by,omitempty"`
}

// EventKind says what a CallEvent is about.
type EventKind string

// The kinds of events of a call's timeline.
const (
	EventArrived      EventKind = "arrived"
	EventAnswered     EventKind = "answered"
	EventStep         EventKind = "step"         // Reason: disabled, always, holds, fails
	EventCondition    EventKind = "condition"    // Name: weeklyHours, callerFilter; Reason: holds, fails
	EventAction       EventKind = "action"       // Reason is its kind
	EventActionFailed EventKind = "actionFailed" // Reason: unknownObject, outsideMenu, unknownAction, failed
	EventPrompt       EventKind = "prompt"       // a prompt that is no action; Reason says what it is
	EventMenu         EventKind = "menu"         // Reason: start, or how it was left
	EventKeys         EventKind = "keys"         // Reason: "", wrong, none
	EventLimit        EventKind = "limit"        // Reason: which guard, Name: its value
	EventPlanEnd      EventKind = "planEnd"
	EventQueued       EventKind = "queued"
	EventLeftQueue    EventKind = "leftQueue" // Reason: connected, maxWait, full, closed, …
	EventOffered      EventKind = "offered"
	EventOfferEnded   EventKind = "offerEnded" // Reason: missed, declined, undelivered, withdrawn, failed
	EventConnected    EventKind = "connected"
	EventHeld         EventKind = "held"
	EventResumed      EventKind = "resumed"
	EventMuted        EventKind = "muted"
	EventUnmuted      EventKind = "unmuted"
	EventAgentLost    EventKind = "agentLost"
	EventAgentBack    EventKind = "agentBack"
	EventRecording    EventKind = "recording"
	EventRecordingEnd EventKind = "recordingEnd"
	EventPromptFailed EventKind = "promptFailed"
	EventDialled      EventKind = "dialled"     // Name: the number that is called through a trunk
	EventRinging      EventKind = "ringing"     // Name, Object: who or what is called; Reason: early where the network is heard
	EventNotReached   EventKind = "notReached"  // of a bridge or an outgoing call; Reason: a call.Reason
	EventForwarded    EventKind = "forwarded"   // by who was called; Digits: to which number
	EventTransferred  EventKind = "transferred" // by a party's telephone (REFER, Replaces)
	EventEnded        EventKind = "ended"
)

// LegQuality is how well the packets of one leg travelled.
type LegQuality struct {
	Leg      string `json:"leg"` // "caller", "agent" or "called"
	Name     string `json:"name,omitempty"`
	Codec    string `json:"codec"`
	Received uint64 `json:"received"` // packets
	Sent     uint64 `json:"sent"`
	Lost     int64  `json:"lost"` // of those that should have been received
	// RemoteLost is what the peer says that it did not get, in ‰ of what we sent.
	RemoteLost int     `json:"remoteLost,omitempty"`
	Jitter     Millis  `json:"jitter"`
	RTT        Millis  `json:"rtt,omitempty"` // 0 where the peer sent no RTCP
	MOS        float64 `json:"mos"`           // 1–4.5, 0 where nothing was received
}

// Recording is the sound of a call: stereo, the caller left, agents right.
type Recording struct {
	Meta
	CallID   string    `json:"callId"`
	QueueID  string    `json:"queueId,omitempty"`
	Blob     string    `json:"blob"`
	Started  time.Time `json:"started"`
	Duration Millis    `json:"duration"`
	Size     int64     `json:"size"` // bytes
	// Repaired tells that the process ended in the middle and that the file
	// was closed at the next start.
	Repaired bool `json:"repaired,omitempty"`
}
