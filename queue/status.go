package queue

import (
	"cmp"
	"slices"
	"time"
)

// State is what an agent does, as people see it.
type State string

// The states (spec 6.3).
const (
	Offline       State = "offline"
	Away          State = "away"
	Ready         State = "ready"
	Ringing       State = "ringing"
	Talking       State = "talking"
	WrapUp        State = "wrapUp"
	NotResponding State = "notResponding"
)

// AgentStatus is everything about an agent that others see. It is derived from
// the live offer, the live calls, the wrap-up lease and the device.
type AgentStatus struct {
	Agent      string
	State      State
	Reason     string    // of Away
	Since      time.Time // when State began
	Reachable  bool
	Why        string      // not reachable
	Calls      []AgentCall // not to be changed
	WrapUpEnds time.Time   // zero unless State is WrapUp
	Next       NextState   // chosen for after the call
	// Intent is the state in which the agent is when nothing goes on: Ready, Away
	// or NotResponding.
	Intent State
}

// AgentCall is a call in which an agent talks.
type AgentCall struct {
	ID    string
	Queue string // id; "" for a call that does not come from a queue
	Since time.Time
}

func (s AgentStatus) equal(t AgentStatus) bool {
	return s.Agent == t.Agent && s.State == t.State && s.Reason == t.Reason && s.Since.Equal(t.Since) &&
		s.Reachable == t.Reachable && s.Why == t.Why && slices.Equal(s.Calls, t.Calls) &&
		s.WrapUpEnds.Equal(t.WrapUpEnds) && s.Next == t.Next && s.Intent == t.Intent
}

// state derives the agent's state.
func (a *agent) state() State {
	switch {
	case len(a.calls) > 0:
		return Talking // also while the page reloads
	case a.device == nil:
		return Offline
	case a.offer != nil:
		return Ringing
	case a.wrapUp != nil:
		return WrapUp
	}
	return a.intent.state
}

// status derives the agent's status; since is when the state began.
func (a *agent) status(since time.Time) AgentStatus {
	s := AgentStatus{
		Agent: a.id, State: a.state(), Since: since, Reachable: a.reachable, Why: a.why,
		Calls: a.calls[:len(a.calls):len(a.calls)], Next: a.next, Intent: a.intent.state,
	}
	switch s.State {
	case Away:
		s.Reason = a.intent.reason
	case WrapUp:
		s.WrapUpEnds = a.ends
	}
	return s
}

// publish tells an agent's status to those who do not know it.
func (e *Engine) publish(a *agent) {
	since := a.shown.Since
	if a.state() != a.shown.State {
		since = time.Now()
	}
	s := a.status(since)
	changed := !s.equal(a.shown)
	if device := cmp.Or(a.device, a.leaving); device != nil && (changed || a.greet) {
		e.outbox.put(func() { device.StatusChanged(s) })
	}
	a.shown, a.greet, a.leaving = s, false, nil
	if !changed {
		return
	}
	for _, m := range a.places {
		e.change(m.room)
	}
	if tell := e.options.AgentChanged; tell != nil {
		e.outbox.put(func() { tell(s) })
	}
}

// Agent returns an agent's status; one whom the engine does not know is
// offline.
func (e *Engine) Agent(id string) AgentStatus {
	e.mu.Lock()
	defer e.mu.Unlock()
	if a := e.agents[id]; a != nil {
		return a.status(a.shown.Since)
	}
	return AgentStatus{Agent: id, State: Offline}
}

// Agents returns the status of every configured agent, by id.
func (e *Engine) Agents() []AgentStatus {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]AgentStatus, 0, len(e.agents))
	for _, a := range e.agents {
		if a.known {
			all = append(all, a.status(a.shown.Since))
		}
	}
	slices.SortFunc(all, func(s, t AgentStatus) int { return cmp.Compare(s.Agent, t.Agent) })
	return all
}

// QueueStatus is what goes on in a queue.
type QueueStatus struct {
	Queue        string
	Waiting      int           // callers, those who ring included
	Offered      int           // callers who ring at an agent
	LongestSince time.Time     // arrival of who waits longest; zero when nobody waits
	Agents       map[State]int // members by state
	Unreachable  int           // members in state Ready whose device fails
}

// Queue returns what goes on in a queue, and whether there is such a queue.
func (e *Engine) Queue(id string) (QueueStatus, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.rooms[id]
	if r == nil {
		return QueueStatus{}, false
	}
	s := QueueStatus{Queue: id, Waiting: len(r.line), Agents: make(map[State]int)}
	for _, c := range r.line {
		if len(c.offers) > 0 {
			s.Offered++
		}
		if s.LongestSince.IsZero() || c.Since.Before(s.LongestSince) {
			s.LongestSince = c.Since
		}
	}
	for _, m := range r.members {
		if !m.agent.known {
			continue
		}
		state := m.agent.state()
		s.Agents[state]++
		if state == Ready && !m.agent.reachable {
			s.Unreachable++
		}
	}
	return s, true
}
