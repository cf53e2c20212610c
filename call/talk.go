package call

import (
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
)

// lostGrace is how long a caller hears music while an agent whose connection
// was lost without a word comes back (spec 6.4).
const lostGrace = 30 * time.Second

// Talker is an agent who takes the call.
type Talker struct {
	Agent string // id
	Name  string
	Queue string // name, for the view
	Leg   Leg
}

// TalkEnd says how a talk ended with the caller still there.
type TalkEnd uint8

// TalkAgentLost is that the agent went away and did not come back.
const TalkAgentLost TalkEnd = 1

type agentSeat struct {
	Talker
	connected time.Time
	muted     bool
	held      bool
	away      bool // the page is gone, perhaps to come back
	absence   int  // counts how often
	timer     *time.Timer
}

// graceOver says that an agent who went away has not come back in time.
type graceOver struct {
	seat    *agentSeat
	absence int // one that is over means nothing
}

// Talk connects the agent and the caller until one of them ends the call
// (ErrOver) or the agent is lost for good, when the caller is still there and
// hears music.
func (c *Call) Talk(t Talker) (TalkEnd, error) {
	if err := c.Answer(); err != nil {
		t.Leg.Hangup(c.cause)
		return 0, err
	}
	a := &agentSeat{Talker: t, connected: time.Now().UTC()}
	c.agent = a
	c.record.Agent = t.Agent
	if c.record.Connected.IsZero() {
		c.record.Connected = a.connected
	}
	c.stopMusic()
	c.attach(a, t.Leg)
	c.Note(ccs.CallEvent{Kind: ccs.EventConnected, Agent: t.Agent, Name: t.Name})
	c.changed()
	lost := false
	_, err := c.Await(-1, func(e Event) bool {
		lost = c.talkEvent(a, e)
		return lost || c.over
	})
	if err != nil || c.over {
		return 0, ErrOver
	}
	c.letAgentGo(Cause{By: ByAgent, Reason: ReasonAgentLost})
	c.Note(ccs.CallEvent{Kind: ccs.EventAgentLost, Agent: t.Agent, Name: t.Name, Reason: "gone"})
	c.changed()
	return TalkAgentLost, nil
}

// talkEvent handles an event of the talk with a; it tells whether the agent is
// lost for good.
func (c *Call) talkEvent(a *agentSeat, e Event) bool {
	switch e := e.(type) {
	case Gone:
		if e.Leg == a.Leg {
			c.agentAway(a, lostGrace)
		}
	case AgentAway:
		if e.Agent == a.Agent {
			c.agentAway(a, e.Grace)
		}
	case AgentBack:
		if e.Agent == a.Agent {
			c.agentBack(a, e.Leg)
		}
	case graceOver:
		return e.seat == a && a.away && e.absence == a.absence
	case Mute:
		if e.Agent == a.Agent && e.On != a.muted {
			a.muted = e.On
			c.noteSwitch(e.On, ccs.EventMuted, ccs.EventUnmuted)
		}
	case Hold:
		if e.Agent == a.Agent && e.On != a.held {
			a.held = e.On
			c.noteSwitch(e.On, ccs.EventHeld, ccs.EventResumed)
		}
	case Press:
		if sender, ok := Leg(c.leg).(DigitSender); ok && e.Agent == a.Agent {
			sender.SendDigit(e.Digit)
		}
	case HangUp:
		if e.Agent == a.Agent {
			c.end(Cause{By: ByAgent, Reason: ReasonHangup})
		}
	}
	return false
}

func (c *Call) noteSwitch(on bool, begin, end ccs.EventKind) {
	kind := end
	if on {
		kind = begin
	}
	c.Note(ccs.CallEvent{Kind: kind, Agent: c.agent.Agent, Name: c.agent.Name})
	c.seat()
	c.changed()
}

// agentAway gives the caller music while the agent's page comes back.
func (c *Call) agentAway(a *agentSeat, grace time.Duration) {
	if a.away {
		return
	}
	a.away = true
	a.Leg.Listen(Listener{})
	a.absence++
	over := graceOver{a, a.absence}
	a.timer = time.AfterFunc(grace, func() { c.Post(over) })
	c.Note(ccs.CallEvent{Kind: ccs.EventAgentLost, Agent: a.Agent, Name: a.Name, Reason: "away"})
	c.seat()
	c.changed()
}

// agentBack goes on with the agent's new leg.
func (c *Call) agentBack(a *agentSeat, leg Leg) {
	if !a.away {
		a.Leg.Listen(Listener{})
		if a.Leg != leg {
			a.Leg.Hangup(Cause{By: BySystem, Reason: ReasonReplaced})
		}
	}
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
	if a.away {
		a.away = false
		c.Note(ccs.CallEvent{Kind: ccs.EventAgentBack, Agent: a.Agent, Name: a.Name})
	}
	c.attach(a, leg)
	c.changed()
}

// attach makes leg the agent's and lays the routes.
func (c *Call) attach(a *agentSeat, leg Leg) {
	a.Leg = leg
	c.seat()
	leg.Listen(Listener{Packets: &inlet{&c.table, agentSlot}, Events: c.Post})
}

// letAgentGo frees the agent's leg. The caller hears music if the call goes on.
func (c *Call) letAgentGo(cause Cause) {
	a := c.agent
	c.agent = nil
	if a.timer != nil {
		a.timer.Stop()
	}
	a.Leg.Listen(Listener{})
	if !a.away {
		a.Leg.Hangup(cause)
	}
	if !c.over {
		c.seat()
	}
}

// The seats of a call's table.
const (
	callerSlot = iota
	agentSlot
	slots
)

// seat derives, from what the call is doing, who hears whom and whether the
// caller hears music.
func (c *Call) seat() {
	seats := [slots]Seat{callerSlot: {Role: Customer}}
	legs := [slots]Leg{callerSlot: c.leg}
	var extra [slots][]media.Sink
	if a := c.agent; a != nil {
		role := Agent
		switch {
		case a.away:
			role = Absent
		case a.held:
			role = OnHold
		}
		seats[agentSlot] = Seat{Role: role, Muted: a.muted}
		legs[agentSlot] = a.Leg
		if c.recorder != nil && role == Agent && !a.muted {
			extra[agentSlot] = []media.Sink{c.recorder.Right()}
		}
		if wantsMusic := a.away || a.held; wantsMusic != (c.music != nil) {
			if wantsMusic {
				c.music = media.Play(c.options.Pacer, c.options.Music, c.leg, true, nil)
			} else {
				c.stopMusic()
			}
		}
	}
	if c.recorder != nil {
		extra[callerSlot] = []media.Sink{c.recorder.Left()}
	}
	c.table.Store(newTable(seats[:], legs[:], extra[:]))
}
