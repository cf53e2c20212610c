package call

// Event is what a call's goroutine is told: by legs, by the queue engine, by
// the agent's desk. Events are plain data; posting one never blocks.
type Event any

// Digit is a telephone key that a party pressed: one of 0-9 * # A-D.
type Digit struct {
	Leg   Leg
	Digit byte
}

// Gone says that a leg's party hung up or was lost. The leg is of no further
// use.
type Gone struct {
	Leg   Leg
	Cause Cause
}
