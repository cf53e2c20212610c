package sipgw

import (
	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
)

// Refuse ends a call that was not answered.
func (l *leg) Refuse(cause call.Cause) { l.end(cause, false) }

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
		_ = l.respondEarly(l.refusal(cause.Reason))
	case !wait:
		l.sendBye()
	}
	if tell {
		l.post(call.Gone{Leg: l, Cause: cause})
	}
}

// finish marks the leg as over. l.mu is held.
func (l *leg) finish() {
	l.state = ended
	l.talking.Store(false)
	close(l.over)
}

// refusal is the final response to the first INVITE for a reason.
func (l *leg) refusal(r call.Reason) *sip.Response {
	res := statusOf(r).response(l.invite.req)
	if to := res.To(); to != nil {
		to.Params.Add("tag", l.dialog.ID().LocalTag)
	}
	return res
}

func (l *leg) sendBye() {
	l.gateway.remove(l)
	l.gateway.send(l.dialog.Request(sip.BYE, "", nil))
}

// callerHungUp takes a BYE, which was answered. Before the answer it ends the
// INVITE as well (RFC 3261 §15.1.2).
func (l *leg) callerHungUp() {
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
		_ = l.respondEarly(l.refusal(reason))
	}
	l.post(call.Gone{Leg: l, Cause: call.Cause{By: call.ByCaller, Reason: reason}})
}
