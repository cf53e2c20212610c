package queue

import (
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// Wrap-up is a lease that starts when an answered call from a queue ends and
// runs out by itself: changed settings, a reload or another tab do not touch it.

// startWrapUp starts the lease after a call of queue q; a longer one that runs
// stays.
func (e *Engine) startWrapUp(a *agent, q *ccs.Queue) {
	length := q.WrapUp.Or(a.config.WrapUp.Duration())
	if ends := time.Now().Add(length); length > 0 && ends.After(a.ends) {
		e.leaseWrapUp(a, ends)
	}
}

func (e *Engine) leaseWrapUp(a *agent, ends time.Time) {
	e.stop(a.wrapUp)
	a.ends = ends
	a.wrapUp = e.after(time.Until(ends), func() { e.endWrapUp(a) })
	e.touch(a)
}

func (e *Engine) endWrapUp(a *agent) {
	e.stop(a.wrapUp)
	a.wrapUp, a.ends = nil, time.Time{}
	e.touch(a)
}

// EndWrapUp ends the agent's wrap-up now; the next state follows.
func (e *Engine) EndWrapUp(agentID string) {
	e.withDevice(agentID, e.endWrapUp)
}

// ExtendWrapUp gives the agent more time in the wrap-up that runs. Outside of
// one, and by nothing or less, it does nothing.
func (e *Engine) ExtendWrapUp(agentID string, by time.Duration) {
	e.withDevice(agentID, func(a *agent) {
		if a.wrapUp != nil && by > 0 {
			e.leaseWrapUp(a, a.ends.Add(by))
		}
	})
}
