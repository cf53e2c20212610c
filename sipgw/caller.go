package sipgw

import (
	"errors"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
)

// caller is a telephone that calls us: a leg that came with an INVITE.
type caller struct {
	*leg
	invite   exchange
	incoming Incoming
	through  *link  // the trunk that the call came through, or nil
	uncount  func() // gives the trunk its place back
}

// watchCancel has CANCEL end the leg, one that came already too.
func (l *caller) watchCancel() {
	// sipgo calls this under the lock that answering takes, so the leg's own
	// lock must not be taken in it.
	if !l.invite.tx.OnCancel(func(req *sip.Request) { go l.cancelled(req) }) {
		l.cancelled(nil)
	}
}

// cancelled notes that the caller left before the answer. sipgo has sent the
// responses. The CANCEL is nil where it is not known.
func (l *caller) cancelled(cancel *sip.Request) {
	l.mu.Lock()
	if l.state != early {
		l.mu.Unlock()
		return
	}
	l.finish()
	l.mu.Unlock()
	l.gateway.remove(l.leg)
	cause := call.Cause{By: call.ByCaller, Reason: call.ReasonCancelled}
	if cancel != nil {
		cause = hangupCause(cause.By, cause.Reason, cancel)
	}
	l.post(call.Gone{Leg: l, Cause: cause})
}

// respondEarly sends a response to the first INVITE. sipgo keeps a response
// that crosses a CANCEL as the one to repeat: it is replaced by the 487 that
// was sent.
func (l *caller) respondEarly(res *sip.Response) error {
	err := l.invite.tx.Respond(res)
	if errors.Is(err, sip.ErrTransactionCanceled) {
		_ = l.invite.tx.Respond(l.response(l.invite.req, sip.StatusRequestTerminated, "Request Terminated", nil))
	}
	return err
}

// Ring tells the caller that the call has arrived.
func (l *caller) Ring() {
	l.mu.Lock()
	ring := l.state == early
	l.mu.Unlock()
	if ring {
		_ = l.respondEarly(l.response(l.invite.req, sip.StatusRinging, "Ringing", nil))
	}
}

// errNoOffer says that the caller hears nothing before the answer: the INVITE
// came without an offer, and ours would have to go reliably (RFC 3262 §5).
var errNoOffer = errors.New("the caller made no offer")

// Progress has the caller listen before the answer: a 183 with our answer to the
// offer, which the 200 repeats (RFC 3261 §13.2.1).
func (l *caller) Progress() error {
	l.mu.Lock()
	state, offering, body := l.state, l.offering, l.sdp
	l.previewed = l.previewed || state == early && !offering
	l.mu.Unlock()
	switch {
	case state == ended:
		return errOver
	case state == answered:
		return nil
	case offering:
		return errNoOffer
	}
	l.port.SetSymmetric(!l.gateway.cfg.FixedMedia)
	if err := l.respondEarly(l.response(l.invite.req, sip.StatusSessionInProgress, "Session Progress", body)); err != nil {
		return errOver
	}
	l.mu.Lock()
	l.progress.Store(l.state == early)
	l.mu.Unlock()
	return nil
}

// Answer accepts the call.
func (l *caller) Answer() error {
	l.mu.Lock()
	switch l.state {
	case answered:
		l.mu.Unlock()
		return nil
	case ended:
		l.mu.Unlock()
		return errOver
	}
	seq := l.arrival.seq
	l.state, l.unacked = answered, true
	ack := l.expectAck(seq)
	res := l.response(l.invite.req, sip.StatusOK, "OK", l.sdp)
	l.startSession()
	l.mu.Unlock()

	l.port.SetSymmetric(!l.gateway.cfg.FixedMedia)
	if err := l.respondEarly(res); err != nil {
		l.unanswered()
		return errOver
	}
	l.quietSince()
	l.mu.Lock()
	l.talking.Store(l.state == answered)
	l.mu.Unlock()
	l.gateway.cfg.Pacer.Add(l.leg)
	since := media.Now()
	l.gateway.byes.Go(func() {
		request, ok := l.repeatUntilAck(l.invite.tx, res, seq, ack, l.left)
		l.confirmed(request, ok, since)
	})
	l.tellAgreed()
	return nil
}

// unanswered is for a 200 that a CANCEL forestalled or that could not be sent.
func (l *caller) unanswered() {
	l.mu.Lock()
	if l.state == answered {
		l.state = early
	}
	l.unacked, l.bye = false, false
	l.mu.Unlock()
	l.cancelled(nil)
	l.gateway.remove(l.leg)
}

// Refuse ends a call that was not answered.
func (l *caller) Refuse(cause call.Cause) { l.end(cause, false) }

// refuse sends the final response of a call that was not answered.
func (l *caller) refuse(cause call.Cause) { _ = l.respondEarly(l.refusal(cause.Reason)) }

// refusal is the final response to the first INVITE for a reason.
func (l *caller) refusal(r call.Reason) *sip.Response {
	return l.tagged(statusOf(r).response(l.invite.req))
}

// tagged gives a response our tag.
func (l *leg) tagged(res *sip.Response) *sip.Response {
	if to := res.To(); to != nil {
		to.Params.Add("tag", l.dialog.ID().LocalTag)
	}
	return res
}
