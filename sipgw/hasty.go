package sipgw

import (
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/sipgw/dialog"
)

// maxHasty bounds how many CANCELs wait for their INVITE.
const maxHasty = 256

// onCancel gets a CANCEL only when sipgo matches no INVITE; it answers others.
// Each message has a goroutine of its own, so one that follows its INVITE at
// once may overtake it, and is given a moment.
func (g *Gateway) onCancel(x exchange) {
	l := g.awaitArrival(x.req)
	if l == nil {
		x.respond(sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
		return
	}
	x.respond(sip.StatusOK, "OK")
	l.mu.Lock()
	unanswered := l.state == early
	l.mu.Unlock()
	if unanswered { // after the answer a CANCEL means nothing (RFC 3261 §9.2)
		l.end(hangupCause(l.party, call.ReasonCancelled, x.req), true)
	}
}

// awaitArrival returns the leg of the INVITE that a CANCEL is for, which may be
// about to arrive; nil where it does not.
func (g *Gateway) awaitArrival(cancel *sip.Request) *leg {
	id, within := dialog.RequestID(cancel)
	key := arrival{id.CallID, id.RemoteTag, cancel.CSeq().SeqNo}
	g.mu.Lock()
	if l := g.arrivals[key]; l != nil {
		g.mu.Unlock()
		return l
	}
	if within || len(g.hasty) >= maxHasty {
		g.mu.Unlock()
		return nil
	}
	arrived := make(chan *leg, 1)
	g.hasty[key] = arrived
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		delete(g.hasty, key)
		g.mu.Unlock()
	}()
	limit := time.NewTimer(g.cfg.Timers.T1 / 2) // before the CANCEL is repeated
	defer limit.Stop()
	select {
	case l := <-arrived:
		return l
	case <-limit.C:
		return nil
	case <-g.sending.Done():
		return nil
	}
}

// cancelledBefore tells a CANCEL that waits for an INVITE that it has come. g.mu
// is held.
func (g *Gateway) cancelledBefore(l *leg) {
	select {
	case g.hasty[l.arrival] <- l:
	default: // none waits
	}
}
