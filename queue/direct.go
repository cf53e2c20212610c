package queue

import (
	"errors"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// ErrAway says that the agent is signed in but takes no calls: away, not
// responding, or with a device that fails.
var ErrAway = errors.New("the agent takes no calls")

// Ring offers a call to one agent, outside of all queues: to a plan's bridge, or
// for a colleague. It rings for as long as given. The call is told Offered, then
// Connected, which ends by Leave as for queues, or OfferEnded, after which the
// engine has forgotten the call. An agent who cannot be offered the call now is an
// error: ErrNotSignedIn, ErrBusy or ErrAway. Of c, Queue, Priority and Front mean
// nothing.
func (e *Engine) Ring(c Caller, agentID string, ring time.Duration) (err error) {
	e.event(func() {
		e.drop(c.ID)
		a := e.agents[agentID]
		if err = a.mayRing(); err != nil {
			return
		}
		if a.has(c.ID) {
			err = ErrBusy // nobody calls themselves
			return
		}
		q := &ccs.Queue{Name: c.Details.QueueName, RingTimeout: ccs.MillisOf(ring)}
		r := &room{direct: true, queue: q, online: 1}
		r.strategy, _ = strategyOf(ccs.Sequential)
		m := &member{room: r, agent: a}
		r.members = []*member{m}
		joining := &caller{Caller: c, room: r, waiting: true, entered: time.Now()}
		joining.Front, joining.Priority = false, 0
		if joining.Since.IsZero() {
			joining.Since = joining.entered
		}
		e.callers[c.ID] = joining
		r.enter(joining)
		e.makeOffer(joining, m)
	})
	return err
}

// mayRing tells why the agent cannot be offered a call now; a may be nil.
func (a *agent) mayRing() error {
	switch {
	case a == nil || a.device == nil:
		return ErrNotSignedIn
	case a.offer != nil || len(a.calls) >= a.limit() || a.wrapUp != nil:
		return ErrBusy
	case !a.eligible():
		return ErrAway
	}
	return nil
}
