package sipgw

import (
	"errors"
	"math/rand/v2"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw/dialog"
	"github.com/carillon-cc/carillon/sipgw/sdp"
)

// Why an offer is refused for now.
var (
	errCrossing = errors.New("an offer of ours is under way")
	errTwo      = errors.New("an earlier offer of the peer has no answer yet")
)

// onReInvite takes an offer within a call: hold and back, another media
// address, a session refresh.
func (g *Gateway) onReInvite(x exchange) {
	l, ringing := g.within(x.req)
	switch {
	case ringing != nil:
		refuseOffer(x, errCrossing) // our INVITE is in progress (RFC 3261 §14.2)
		return
	case l == nil:
		x.respond(sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
		return
	}
	res, ok := l.change(x)
	if !ok {
		return
	}
	seq, since := x.req.CSeq().SeqNo, media.Now()
	l.mu.Lock()
	ack := l.expectAck(seq)
	l.mu.Unlock()
	if err := x.tx.Respond(res); err != nil {
		l.log.Debug("a 200 within the call could not be sent", "err", err)
	}
	l.tellAgreed()
	// Until the ACK, because on a stream the transaction ends with the handler.
	request, acked := l.repeatUntilAck(x.tx, res, seq, ack, l.over)
	if acked {
		l.takeAnswer(request)
		return
	}
	l.mu.Lock()
	if l.offerIn == int64(seq) {
		l.offering = false // its answer will not come
	}
	l.mu.Unlock()
	if l.port.LastHeard() < since {
		// RFC 3261 §14.2 asks for a BYE; where there is sound, there is a call.
		l.end(call.Cause{By: l.party, Reason: call.ReasonNoAck}, true)
	}
}

// onUpdate takes an offer or a session refresh without an ACK (RFC 3311).
func (g *Gateway) onUpdate(x exchange) {
	l, ringing := g.within(x.req)
	switch {
	case ringing != nil:
		ringing.update(x)
		return
	case l == nil:
		x.respond(sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
		return
	}
	if res, ok := l.change(x); ok {
		_ = x.tx.Respond(res)
		l.tellAgreed()
	}
}

// change puts the offer of a re-INVITE or UPDATE into effect and makes the
// response, or refuses it and leaves everything as it was.
func (l *leg) change(x exchange) (*sip.Response, bool) {
	if short, tooShort := l.gateway.tooShortSession(x.req); tooShort {
		_ = x.tx.Respond(short)
		return nil, false
	}
	offer, ok := readOffer(x)
	if !ok {
		return nil, false
	}
	res, err := l.accept(x.req, offer)
	if err != nil {
		refuseOffer(x, err)
	}
	return res, err == nil
}

// accept puts the offer of a request into effect, nil for none, and makes its 200.
// Nothing is sent while it holds l.mu: over TCP that may take a while, and who
// reads packets takes l.mu for keys.
func (l *leg) accept(req *sip.Request, offer *sdp.Description) (*sip.Response, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	body, err := l.offer(req, offer)
	if err != nil {
		return nil, err
	}
	l.noteMethods(req)
	asked := readSession(req)
	if l.state == answered {
		l.session = asked.accept(l.session, l.gateway.cfg.Timers.MinSession)
		l.startSession()
		return l.response(req, sip.StatusOK, "OK", body), nil
	}
	res := l.response(req, sip.StatusOK, "OK", body)
	// What the INVITE asked for stands until its 2xx, unless the peer asks anew.
	if asked.interval != 0 {
		l.session = asked.accept(session{}, l.gateway.cfg.Timers.MinSession)
		l.session.answer(res)
	}
	return res, nil
}

// refuseOffer refuses an INVITE or UPDATE within a dialog for a reason that offer
// gives.
func refuseOffer(x exchange, err error) {
	switch {
	case errors.Is(err, dialog.ErrOldRequest), errors.Is(err, dialog.ErrIncomplete):
		x.respond(sip.StatusInternalServerError, "Server Internal Error")
	case errors.Is(err, errCrossing):
		x.respond(sip.StatusRequestPending, "Request Pending")
	case errors.Is(err, errTwo):
		refuse(x, status{code: sip.StatusInternalServerError, phrase: "Server Internal Error", retryAfter: 1 + rand.IntN(10)})
	case errors.Is(err, errOver):
		x.respond(sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
	default:
		s, _ := unacceptable(err)
		refuse(x, s)
	}
}

// offer answers the offer of a request, nil for none, and returns what the 200
// holds. l.mu is held.
func (l *leg) offer(req *sip.Request, offer *sdp.Description) ([]byte, error) {
	if l.state == ended {
		return nil, errOver
	}
	if err := l.dialog.Admit(req); err != nil {
		return nil, err
	}
	switch {
	case l.state == early && req.Method == sip.INVITE:
		return nil, errTwo // the first has no final response (RFC 3261 §14.2)
	case offer == nil && req.Method != sip.INVITE:
		// A refresh of the session alone.
	// Before the first agreement stands, or while our offer waits for its
	// answer, there can be no other (RFC 3261 §14.2, RFC 3311 §5.2).
	case l.offering:
		return nil, errCrossing
	case l.state == early && !l.previewed:
		return nil, errTwo
	}
	var body []byte
	switch {
	case offer == nil && req.Method == sip.INVITE:
		body = l.writer.Offer(l.media, sdp.Preferring(l.agreed.Codec), sdp.SendRecv)
		l.offering, l.offerIn = true, int64(req.CSeq().SeqNo)
	case offer == nil:
	default:
		agreed := l.agreed
		if offer.Removed() {
			body, agreed = l.writer.AnswerRemoved(offer, agreed, l.media)
		} else {
			var err error
			l.meet(offer)
			if body, agreed, err = l.writer.Answer(offer, l.media); err != nil {
				return nil, err
			}
		}
		l.agree(agreed)
		if l.state == early {
			l.sdp = body // the 200 to the INVITE repeats the newest answer
		}
	}
	l.dialog.Move(req, dialog.Source(req))
	return body, nil
}
