package queue

// eligible tells whether the agent can be offered a call: signed in, ready,
// proven reachable, with room for a call, not in wrap-up, not being offered
// another call, and not about to leave after this one.
func (a *agent) eligible() bool {
	return a.device != nil && a.intent.state == Ready && a.reachable && a.offer == nil &&
		len(a.calls) < a.limit() && a.wrapUp == nil && a.next != NextAway
}

// admits tells whether the caller would have the member, who is eligible. While
// the caller rings somewhere, only a strategy that rings several takes more,
// of the levels that ring, and nobody twice in a round.
func (c *caller) admits(m *member) bool {
	if c.pauses[m.agent] != nil || m.agent.has(c.ID) { // nobody calls themselves
		return false
	}
	if len(c.offers) == 0 {
		return true
	}
	return len(c.offers) < c.room.strategy.width(c) && m.priority <= c.level && !c.tried[m.agent]
}

// candidates are the members whom the caller may be offered to now: those who
// had no turn in this round, or, when the round is over, all, in a new round.
// Only the first priority level with anybody counts; when the caller rings
// already, all levels up to the one that rings. The result is valid until the
// next call.
func (e *Engine) candidates(c *caller) []*member {
	found := e.gather(c, false)
	if len(found) == 0 && len(c.offers) == 0 && len(c.tried) > 0 {
		if found = e.gather(c, true); len(found) > 0 {
			clear(c.tried)
		}
	}
	return found
}

func (e *Engine) gather(c *caller, again bool) []*member {
	e.pool = e.pool[:0]
	for _, m := range c.room.members { // by priority, then in the queue's order
		if len(c.offers) == 0 && len(e.pool) > 0 && m.priority != e.pool[0].priority {
			break
		}
		if m.agent.eligible() && c.admits(m) && (again || !c.tried[m.agent]) {
			e.pool = append(e.pool, m)
		}
	}
	return e.pool
}

// nextCaller is the first of the callers in all queues of the agent who would
// have the agent, or nil. Each queue is looked at from its head only as far as
// callers already ring or pause with this agent, which members bound, not
// callers.
func (a *agent) nextCaller() *caller {
	var first *caller
	for _, m := range a.places {
		for _, c := range m.room.line {
			if first != nil && first.before(c) {
				break
			}
			if c.admits(m) {
				first = c
				break
			}
		}
	}
	return first
}
