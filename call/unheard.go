package call

import "time"

// unheardTime is how long two may talk while nothing at all has ever come from one
// of them. A person who hears nobody hangs up long before; what is left is a call
// that a machine on the way keeps alive, by answering for a telephone that is gone.
const unheardTime = 10 * time.Minute

// Witness is a leg that knows whether anything has ever come from its party: sound,
// noise or reports. Any goroutine may ask.
type Witness interface {
	EverHeard() bool
}

// watch is the time of one talk after which both must have been heard.
type watch struct{ timer *time.Timer }

func (c *Call) watchTalk() *watch {
	w := &watch{}
	c.watch = w
	w.timer = time.AfterFunc(unheardTime, func() { c.Post(w) })
	return w
}

func (w *watch) stop() { w.timer.Stop() }

// watched lets go a telephone that was never heard. While one of the two holds the
// other that says nothing: it is looked at again later.
func (c *Call) watched(w *watch) {
	if w != c.watch || c.phase != PhaseTalking {
		return
	}
	for _, p := range c.parties {
		if p == nil || p.deaf() || p.holds {
			w.timer.Reset(unheardTime)
			return
		}
	}
	for _, p := range c.parties {
		if leg, ok := p.Leg.(Witness); ok && p.Telephone && !leg.EverHeard() {
			c.log.Warn("nothing was ever heard of a party", "leg", p.Leg.ID())
			c.gone(p, Cause{By: p.by(), Reason: ReasonMediaTimeout})
			return
		}
	}
}
