package call

import "time"

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

// Ringing says that a leg which we call rings. With Early the network sends
// sound of its own, a ring-back or a message, which the leg passes on; without,
// the caller is to hear a ring-back of ours. It may come more than once.
type Ringing struct {
	Leg   Leg
	Early bool
}

// Answered says that a leg which we call was answered. Sound may flow both ways.
type Answered struct{ Leg Leg }

// Forwarded says that a leg which we call is asked for at another number
// (SIP 3xx). If it is followed the leg goes on ringing there by itself.
type Forwarded struct {
	Leg Leg
	To  string
}

// Refer says that a party's telephone asks us to send the other party to a
// number (REFER). Report tells it how that went, once: with a SIP status code,
// 200 when the number answered. Without Report nobody waits for it.
type Refer struct {
	Leg Leg
	To  string
	// Replaces is the leg that the same telephone has in another call of ours
	// (Refer-To with Replaces): whom it talks with there and the other party of
	// this call are to be connected. To means nothing then.
	Replaces Leg
	Report   func(status int)
}

// Replaced says that a party goes on with another telephone (an INVITE with
// Replaces): By takes Leg's place, is answered already and must be listened to.
type Replaced struct {
	Leg, By Leg
}

// Held says that a party's telephone put us on hold, or took us back.
type Held struct {
	Leg Leg
	On  bool
	// Silent says that it sends nothing meanwhile, not even music of its own.
	Silent bool
}

// CodecChanged says that Leg.Codec changed during the call.
type CodecChanged struct{ Leg Leg }

// End ends the call from outside: a shutdown, an administrator.
type End struct {
	Cause Cause
}

// The requests of the agent who talks. A request of somebody who is not in the
// call is ignored.
type (
	// Mute stops the agent's voice from reaching anybody.
	Mute struct {
		Agent string
		On    bool
	}
	// Hold gives the caller music instead of the agent.
	Hold struct {
		Agent string
		On    bool
	}
	// Press sends a telephone key to the caller.
	Press struct {
		Agent string
		Digit byte
	}
	// HangUp ends the call.
	HangUp struct {
		Agent string
	}
	// AgentAway says that the agent's page went away, perhaps to come back: the
	// caller hears music for Grace at most. SignedOut is for the record.
	AgentAway struct {
		Agent     string
		Grace     time.Duration
		SignedOut bool
	}
	// AgentBack gives the call the agent's new leg after a reload, a lost
	// connection, or from another computer.
	AgentBack struct {
		Agent string
		Leg   Leg
	}
)

// result carries the outcome of work that was done outside the call's
// goroutine back to it.
type result struct {
	of    *int // tells apart the works that are under way
	value any
	err   error
}

// played says that a player ran out.
type played struct{ player uint64 }
