package queue

import (
	"cmp"
	"slices"

	"github.com/carillon-cc/carillon/ccs"
)

// SetQueues replaces all queues, by id. Callers keep their places whatever
// changed about their queue; those of a queue that is gone are told Closed. An
// offer to an agent who is no longer a member is withdrawn. The engine keeps
// the queues: change copies, never what it was given. A queue that is the same
// pointer as before costs nothing.
func (e *Engine) SetQueues(queues map[string]*ccs.Queue) {
	e.event(func() {
		for id, r := range e.rooms {
			if queues[id] == nil {
				e.removeRoom(id, r)
			}
		}
		for id, q := range queues {
			r := e.rooms[id]
			if r == nil {
				r = &room{id: id}
				e.rooms[id] = r
			}
			if r.queue != q {
				e.setQueue(r, q)
			}
		}
		e.prune()
	})
}

// SetAgents replaces all agents, by id. An agent who is gone is signed out; a
// call in which they talk goes on. The engine keeps the agents: change copies.
func (e *Engine) SetAgents(agents map[string]*ccs.Agent) {
	e.event(func() {
		for id, a := range e.agents {
			if a.known && agents[id] == nil {
				a.known = false
				e.signOut(a)
			}
		}
		for id, config := range agents {
			a := e.agent(id)
			a.config, a.known = config, true
			e.keepLimit(a)
			e.touch(a)
		}
		e.prune()
	})
}

func (e *Engine) removeRoom(id string, r *room) {
	delete(e.rooms, id)
	e.turnAway(r, Closed{Why: Unknown})
	e.unlink(r)
	e.watchClosure(r)
}

// setQueue gives a room another configuration.
func (e *Engine) setQueue(r *room, q *ccs.Queue) {
	var maxWait ccs.Millis
	if r.queue != nil {
		maxWait = r.queue.MaxWait
	}
	r.queue = q
	var known bool
	if r.strategy, known = strategyOf(q.Strategy); !known {
		e.options.Log.Warn("unknown strategy, serving in sequence", "queue", r.id, "strategy", q.Strategy)
	}
	e.unlink(r)
	for _, qm := range q.Members {
		a := e.agent(qm.Agent)
		if a.memberOf(r) != nil {
			continue // named twice
		}
		m := &member{room: r, agent: a, priority: qm.Priority}
		r.members = append(r.members, m)
		a.places = append(a.places, m)
		if a.counted {
			r.online++
		}
		e.touch(a)
	}
	slices.SortStableFunc(r.members, func(a, b *member) int { return cmp.Compare(a.priority, b.priority) })
	for _, c := range r.line {
		if q.MaxWait != maxWait {
			e.limitWait(c)
		}
		for _, o := range slices.Clone(c.offers) {
			if o.agent.memberOf(r) == nil {
				e.endOffer(o, WithdrawnClosed, "")
			}
		}
		e.look(c)
	}
	e.watchClosure(r)
	e.change(r)
}

// unlink takes the members out of a room.
func (e *Engine) unlink(r *room) {
	for _, m := range r.members {
		m.agent.places = slices.DeleteFunc(m.agent.places, func(p *member) bool { return p == m })
	}
	r.members, r.online = nil, 0
}

// prune forgets agents whom nothing names any more.
func (e *Engine) prune() {
	for id, a := range e.agents {
		if !a.known && len(a.places) == 0 && len(a.calls) == 0 {
			e.stop(a.wrapUp)
			a.wrapUp = nil
			delete(e.agents, id)
		}
	}
}
