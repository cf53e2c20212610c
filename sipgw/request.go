package sipgw

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/sipgw/dialog"
)

// pendingTime is how long a peer that said so may think about an INVITE of ours
// within the call, before we CANCEL it.
const pendingTime = 30 * time.Second

// request sends a request within the dialog and returns its final response, nil
// for none. Challenges are answered, a 2xx to an INVITE is acknowledged as often
// as it comes. It blocks, for 64*T1 or so; l.mu must not be held.
func (l *leg) request(req *sip.Request) *sip.Response {
	var given proofs
	for {
		res := l.transact(req, given)
		if res == nil {
			return nil
		}
		again, err := given.answer(res, req, l.credentials)
		if err != nil {
			l.log.Debug("a challenge within the call cannot be answered", "err", err)
		}
		if !again {
			return res
		}
		req = l.dialog.Again(req)
		given.replace(req)
	}
}

// transact sends a request that has these answers to challenges, and waits for
// the final response, nil for none.
func (l *leg) transact(req *sip.Request, given proofs) *sip.Response {
	l.regain(req)
	t := l.gateway.cfg.Timers
	ctx, cancel := context.WithTimeout(l.gateway.sending, 64*t.T1)
	defer cancel()
	if req.Method != sip.INVITE {
		res, err := l.gateway.client.Do(ctx, req, dialog.Built)
		if err != nil {
			l.log.Debug("a request within the call was not answered", "method", string(req.Method), "err", err)
			return nil
		}
		if res.IsSuccess() && req.Method == sip.UPDATE {
			l.dialog.Refresh(res)
		}
		return res
	}
	tx, err := l.gateway.client.TransactionRequest(ctx, req, dialog.Built)
	if err != nil {
		l.log.Debug("a re-INVITE could not be sent", "err", err)
		return nil
	}
	var ack atomic.Pointer[sip.Request]
	tx.OnRetransmission(func(*sip.Response) {
		if r := ack.Load(); r != nil {
			_ = l.gateway.client.WriteRequest(r.Clone(), dialog.Built)
		}
	})
	res := l.awaitFinal(tx, req)
	switch {
	case res == nil:
		tx.Terminate()
	case res.IsSuccess():
		l.dialog.Refresh(res)
		// Before the ACK, on which the peer may make an offer of its own.
		l.mu.Lock()
		l.offering = false
		l.settled(res)
		l.mu.Unlock()
		r := l.dialog.Ack("", nil)
		given.add(r) // RFC 3261 §13.2.2.4
		ack.Store(r)
		if err := l.gateway.client.WriteRequest(r.Clone(), dialog.Built); err != nil {
			l.log.Debug("an ACK could not be sent", "err", err)
		}
	}
	// The transaction stays for repeated responses and ends by itself.
	return res
}

// awaitFinal waits for the final response to an INVITE of ours within the call.
// One that stays pending is cancelled.
func (l *leg) awaitFinal(tx sip.ClientTransaction, req *sip.Request) *sip.Response {
	t := l.gateway.cfg.Timers
	limit := time.NewTimer(64 * t.T1)
	defer limit.Stop()
	pending, cancelled := false, false
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				return res
			}
			if !pending {
				pending = true
				limit.Reset(max(pendingTime, 64*t.T1))
			}
		case <-limit.C:
			if !pending || cancelled {
				return nil
			}
			cancelled = true
			l.gateway.send(dialog.Cancel(req))
			limit.Reset(64 * t.T1)
		case <-tx.Done():
			return nil
		case <-l.gateway.sending.Done():
			return nil
		}
	}
}
