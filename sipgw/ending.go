package sipgw

import (
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
)

// Hangup ends the call.
func (l *leg) Hangup(cause call.Cause) { l.end(cause, false) }

// end ends the leg from our side, once: with a refusal before the answer, with
// a BYE after it. tell says that the listener does not know yet.
func (l *leg) end(cause call.Cause, tell bool) {
	l.mu.Lock()
	before := l.state
	if before == ended {
		l.mu.Unlock()
		return
	}
	l.finish()
	// A BYE must not come before the ACK (RFC 3261 §15).
	l.bye = before == answered && l.unacked
	wait := l.bye
	l.why = cause
	l.mu.Unlock()
	switch {
	case before == early:
		l.gateway.remove(l)
		l.giveUp(cause)
	case !wait:
		l.sendBye(cause)
	}
	if tell {
		l.post(call.Gone{Leg: l.self, Cause: cause})
	}
}

// finish marks the leg as over. l.mu is held.
func (l *leg) finish() {
	l.state = ended
	l.talking.Store(false)
	l.progress.Store(false)
	l.hearing.Store(false)
	close(l.over)
}

// sendBye ends the call at the peer. A transfer that the peer asked for is told
// of its outcome first, as some telephones take a BYE for its failure.
func (l *leg) sendBye(cause call.Cause) {
	l.gateway.remove(l)
	l.mu.Lock()
	r := l.referral
	l.mu.Unlock()
	l.gateway.byes.Go(func() {
		if r != nil {
			limit := time.NewTimer(4 * l.gateway.cfg.Timers.T1)
			defer limit.Stop()
			select {
			case <-r.done:
			case <-limit.C:
			case <-l.gateway.sending.Done():
			}
		}
		req := l.dialog.Request(sip.BYE, "", nil)
		req.AppendHeader(reasonHeader(cause))
		l.request(req)
	})
}

// hungUp takes a BYE, which was answered. Before the answer it ends the
// INVITE as well (RFC 3261 §15.1.2).
func (l *leg) hungUp(req *sip.Request) {
	l.mu.Lock()
	before := l.state
	l.bye = false
	if before != ended {
		l.finish()
	}
	select {
	case <-l.left:
	default:
		close(l.left)
	}
	l.mu.Unlock()
	l.gateway.remove(l)
	reason := call.ReasonHangup
	switch before {
	case ended:
		return
	case early:
		reason = call.ReasonCancelled
		l.giveUp(call.Cause{By: l.party, Reason: reason})
	}
	l.post(call.Gone{Leg: l.self, Cause: hangupCause(l.party, reason, req)})
}
