package call

import (
	"time"

	"github.com/carillon-cc/carillon/media"
)

// Phase says how far a call between two parties has come.
type Phase string

// The phases. A call that came in is in PhaseNone until somebody talks.
const (
	PhaseNone    Phase = ""
	PhaseCalling Phase = "calling" // somebody is called, who does not ring yet
	PhaseRinging Phase = "ringing"
	PhaseTalking Phase = "talking"
)

// View is what others may know of a call: a copy, made after each change.
type View struct {
	ID          string
	Direction   Direction
	Phase       Phase
	From        string
	FromName    string
	To          string
	Keys        string // what the caller has pressed, the last 64
	Codec       media.Codec
	Started     time.Time
	Agent       string // id of the agent who talks, "" where there is none
	LastAgent   string // id of who talked last, "" before the first
	Queue       string // name of the queue from which the agent got the call
	Connected   time.Time
	Muted       bool
	Held        bool
	AgentAway   bool
	CallerHolds bool
	Recording   bool
	Over        bool
	Cause       Cause // when over
}

// changed publishes the call as it is now.
func (c *Call) changed() {
	if c.options.Changed == nil {
		return
	}
	v := View{
		ID:        c.id,
		From:      c.info.From,
		FromName:  c.CallerName(),
		To:        c.info.To,
		Keys:      string(c.pressed),
		Codec:     c.leg.Codec(),
		Started:   c.record.Started,
		LastAgent: c.record.Agent, CallerHolds: c.held,
		Recording: c.recorder != nil,
		Over:      c.over,
		Cause:     c.cause,
	}
	if a := c.agent; a != nil {
		v.Agent, v.Queue, v.Connected = a.Agent, a.Talker.Queue, a.connected
		v.Muted, v.Held, v.AgentAway = a.muted, a.held, a.away
	}
	c.options.Changed(v)
}
