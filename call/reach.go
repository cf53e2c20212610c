package call

import (
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// Reaching is an attempt to reach somebody by telephone.
type Reaching struct {
	Leg  CalledLeg
	Line string // id of the ccs.Line that rings; "" for a number
	Name string // of who is called, for timeline and view
	By   string // id of the agent or line that pays for the call; "" for a plan
	// Timeout is how long they may ring; negative for as long as it takes.
	Timeout time.Duration
	// Early lets who waits hear the sound that the network sends before the
	// answer, its own ring-back or a message. Otherwise our ring-back is heard.
	Early bool
}

// Reach has who began the call wait, with a ring-back, until the leg is answered
// and can be given to Talk: the cause is zero then. Otherwise the leg is over and
// the cause says why. Keys pressed meanwhile are dropped: they were meant for
// nothing that is asked later.
func (c *Call) Reach(r Reaching) (Cause, error) {
	if c.over {
		r.Leg.Hangup(c.cause)
		return Cause{}, ErrOver
	}
	p := &party{slot: calledSlot, early: true, Talker: Talker{Line: r.Line, Name: r.Name, Leg: r.Leg, Telephone: true}}
	c.phase, c.early = PhaseCalling, false
	if c.parties[callerSlot].Agent == "" {
		// A caller whom a plan answered would take the silence until the network
		// rings for a lost call. An agent sees what is going on.
		c.ringBack()
	}
	c.sit(p)
	c.noteTrunk(r)
	c.changed()
	cause := Cause{By: ByCalled, Reason: ReasonNoAnswer}
	answered := false
	_, err := c.Await(r.Timeout, func(e Event) bool {
		switch e := e.(type) {
		case Ringing:
			if e.Leg == r.Leg {
				c.rings(r, e.Early && r.Early)
			}
		case Forwarded:
			if e.Leg == r.Leg {
				c.Note(ccs.CallEvent{Kind: ccs.EventForwarded, Name: r.Name, Object: r.Line, Digits: e.To})
			}
		case Answered:
			answered = e.Leg == r.Leg
			return answered
		case Gone:
			if e.Leg == r.Leg {
				cause = e.Cause
				return true
			}
		}
		return false
	})
	if err != nil {
		return Cause{}, err
	}
	if answered {
		c.stopMusic()
		return Cause{}, nil
	}
	c.leave(p, Cause{By: BySystem, Reason: cause.Reason})
	c.NotReached(r.Name, r.Line, cause)
	return cause, nil
}

// Dialled is a call that went out through a trunk for a call, in another way than
// by Reach: to an agent's own telephone.
type Dialled struct {
	Name  string // of who is called
	Trunk string // id of the ccs.Trunk
	By    string // id of who pays
}

// noteTrunk notes through which trunk a call goes out.
func (c *Call) noteTrunk(r Reaching) {
	trunk := trunkOf(r.Leg)
	if trunk != "" && c.info.Direction == Out {
		c.record.Trunk = trunk
	}
	c.dialled(Dialled{Name: r.Name, Trunk: trunk, By: r.By})
}

// dialled notes a call through a trunk: the record tells who has paid for what,
// also after a restart.
func (c *Call) dialled(d Dialled) {
	if d.Trunk != "" {
		c.Note(ccs.CallEvent{Kind: ccs.EventDialled, Name: d.Name, Trunk: d.Trunk, By: d.By})
	}
}

// trunkOf is the trunk that a leg was called through, "" for none.
func trunkOf(leg Leg) string {
	if via, ok := leg.(Trunked); ok {
		return via.Trunk()
	}
	return ""
}

// rings follows the ringing of who is called. Once the network is heard our own
// ring-back does not come back: the two would sound over each other.
func (c *Call) rings(r Reaching, early bool) {
	first := c.phase != PhaseRinging
	c.phase = PhaseRinging
	switch {
	case early && !c.early:
		c.early = true
		c.stopMusic()
		if !c.answered && c.caller != nil {
			err := c.caller.Progress()
			if err != nil {
				c.log.Debug("the sound before the answer cannot be passed on", "err", err)
			}
			c.progress = err == nil
		}
	case !early && !c.early && first:
		c.ringBack()
	}
	c.seat()
	if !first && !early {
		return
	}
	e := ccs.CallEvent{Kind: ccs.EventRinging, Name: r.Name, Object: r.Line}
	if early {
		e.Reason = "early"
	}
	c.Note(e)
	c.changed()
}

// Rings tells who began the call that somebody rings who is reached in another
// way than by Reach, such as an agent's browser.
func (c *Call) Rings(name string) {
	c.phase = PhaseRinging
	c.ringBack()
	c.Note(ccs.CallEvent{Kind: ccs.EventRinging, Name: name})
	c.changed()
}

// NotReached notes that somebody who was called did not answer. name and object
// are those of who was called.
func (c *Call) NotReached(name, object string, cause Cause) {
	c.phase, c.early = PhaseNotReached, false
	c.missed = cause
	c.stopMusic()
	c.DropKeys()
	c.Note(ccs.CallEvent{
		Kind: ccs.EventNotReached, Name: name, Object: object,
		Reason: string(cause.Reason), Status: cause.Status, Q850: cause.Q850,
	})
	c.changed()
}

// ringBack has who began the call hear that it rings: one who hears us by our
// tone, a telephone that does not makes its own (the 180 was sent on arrival).
func (c *Call) ringBack() {
	p := c.parties[callerSlot]
	if (c.answered || c.progress) && !c.over && c.options.RingBack != nil && p.tune != c.options.RingBack {
		p.play(c.options.Pacer, c.options.RingBack)
	}
}
