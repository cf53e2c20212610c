package ccs

import "time"

// Alarm is an outgoing call that a guard of a trunk stopped.
type Alarm struct {
	Meta
	At     time.Time `json:"at"`
	Trunk  string    `json:"trunk"` // id
	Guard  string    `json:"guard"`
	Detail string    `json:"detail,omitempty"`
	By     string    `json:"by,omitempty"`     // id of the agent or line; "" for a plan
	Number string    `json:"number,omitempty"` // that was to be called, as it was dialled
	// Forward tells that who was called wanted it called, by a forward.
	Forward bool `json:"forward,omitempty"`
}
