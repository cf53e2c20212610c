package queue

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/internal/leaks"
)

func TestMain(m *testing.M) {
	watchFairness()
	leaks.Verify(m)
}

// office is an engine with its agents' desks and its callers' telephones.
type office struct {
	t      testing.TB
	e      *Engine
	queues map[string]*ccs.Queue
	agents map[string]*ccs.Agent
	desks  map[string]*desk
	phones map[string]*phone
}

// desk is a device that says at once that it shows an offer, unless deaf.
type desk struct {
	office *office
	agent  string

	mu        sync.Mutex
	deaf      bool
	onOffer   func(Offer)
	ringing   *Offer
	withdrawn []string // reason, or reason and who took it
	status    AgentStatus
}

func (d *desk) Offer(o Offer) {
	d.mu.Lock()
	if d.ringing != nil {
		d.office.t.Errorf("%s is offered %s while %s rings", d.agent, o.Caller, d.ringing.Caller)
	}
	d.ringing = &o
	deaf, then := d.deaf, d.onOffer
	d.mu.Unlock()
	if !deaf {
		d.office.e.Delivered(o.ID)
	}
	if then != nil {
		then(o)
	}
}

func (d *desk) Withdraw(o Offer, why WithdrawReason, takenBy string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ringing != nil && d.ringing.ID == o.ID {
		d.ringing = nil
	}
	s := string(why)
	if takenBy != "" {
		s += " by " + takenBy
	}
	d.withdrawn = append(d.withdrawn, s)
}

func (d *desk) StatusChanged(s AgentStatus) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.status = s
}

// offer is the id of the offer that rings, or "".
func (d *desk) offer() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ringing == nil {
		return ""
	}
	return d.ringing.ID
}

// caller is the caller who rings, or "".
func (d *desk) caller() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ringing == nil {
		return ""
	}
	return d.ringing.Caller
}

// told is why offers were withdrawn.
func (d *desk) told() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.withdrawn)
}

// shows is the status that the desk was told last.
func (d *desk) shows() AgentStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.status
}

// accept claims an offer. The engine may answer with the next one at once.
func (d *desk) accept(offer string) error {
	d.mu.Lock()
	if d.ringing != nil && d.ringing.ID == offer {
		d.ringing = nil
	}
	d.mu.Unlock()
	return d.office.e.Accept(offer, d.agent, nil)
}

// phone is a caller's call.
type phone struct {
	mu      sync.Mutex
	notices []string // with the agent's id
	agent   string   // connected
	ended   []string // all of Connected, Expired and Closed
}

func (p *phone) notify(n Notice) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch n := n.(type) {
	case Connected:
		p.agent = n.Agent
		p.notices = append(p.notices, "connected "+n.Agent)
		p.ended = append(p.ended, "connected")
	case Expired:
		p.notices = append(p.notices, "expired")
		p.ended = append(p.ended, "expired")
	case Closed:
		p.notices = append(p.notices, "closed")
		p.ended = append(p.ended, "closed")
	case Offered:
		p.notices = append(p.notices, "offered "+n.Agent)
	case OfferEnded:
		p.notices = append(p.notices, string(n.Reason)+" "+n.Agent)
	}
}

func (p *phone) heard() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.notices)
}

// outcome is how the waiting ended, and with whom.
func (p *phone) outcome() (ended []string, agent string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.ended), p.agent
}

// again forgets how former waiting ended.
func (p *phone) again() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = nil
}

// setting changes the office before it opens.
type setting func(*office)

// q adds a queue with members "a", "b" and so on in order.
func q(id string, strategy ccs.Strategy, members string, change ...func(*ccs.Queue)) setting {
	return func(o *office) {
		queue := &ccs.Queue{Meta: ccs.Meta{ID: id}, Name: id, Strategy: strategy}
		for _, agent := range members {
			queue.Members = append(queue.Members, ccs.QueueMember{Agent: string(agent)})
			if o.agents[string(agent)] == nil {
				o.agents[string(agent)] = &ccs.Agent{Meta: ccs.Meta{ID: string(agent)}}
			}
		}
		for _, f := range change {
			f(queue)
		}
		o.queues[id] = queue
	}
}

// agentWith changes an agent.
func agentWith(id string, change func(*ccs.Agent)) setting {
	return func(o *office) { change(o.agents[id]) }
}

// run opens an office in virtual time, with every agent ready, and checks at
// the end that the engine is in order.
func run(t *testing.T, settings []setting, f func(*office)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := open(t, settings...)
		for id := range o.agents {
			o.ready(id)
		}
		f(o)
		o.check()
	})
}

func open(t testing.TB, settings ...setting) *office {
	o := &office{
		t: t, queues: map[string]*ccs.Queue{}, agents: map[string]*ccs.Agent{},
		desks: map[string]*desk{}, phones: map[string]*phone{},
	}
	for _, s := range settings {
		s(o)
	}
	o.e = New(Options{})
	o.e.SetAgents(o.agents)
	o.e.SetQueues(o.queues)
	for id := range o.agents {
		o.desks[id] = &desk{office: o, agent: id}
	}
	return o
}

func (o *office) ready(agents ...string) {
	for _, id := range agents {
		o.e.SignIn(id, o.desks[id])
		o.e.SetReachable(id, true, "")
		o.e.SetReady(id)
	}
}

func (o *office) away(agents ...string) {
	for _, id := range agents {
		o.e.SetAway(id, "")
	}
}

// join has a caller wait in queue "q".
func (o *office) join(ids ...string) {
	o.t.Helper()
	for _, id := range ids {
		if got := o.joinAs(Caller{ID: id, Queue: "q"}); got != Accepted {
			o.t.Fatalf("%s joins: %v, want to be accepted", id, got)
		}
	}
}

func (o *office) joinAs(c Caller) JoinResult {
	p := o.phones[c.ID]
	if p == nil {
		p = &phone{}
		o.phones[c.ID] = p
	}
	c.Notify = p.notify
	return o.e.Join(c)
}

// accept has an agent accept what rings.
func (o *office) accept(agent string) {
	o.t.Helper()
	d := o.desks[agent]
	if err := d.accept(d.offer()); err != nil {
		o.t.Fatalf("%s accepts: %v", agent, err)
	}
}

func (o *office) decline(agent string) {
	o.t.Helper()
	if err := o.e.Decline(o.desks[agent].offer(), agent); err != nil {
		o.t.Fatalf("%s declines: %v", agent, err)
	}
}

// wantRinging checks who rings where, as "a:1 b:1", agents sorted.
func (o *office) wantRinging(want string) {
	o.t.Helper()
	synctest.Wait()
	var got []string
	for id, d := range o.desks {
		if c := d.caller(); c != "" {
			got = append(got, id+":"+c)
		}
	}
	slices.Sort(got)
	s := ""
	for i, g := range got {
		if i > 0 {
			s += " "
		}
		s += g
	}
	if s != want {
		o.t.Fatalf("ringing %q, want %q", s, want)
	}
}

func (o *office) wantState(agent string, want State) {
	o.t.Helper()
	if got := o.e.Agent(agent).State; got != want {
		o.t.Fatalf("%s is %s, want %s", agent, got, want)
	}
	if told := o.desks[agent].shows().State; told != want {
		o.t.Fatalf("%s was told %s, want %s", agent, told, want)
	}
}

func (o *office) wantHeard(caller string, want ...string) {
	o.t.Helper()
	synctest.Wait()
	if got := o.phones[caller].heard(); !slices.Equal(got, want) {
		o.t.Fatalf("%s heard %q, want %q", caller, got, want)
	}
}

// pass lets virtual time go by, with all that happens in it.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// unfair is the first unfair choice of any engine.
var unfair atomic.Pointer[string]

// watchFairness has each choice that a strategy leaves in the queue's order
// checked when it is made: no caller who is ahead would have the agent.
func watchFairness() {
	for name, s := range strategies {
		s.order = func(c *caller, members []*member) {
			for _, m := range members[:min(len(members), s.width(c)-len(c.offers))] {
				for _, place := range m.agent.places {
					for _, d := range place.room.line {
						if d != c && d.before(c) && d.admits(place) {
							what := fmt.Sprintf("%s rings at %s, but %s is ahead", c.ID, m.agent.id, d.ID)
							unfair.CompareAndSwap(nil, &what)
						}
					}
				}
			}
		}
		strategies[name] = s
	}
}

// leftovers counts what must not outlive the callers.
func (o *office) leftovers() (callers, offers, timers int) {
	o.e.mu.Lock()
	defer o.e.mu.Unlock()
	return len(o.e.callers), len(o.e.offers), o.e.timers
}

// at tells where the engine has a call: "", "waiting", or the agent.
func (o *office) at(call string) string {
	o.e.mu.Lock()
	defer o.e.mu.Unlock()
	switch c := o.e.callers[call]; {
	case c == nil:
		return ""
	case c.waiting:
		return "waiting"
	default:
		return c.agent.id
	}
}

// check holds the engine to its promises.
func (o *office) check() {
	o.t.Helper()
	if err := o.e.invariants(); err != nil {
		o.t.Fatalf("invariant broken: %v", err)
	}
}

// invariants are what must hold between any two events.
func (e *Engine) invariants() error {
	if what := unfair.Load(); what != nil {
		return errors.New(*what)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	timers := 0
	running := func(t *timer) int {
		if t == nil || t.over {
			return 0
		}
		return 1
	}
	waiting := 0
	for id, r := range e.rooms {
		online := 0
		for _, m := range r.members {
			if m.agent.online() {
				online++
			}
			if m.agent.memberOf(r) != m {
				return fmt.Errorf("%s does not know its place in %s", m.agent.id, id)
			}
		}
		if online != r.online {
			return fmt.Errorf("queue %s counts %d online, %d are", id, r.online, online)
		}
		if (running(r.closing) == 1) != (online == 0 && len(r.line) > 0) {
			return fmt.Errorf("queue %s closes wrongly", id)
		}
		timers += running(r.closing)
		for i, c := range r.line {
			if i > 0 && !r.line[i-1].before(c) {
				return fmt.Errorf("line of %s is out of order at %s", id, c.ID)
			}
			if !c.waiting || c.room != r || e.callers[c.ID] != c || c.agent != nil {
				return fmt.Errorf("%s in the line of %s is not waiting there", c.ID, id)
			}
			if running(c.expiry) != 1 && r.queue.MaxWait > 0 {
				return fmt.Errorf("nothing ends the wait of %s", c.ID)
			}
			timers += running(c.expiry)
			for _, t := range c.pauses {
				timers += running(t)
			}
			for _, o := range c.offers {
				if o.caller != c || e.offers[o.ID] != o || o.agent.offer != o {
					return fmt.Errorf("offer of %s to %s is not whole", c.ID, o.agent.id)
				}
			}
			for _, m := range r.members {
				if m.agent.eligible() && c.admits(m) {
					return fmt.Errorf("%s is free and %s waits", m.agent.id, c.ID)
				}
			}
		}
		waiting += len(r.line)
	}
	talking := 0
	for id, c := range e.callers {
		if c.ID != id || c.waiting == (c.agent != nil) {
			return fmt.Errorf("%s is not in exactly one place", id)
		}
		if c.waiting {
			if c.room.direct {
				waiting++ // in no queue's line
			}
			continue
		}
		talking++
		if !c.agent.has(id) || len(c.offers) != 0 {
			return fmt.Errorf("%s talks with %s, who does not, or still rings", id, c.agent.id)
		}
	}
	if waiting+talking != len(e.callers) {
		return fmt.Errorf("%d callers, %d waiting and %d talking", len(e.callers), waiting, talking)
	}
	rings := 0
	for id, a := range e.agents {
		switch n := len(a.calls); {
		case n > a.limit():
			return fmt.Errorf("%s has %d calls", id, n)
		case a.offer != nil && n == a.limit():
			return fmt.Errorf("%s rings without room for a call", id)
		}
		if a.offer != nil {
			rings++
			if a.device == nil || !a.reachable || a.intent.state != Ready {
				return fmt.Errorf("%s rings while %s", id, a.intent.state)
			}
		}
		if !a.status(a.shown.Since).equal(a.shown) {
			return fmt.Errorf("%s is %+v, told %+v", id, a.status(a.shown.Since), a.shown)
		}
		timers += running(a.wrapUp)
	}
	if rings != len(e.offers) {
		return fmt.Errorf("%d agents ring, %d offers live", rings, len(e.offers))
	}
	for _, o := range e.offers {
		if running(o.timer) != 1 {
			return fmt.Errorf("nothing ends offer %s", o.ID)
		}
		timers++
	}
	if timers != e.timers {
		return fmt.Errorf("%d timers run, %d have a purpose", e.timers, timers)
	}
	if len(e.touched)+len(e.seeking)+len(e.changed) > 0 {
		return fmt.Errorf("an event left something over")
	}
	return nil
}
