package sipgw

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw/sdp"
)

// ours stands, in place of the number of a peer's INVITE, for one of ours.
const ours = -1

// maxTries bounds how often a request of ours is changed and sent again at once.
const maxTries = 4

// propose refreshes the session by an INVITE or UPDATE and does what follows from
// its outcome. It runs in a goroutine of its own.
func (l *leg) propose() {
	for range maxTries {
		req, ok := l.proposal()
		if !ok {
			return
		}
		res := l.request(req)
		l.mu.Lock()
		again := l.concluded(req, res)
		l.mu.Unlock()
		l.tellAgreed()
		switch {
		case again:
		case res == nil, res.StatusCode == sip.StatusRequestTimeout, res.StatusCode == sip.StatusCallTransactionDoesNotExists:
			// RFC 3261 §12.2.1.2, RFC 4028 §10.
			cause := call.Cause{By: l.party, Reason: call.ReasonNotRefreshed, Status: sip.StatusRequestTimeout}
			if res != nil {
				cause.Status = res.StatusCode
			}
			l.end(cause, true)
			return
		default:
			return
		}
	}
}

// proposal makes the request that refreshes the session. ok is false where none is
// due, or where it must wait for an offer that is under way (RFC 3261 §14.1).
func (l *leg) proposal() (req *sip.Request, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.state != answered, !l.refresh, l.proposing:
		return nil, false
	case l.unacked, l.offering, len(l.waiting) > 0:
		l.proposeAt.set(media.Now() + l.glare())
		return nil, false
	}
	l.proposing = true
	if l.updates {
		req = l.dialog.Request(sip.UPDATE, "", nil)
	} else {
		// What was said last is offered again, with its version, so that the peer
		// sees that nothing changed (RFC 4028 §7.4).
		l.offering, l.offerIn = true, ours
		req = l.dialog.Request(sip.INVITE, sdpType, l.writer.Repeat())
	}
	addAbilities(req)
	l.sessionAsked().add(req)
	return req, true
}

// sessionAsked is what a request of ours asks of the session timer: that it goes
// on as it is. l.mu is held.
func (l *leg) sessionAsked() sessionWish {
	w := sessionWish{interval: l.session.interval, minimum: l.raised, refresher: uac}
	if !l.session.ours {
		w.refresher = uas
	}
	w.interval = max(w.interval, w.minimum)
	return w
}

// concluded takes the final response to a proposal, nil for none, and tells
// whether to propose again at once. l.mu is held.
func (l *leg) concluded(req *sip.Request, res *sip.Response) (again bool) {
	l.proposing = false
	if req.Method == sip.INVITE && (res == nil || !res.IsSuccess()) {
		l.offering = false
	}
	if res == nil || l.state != answered {
		return false
	}
	now := media.Now()
	asked := sessionWish{interval: l.session.interval, minimum: l.raised}
	switch {
	case res.IsSuccess():
		l.granted(res)
	case asked.raise(res):
		l.session.interval, l.raised = asked.interval, asked.minimum
		return true
	case req.Method == sip.UPDATE && (res.StatusCode == sip.StatusMethodNotAllowed || res.StatusCode == sip.StatusNotImplemented):
		l.updates = false
		return true
	case res.StatusCode == sip.StatusRequestPending:
		l.proposeAt.set(now + l.glare())
	default:
		// Not the end of the call (RFC 4028 §10), but the peer expects a refresh.
		l.proposeAt.set(now + retryAfter(res, l.session.interval/8))
	}
	return false
}

// settled puts the answer of a 2xx to our re-INVITE into force. An answer that
// is missing or cannot be used leaves the former agreement. l.mu is held.
func (l *leg) settled(res *sip.Response) {
	if len(res.Body()) == 0 || l.state != answered {
		return
	}
	description, err := sdp.Parse(res.Body())
	var agreed sdp.Agreement
	if err == nil {
		agreed, err = l.writer.Accept(description)
	}
	if err != nil {
		l.log.Debug("the answer to our offer cannot be used", "err", err)
		return
	}
	l.agree(agreed)
}

// glare is how long to wait after an offer of ours crossed one of the peer's;
// the sides choose from different times (RFC 3261 §14.1).
func (l *leg) glare() time.Duration {
	unit := l.gateway.cfg.Timers.T1 / 50 // 10 ms
	if l.placed {
		return (210 + time.Duration(rand.Int64N(191))) * unit
	}
	return time.Duration(rand.Int64N(201)) * unit
}

// maxRetryAfter bounds how long a peer can have us wait.
const maxRetryAfter = time.Minute

// retryAfter is how long a response asks us to wait, or else otherwise.
func retryAfter(res *sip.Response, otherwise time.Duration) time.Duration {
	text, _, _ := strings.Cut(header(res, "Retry-After", "Retry-After"), ";")
	text, _, _ = strings.Cut(text, "(")
	if n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 31); err == nil {
		return min(time.Duration(n)*time.Second, maxRetryAfter)
	}
	return otherwise
}
