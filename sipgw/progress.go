package sipgw

import (
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw/sdp"
)

// response makes a response to a request of the peer that sets up or changes
// the session. Of a 2xx l.mu is held.
func (l *leg) response(req *sip.Request, code int, phrase string, body []byte) *sip.Response {
	res := sip.NewResponseFromRequest(req, code, phrase, body)
	if to := res.To(); to != nil {
		to.Params.Add("tag", l.dialog.ID().LocalTag)
	}
	res.AppendHeader(l.contact.Clone())
	if code >= 200 {
		addAbilities(res)
	}
	if code/100 == 2 && l.state == answered {
		l.session.answer(res)
	}
	if body != nil {
		res.AppendHeader(sip.NewHeader("Content-Type", sdpType))
	}
	return res
}

// expectAck prepares for the ACK of the INVITE with this number. l.mu is held.
func (l *leg) expectAck(seq uint32) <-chan *sip.Request {
	ack := make(chan *sip.Request, 1)
	l.waiting[seq] = ack
	return ack
}

// acked takes an ACK.
func (l *leg) acked(req *sip.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ack := l.waiting[req.CSeq().SeqNo]; ack != nil {
		select {
		case ack <- req:
		default: // a repeated one
		}
	}
}

// repeatUntilAck sends a 200 again and again until its ACK comes, which it
// returns, or 64*T1 are over (RFC 3261 §13.3.1.4) or stop is closed. The 200 was
// sent once.
func (l *leg) repeatUntilAck(tx sip.ServerTransaction, res *sip.Response, seq uint32, ack <-chan *sip.Request, stop <-chan struct{}) (*sip.Request, bool) {
	defer func() {
		l.mu.Lock()
		delete(l.waiting, seq)
		l.mu.Unlock()
	}()
	t := l.gateway.cfg.Timers
	interval := t.T1
	repeat := time.NewTimer(interval)
	defer repeat.Stop()
	limit := time.NewTimer(64 * t.T1)
	defer limit.Stop()
	for {
		select {
		case req := <-ack:
			return req, true
		case req := <-tx.Acks(): // with the INVITE's branch, which some peers reuse
			return req, true
		case <-repeat.C:
			_ = tx.Respond(res)
			interval = min(2*interval, t.T2)
			repeat.Reset(interval)
		case <-limit.C:
			return nil, false
		case <-stop:
			return nil, false
		case <-l.gateway.sending.Done():
			return nil, false
		}
	}
}

// confirmed is the end of the wait for the ACK of the first INVITE, which was
// answered at since, on media.Now.
func (l *leg) confirmed(ack *sip.Request, ok bool, since time.Duration) {
	failure := call.Reason("")
	switch {
	case ok && !l.takeAnswer(ack):
		failure = call.ReasonNoCodec
	case !ok && l.port.LastHeard() < since:
		failure = call.ReasonNoAck
	case !ok:
		// The peer believes in the call, so it stands.
		l.log.Warn("no ACK came, but sound: the call goes on")
	}
	l.mu.Lock()
	l.unacked = false
	bye, why := l.bye, l.why
	l.mu.Unlock()
	if bye {
		l.sendBye(why)
		return
	}
	if failure != "" {
		l.end(call.Cause{By: l.party, Reason: failure}, true)
	}
}

// takeAnswer reads the answer to an offer of ours in an ACK. It tells whether
// there is an agreement.
func (l *leg) takeAnswer(ack *sip.Request) bool {
	l.mu.Lock()
	// The ACK of an earlier INVITE may come when another offer is under way.
	if !l.offering || l.offerIn != int64(ack.CSeq().SeqNo) {
		l.mu.Unlock()
		return true
	}
	l.offering = false
	description, err := sdp.Parse(ack.Body())
	var agreed sdp.Agreement
	if err == nil {
		agreed, err = l.writer.Accept(description)
	}
	if err == nil {
		l.agree(agreed)
	}
	former := l.agreed.Codec != media.NoCodec
	l.mu.Unlock()
	if err != nil {
		l.log.Debug("the answer to our offer cannot be used", "err", err)
		return former
	}
	l.tellAgreed()
	return true
}
