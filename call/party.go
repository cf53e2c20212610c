package call

import (
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
)

// lostGrace is how long the other party hears music while an agent whose
// connection was lost without a word comes back (spec 6.4).
const lostGrace = 30 * time.Second

// maxQuality bounds the legs of which a record tells the quality.
const maxQuality = 50

// The seats of a call's table. Who began the call sits in callerSlot: a caller,
// or an agent who calls somebody. Who was called sits in calledSlot: an agent,
// a line, a number.
const (
	callerSlot = iota
	calledSlot
	slots
)

// Talker is who takes a call.
type Talker struct {
	Agent string // id; "" for a line or a number that was called
	Line  string // id of the ccs.Line whose telephone it is; "" for others
	Name  string
	Queue string // name, for the view; "" for a call that comes from none
	Leg   Leg
	// Telephone says that the leg is no browser's: it cannot come back when it
	// is lost, and hanging it up ends the call.
	Telephone bool
}

// party is somebody who takes part in a call. The call's goroutine alone
// touches it.
type party struct {
	Talker
	slot      int
	connected time.Time // when the talk began
	early     bool      // called, not yet answered
	muted     bool
	held      bool // holds the other party, by the agent's page
	away      bool // the page is gone, perhaps to come back
	lost      bool // for good
	absence   int  // counts how often
	timer     *time.Timer
	left      chan struct{} // closed when the leg is let go; nil for nobody
	// holds and silent are about the party's own telephone: it holds us, and
	// sends nothing meanwhile.
	holds, silent bool

	music *media.Player // what the party hears of ours over and over
	tune  *media.Prompt // that music plays
}

// role is the party's part in who hears whom.
func (p *party) role() Role {
	switch {
	case p.away:
		return Absent
	case p.early:
		return Early
	case p.held:
		return OnHold
	case p.Agent != "":
		return Agent
	}
	return Customer
}

// deaf tells whether the other party is to hear our music instead of this one.
func (p *party) deaf() bool { return p.away || p.held || p.holds && p.silent }

// by is whom a cause names when the party ends the call.
func (p *party) by() Party {
	switch {
	case p.Agent != "":
		return ByAgent
	case p.slot == callerSlot:
		return ByCaller
	}
	return ByCalled
}

func (p *party) play(pacer *media.Pacer, tune *media.Prompt) {
	p.stopMusic()
	p.tune, p.music = tune, media.Play(pacer, tune, p.Leg, true, nil)
}

func (p *party) stopMusic() {
	if p.music != nil {
		p.music.Stop()
		p.music, p.tune = nil, nil
	}
}

// other is the party on the other side, nil while there is none.
func (c *Call) other(p *party) *party { return c.parties[slots-1-p.slot] }

// on is the party that talks on a leg, nil where there is none.
func (c *Call) on(leg Leg) *party {
	for _, p := range c.parties {
		if p != nil && p.Leg == leg {
			return p
		}
	}
	return nil
}

// agentOf is the party that an agent is, nil where the agent is not in the call.
func (c *Call) agentOf(agent string) *party {
	for _, p := range c.parties {
		if p != nil && agent != "" && p.Agent == agent && !p.early {
			return p
		}
	}
	return nil
}

// browserOf is agentOf for an agent who talks in a browser, whose leg comes and
// goes with the page.
func (c *Call) browserOf(agent string) *party {
	if p := c.agentOf(agent); p != nil && !p.Telephone {
		return p
	}
	return nil
}

// sit gives a party its seat.
func (c *Call) sit(p *party) {
	c.parties[p.slot] = p
	if p.Agent != "" {
		c.agents[p.slot] = p.Agent
	}
	c.attach(p, p.Leg)
}

// attach makes leg the party's and lays the routes.
func (c *Call) attach(p *party, leg Leg) {
	p.Leg = leg
	c.seat()
	if p.music != nil {
		p.play(c.options.Pacer, p.tune) // to the new leg
	}
	c.manager.seated(leg, c)
	leg.Listen(Listener{Packets: &inlet{&c.table, p.slot}, Events: c.Post})
}

// detach stops listening to a party's leg.
func (c *Call) detach(p *party) {
	p.Leg.Listen(Listener{})
	c.manager.seated(p.Leg, nil)
}

// letGo tells whoever waits for the party's leg that the call has let it go.
func (p *party) letGo() {
	if p.left != nil {
		close(p.left)
		p.left = nil
	}
}

// leave frees a party's seat and lets its leg go.
func (c *Call) leave(p *party, cause Cause) {
	if c.parties[p.slot] == p {
		c.parties[p.slot] = nil
	}
	p.stopMusic()
	if p.timer != nil {
		p.timer.Stop()
	}
	c.detach(p)
	if !p.away {
		p.Leg.Hangup(cause)
	}
	c.noteQuality(p)
	p.letGo()
	if !c.over {
		c.seat()
		if p.Agent != "" {
			c.partings[p.slot] = cause.Reason
		}
		c.agentLeft(p.Agent)
	}
}

// agentLeft tells of an agent, if it was one, without whom the call goes on.
func (c *Call) agentLeft(agent string) {
	if agent != "" && c.options.AgentLeft != nil {
		c.options.AgentLeft(c, agent)
	}
}

// noteQuality keeps how well the packets of a leg travelled that is over.
func (c *Call) noteQuality(p *party) {
	reporter, ok := p.Leg.(QualityReporter)
	if !ok || len(c.record.Quality) >= maxQuality {
		return
	}
	q := reporter.Quality()
	if q.Received == 0 && q.Sent == 0 {
		return // never answered
	}
	q.Leg, q.Name = "called", p.Name
	switch {
	case p.Agent != "":
		q.Leg = "agent"
	case p.slot == callerSlot:
		q.Leg = "caller"
	}
	// A copy: the record before may be on its way into the store.
	c.record.Quality = append(c.record.Quality[:len(c.record.Quality):len(c.record.Quality)], q)
}

// seat derives, from what the call is doing, who hears whom and whether a party
// hears music.
func (c *Call) seat() {
	var seats [slots]Seat
	var legs [slots]Leg
	var extra [slots][]media.Sink
	for i, p := range c.parties {
		if p == nil {
			continue
		}
		seats[i], legs[i] = Seat{Role: p.role(), Muted: p.muted}, p.Leg
		if p.early && !c.early {
			seats[i].Role = Absent // what the network sends is not wanted
		}
	}
	if c.recorder != nil {
		extra[callerSlot] = []media.Sink{c.recorder.Left()}
		if p := c.parties[calledSlot]; p != nil && !p.muted && (p.role() == Agent || p.role() == Customer) {
			extra[calledSlot] = []media.Sink{c.recorder.Right()}
		}
	}
	if caller, called := c.parties[callerSlot], c.parties[calledSlot]; caller != nil && called != nil && !called.early {
		c.music(caller, called.deaf())
		c.music(called, caller.deaf() && !called.deaf())
	}
	c.table.Store(newTable(seats[:], legs[:], extra[:]))
}

// music has a party of a talk hear the hold music, or not.
func (c *Call) music(p *party, wanted bool) {
	switch {
	case wanted && p.music == nil:
		p.play(c.options.Pacer, c.options.Music)
	case !wanted:
		p.stopMusic()
	}
}

// noteSwitch notes what an agent switched on or off and puts it into effect.
func (c *Call) noteSwitch(p *party, on bool, begin, end ccs.EventKind) {
	kind := end
	if on {
		kind = begin
	}
	c.Note(ccs.CallEvent{Kind: kind, Agent: p.Agent, Name: p.Name})
	c.seat()
	c.changed()
}
