// Package call is the life of a call: legs, who hears whom, the one goroutine
// that owns a call, and how it ends. It knows neither SIP nor browsers nor a
// database.
package call

import (
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
)

// Leg is whatever sends and receives sound for one party of a call: a SIP
// dialog, a browser's line. A leg belongs to at most one call at a time.
type Leg interface {
	// WritePacket sends a packet to the party. It follows media.Sink's rules.
	media.Sink
	// ID names the leg in logs and events; it is unique in the process.
	ID() string
	// Codec is what the party is sent, and what it should send. It may change
	// during a call.
	Codec() media.Codec
	// Listen says where the party's packets and events go from now on and
	// replaces what an earlier Listen said. Events that happened before the
	// first Listen are kept for it. The zero Listener stops both.
	Listen(l Listener)
	// Hangup ends the party's part in the call. It returns at once and may be
	// called more than once, from any goroutine.
	Hangup(cause Cause)
}

// Listener takes what a leg receives. Packets runs in the goroutine that read
// the packet; Events may run in any goroutine and only posts. Either may be nil.
type Listener struct {
	Packets media.Sink
	Events  func(Event)
}

// CallerLeg is the leg of somebody who calls us, not yet answered. Its methods
// are called by the call's goroutine alone.
type CallerLeg interface {
	Leg
	// Ring tells the caller that the call has arrived (SIP 180).
	Ring()
	// Progress has the caller hear us before the answer (SIP 183 with SDP). The
	// error says why that is not possible; the caller then rings on.
	Progress() error
	// Answer accepts the call (SIP 200). Sound may flow both ways when it
	// returns. A second Answer does nothing.
	Answer() error
	// Refuse ends a call that was not answered.
	Refuse(cause Cause)
}

// CalledLeg is the leg of somebody whom we call. It posts Ringing, perhaps
// Forwarded, and then Answered or Gone. Hangup before the answer gives up.
type CalledLeg interface {
	Leg
	QualityReporter
}

// Trunked is a leg that we call and that may go out through a trunk.
type Trunked interface {
	Trunk() string // id of the ccs.Trunk; "" where it goes to a line
}

// QualityReporter is a leg that measures how well its packets travel. Any
// goroutine may ask, also when the leg is over.
type QualityReporter interface {
	Quality() ccs.LegQuality // without Leg and Name
}

// DigitSender is a leg that can send telephone digits to its party. SendDigit
// returns at once; digits are sent one after the other.
type DigitSender interface {
	SendDigit(digit byte)
}
