package sipgw

import (
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/sipgw/dialog"
)

// takeOverTime is how long a call may take to go on with a telephone that
// replaces another.
const takeOverTime = 5 * time.Second

// replacement names the call that another one replaces (RFC 3891).
type replacement struct {
	id        dialog.ID // ours
	earlyOnly bool      // only before it is answered
}

// parseReplaces reads "id;to-tag=ours;from-tag=theirs;early-only".
func parseReplaces(value string) (r replacement, ok bool) {
	parts := strings.Split(value, ";")
	r.id.CallID = strings.TrimSpace(parts[0])
	for _, p := range parts[1:] {
		name, v, _ := strings.Cut(p, "=")
		v = strings.TrimSpace(v)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "to-tag":
			r.id.LocalTag = v
		case "from-tag":
			if r.id.RemoteTag = v; v == "0" {
				r.id.RemoteTag = "" // a peer without tags (RFC 3891 §3)
			}
		case "early-only":
			r.earlyOnly = true
		}
	}
	return r, r.id.CallID != "" && r.id.LocalTag != ""
}

// replaceable finds the leg that a telephone takes the place of, or the status
// to refuse with (RFC 3891 §3).
func (g *Gateway) replaceable(r replacement) (*leg, status) {
	old := g.leg(r.id)
	if old == nil {
		return nil, status{code: sip.StatusCallTransactionDoesNotExists, phrase: "Call/Transaction Does Not Exist"}
	}
	old.mu.Lock()
	defer old.mu.Unlock()
	switch {
	case old.state == ended:
		return nil, status{code: sip.StatusGlobalDecline, phrase: "Decline"}
	case old.state == answered && r.earlyOnly:
		return nil, status{code: sip.StatusBusyHere, phrase: "Busy Here"}
	case old.state == early && !old.placed:
		return nil, status{code: sip.StatusCallTransactionDoesNotExists, phrase: "Call/Transaction Does Not Exist"}
	}
	return old, status{}
}

// takeOver answers the call and gives it the place that another leg has in a
// call, which its Replaces header names. It returns when the call is over.
func (l *caller) takeOver() {
	all := l.invite.req.GetHeaders("Replaces")
	r, ok := parseReplaces(all[0].Value())
	var old *leg
	s := status{}
	switch {
	case !l.trusted:
		s = status{code: sip.StatusForbidden, phrase: "Forbidden"}
	case !ok, len(all) > 1:
		s = status{code: sip.StatusBadRequest, phrase: "Bad Replaces"}
	default:
		old, s = l.gateway.replaceable(r)
	}
	if s.code != 0 {
		l.giveUp = func(call.Cause) { _ = l.respondEarly(l.tagged(s.response(l.invite.req))) }
		l.end(call.Cause{By: call.BySystem, Reason: call.ReasonFailed}, false)
		return
	}
	taken := make(chan struct{})
	l.mu.Lock()
	l.taken = taken
	l.mu.Unlock()
	if l.Answer() != nil {
		return
	}
	old.post(call.Replaced{Leg: old.self, By: l})
	limit := time.NewTimer(takeOverTime)
	defer limit.Stop()
	select {
	case <-taken:
		old.end(call.Cause{By: call.BySystem, Reason: call.ReasonReplaced}, false)
	case <-limit.C:
		l.log.Warn("a call did not go on with the telephone that replaces another")
		l.end(call.Cause{By: call.BySystem, Reason: call.ReasonFailed}, true)
	case <-l.over:
	}
	<-l.over
}
