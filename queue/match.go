package queue

import "container/heap"

// wish is a caller who may get an agent now: one whose situation changed, or
// the one whom an agent who may be free would take next.
type wish struct {
	caller *caller
	agent  *agent // nil when it is the caller who changed
}

// wishes is a heap, the caller who is served first on top.
type wishes []wish

func (w wishes) Len() int           { return len(w) }
func (w wishes) Less(i, j int) bool { return w[i].caller.before(w[j].caller) }
func (w wishes) Swap(i, j int)      { w[i], w[j] = w[j], w[i] }
func (w *wishes) Push(x any)        { *w = append(*w, x.(wish)) }
func (w *wishes) Pop() any {
	old := *w
	last := len(old) - 1
	x := old[last]
	old[last] = wish{}
	*w = old[:last]
	return x
}

// match brings together the callers and agents that an event touched. However
// many they are, the caller who comes first chooses first.
func (e *Engine) match() {
	for _, c := range e.seeking {
		c.seeking = false
		heap.Push(&e.wishes, wish{caller: c})
	}
	clear(e.seeking)
	e.seeking = e.seeking[:0]
	for _, a := range e.touched {
		e.wish(a)
	}
	for len(e.wishes) > 0 {
		w := heap.Pop(&e.wishes).(wish)
		switch {
		case w.agent == nil:
			e.seek(w.caller)
		case !w.agent.eligible():
		case !w.caller.waiting || !w.caller.admits(w.agent.memberOf(w.caller.room)):
			e.wish(w.agent) // served meanwhile
		case e.seek(w.caller):
			e.wish(w.agent) // unless the caller chose this one
		}
	}
}

// wish has match consider the next caller of an agent.
func (e *Engine) wish(a *agent) {
	if !a.eligible() {
		return
	}
	if c := a.nextCaller(); c != nil {
		heap.Push(&e.wishes, wish{c, a})
	}
}

// seek offers a waiting caller to whom the strategy says; it tells whether it
// made an offer.
func (e *Engine) seek(c *caller) bool {
	if !c.waiting {
		return false
	}
	s := c.room.strategy
	n := s.width(c) - len(c.offers)
	if n <= 0 {
		return false
	}
	members := e.candidates(c)
	if s.order != nil {
		s.order(c, members)
	}
	for _, m := range members[:min(n, len(members))] {
		e.makeOffer(c, m)
	}
	return len(members) > 0
}
