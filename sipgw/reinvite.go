package sipgw

import (
	"errors"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw/dialog"
	"github.com/carillon-cc/carillon/sipgw/sdp"
)

// errNotNow asks for a later offer.
var errNotNow = errors.New("another offer is under way")

// onReInvite takes an offer within a call: hold and back, another media
// address, a session refresh.
func (g *Gateway) onReInvite(x exchange) {
	l := g.find(x.req)
	if l == nil {
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
	l.tellHold()
	// Until the ACK, because on a stream the transaction ends with the handler.
	request, acked := l.repeatUntilAck(x.tx, res, seq, ack, l.over)
	switch {
	case acked:
		l.takeAnswer(request)
	case l.port.LastHeard() < since:
		// RFC 3261 §14.2 asks for a BYE; where there is sound, there is a call.
		l.end(call.Cause{By: l.party, Reason: call.ReasonNoAck}, true)
	}
}

// onUpdate takes an offer or a session refresh without an ACK (RFC 3311).
func (g *Gateway) onUpdate(x exchange) {
	l := g.find(x.req)
	if l == nil {
		x.respond(sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
		return
	}
	if res, ok := l.change(x); ok {
		_ = x.tx.Respond(res)
		l.tellHold()
	}
}

// change puts the offer of a re-INVITE or UPDATE into effect and makes the
// response, or refuses it and leaves everything as it was.
func (l *leg) change(x exchange) (*sip.Response, bool) {
	if tags := unsupported(x.req); len(tags) > 0 {
		x.respond(sip.StatusBadExtension, "Bad Extension")
		return nil, false
	}
	if short, tooShort := tooShortSession(x.req); tooShort {
		_ = x.tx.Respond(short)
		return nil, false
	}
	offer, ok := readOffer(x)
	if !ok {
		return nil, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	body, err := l.offer(x.req, offer)
	switch {
	case errors.Is(err, dialog.ErrOldRequest), errors.Is(err, dialog.ErrIncomplete):
		x.respond(sip.StatusInternalServerError, "Server Internal Error")
	case errors.Is(err, errNotNow):
		x.respond(sip.StatusRequestPending, "Request Pending")
	case errors.Is(err, errOver):
		x.respond(sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
	case err != nil:
		refuse(x, statusOf(call.ReasonNoCodec))
	default:
		l.session = readSession(x.req)
		l.startSession()
		return l.response(x.req, sip.StatusOK, "OK", body), true
	}
	return nil, false
}

// offer answers the offer of a request, nil for none, and returns what the 200
// holds. l.mu is held.
func (l *leg) offer(req *sip.Request, offer *sdp.Description) ([]byte, error) {
	switch {
	case l.state == ended:
		return nil, errOver
	// Before the first agreement stands, or while our offer waits for its
	// answer, there can be no other (RFC 3261 §14.2, RFC 3311 §5.2).
	case l.offering, l.state == early && (offer != nil || req.Method == sip.INVITE):
		return nil, errNotNow
	}
	var body []byte
	if offer != nil {
		var agreed sdp.Agreement
		var err error
		if body, agreed, err = l.writer.Answer(offer, l.media); err != nil {
			return nil, err
		}
		if err := l.dialog.TakeOffer(req, dialog.Source(req)); err != nil {
			return nil, err
		}
		l.agree(agreed)
		return body, nil
	}
	if err := l.dialog.TakeOffer(req, dialog.Source(req)); err != nil {
		return nil, err
	}
	if req.Method == sip.INVITE {
		body = l.writer.Offer(l.media, sdp.Preferring(l.agreed.Codec), sdp.SendRecv)
		l.offering = true
	}
	return body, nil
}
