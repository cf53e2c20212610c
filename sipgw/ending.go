package sipgw

import (
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
	l.mu.Unlock()
	switch {
	case before == early:
		l.gateway.remove(l)
		l.giveUp(cause)
	case !wait:
		l.sendBye()
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
	close(l.over)
}

func (l *leg) sendBye() {
	l.gateway.remove(l)
	l.gateway.send(l.dialog.Request(sip.BYE, "", nil))
}

// hungUp takes a BYE, which was answered. Before the answer it ends the
// INVITE as well (RFC 3261 §15.1.2).
func (l *leg) hungUp() {
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
	l.post(call.Gone{Leg: l.self, Cause: call.Cause{By: l.party, Reason: reason}})
}
