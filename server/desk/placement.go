package desk

import (
	"fmt"

	"github.com/carillon-cc/carillon/call"
)

// Placement is a call that an agent wants to make.
type Placement struct {
	ID    string // of the call, a ULID; it may be reserved with the engine already
	Agent string // id
	Name  string
	Leg   call.Leg // on which the agent talks
	// Telephone says that Leg is no browser's.
	Telephone bool
	// To is a number as it was typed, one of our own numbers or lines among
	// them, or where Colleague is set the id of an agent.
	To        string
	Colleague bool
}

// NotPlacedError says why a call was not even tried.
type NotPlacedError struct {
	Reason call.Reason // has its words under "cause.<reason>"
}

// Error is for logs.
func (e *NotPlacedError) Error() string { return fmt.Sprintf("the call was not placed: %s", e.Reason) }
