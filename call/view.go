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
	// PhaseNotReached follows a call that was not answered; View.Cause says why.
	PhaseNotReached Phase = "notReached"
)

// View is what others may know of a call: a copy, made after each change. Where
// two agents talk with each other each of them gets a view.
type View struct {
	ID          string
	Direction   Direction
	Phase       Phase
	Early       bool // the network of who is called is heard, not our ring-back
	From        string
	FromName    string
	To          string
	ToName      string      // of who is called, of a call that did not come in
	Keys        string      // what the caller has pressed, the last 64
	Codec       media.Codec // that the agent is to send
	Started     time.Time
	Agent       string // id of the agent who talks or calls, "" where there is none
	LastAgent   string // id of who did last, "" before the first
	Left        Reason // why LastAgent, who is not Agent, left the call, which goes on
	Queue       string // name of the queue from which the agent got the call
	Connected   time.Time
	Muted       bool
	Held        bool
	AgentAway   bool
	CallerHolds bool // the other party's telephone holds us
	Recording   bool
	Over        bool
	Cause       Cause // when over, or not reached
	// Again marks the view of a second agent: who counts calls skips it.
	Again bool
}

// changed publishes the call as it is now.
func (c *Call) changed() {
	if c.options.Changed == nil {
		return
	}
	again := false
	for slot := range c.parties {
		if c.agents[slot] != "" {
			v := c.view(slot)
			v.Again = again
			again = true
			c.options.Changed(v)
		}
	}
	if !again {
		c.options.Changed(c.view(calledSlot))
	}
}

// view is the call as the agent of a seat sees it.
func (c *Call) view(slot int) View {
	v := View{
		ID:        c.id,
		Direction: c.info.Direction,
		Phase:     c.phase,
		Early:     c.early,
		From:      c.info.From,
		FromName:  c.CallerName(),
		To:        c.info.To,
		ToName:    c.info.ToName,
		Keys:      string(c.pressed),
		Codec:     c.codecOf(slots - 1 - slot),
		Started:   c.record.Started,
		LastAgent: c.agents[slot],
		Recording: c.recorder != nil,
		Over:      c.over,
		Cause:     c.cause,
	}
	if c.phase == PhaseNotReached && !c.over {
		v.Cause = c.missed
	}
	if p := c.parties[calledSlot]; p != nil {
		v.Connected = p.connected
	}
	p := c.parties[slot]
	if c.parked != nil && c.parked.slot == slot {
		p = c.parked // who may get the talk of before back
	}
	if p != nil {
		v.Agent, v.Queue = p.Agent, p.Talker.Queue
		v.Muted, v.Held, v.AgentAway = p.muted, p.held, p.away
	}
	if v.Agent != v.LastAgent {
		v.Left = c.partings[slot]
	}
	if p := c.parties[slots-1-slot]; p != nil {
		v.CallerHolds = p.holds
	}
	return v
}
