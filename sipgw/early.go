package sipgw

import (
	"bytes"
	"errors"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/sipgw/dialog"
	"github.com/carillon-cc/carillon/sipgw/sdp"
)

// fork is a telephone that rings at an INVITE of ours: an early dialog
// (RFC 3261 §12.1). It may send requests before it answers. The leg's mu guards
// it.
type fork struct {
	attempt *attempt
	writer  *sdp.Writer // of this dialog alone
	agreed  sdp.Agreement
	// said is the description in a provisional response, which settled agreed;
	// nil while there is none.
	said    []byte
	changed bool   // by an UPDATE since
	seq     uint32 // of the newest UPDATE
}

// fork is the telephone with a To tag. The leg's mu is held.
func (a *attempt) fork(tag string) *fork {
	f := a.forks[tag]
	if f == nil {
		f = &fork{attempt: a, writer: a.writer.Fork()}
		if len(a.forks) < maxForks {
			a.forks[tag] = f
			a.tellForks()
		}
	}
	return f
}

// tellForks wakes who waits for a fork. The leg's mu is held.
func (a *attempt) tellForks() {
	close(a.forked)
	a.forked = make(chan struct{})
}

// forget ends all early dialogs, as a final response does.
func (a *attempt) forget() {
	a.leg.mu.Lock()
	defer a.leg.mu.Unlock()
	clear(a.forks)
}

// expectForks makes the attempt's INVITE known to requests of who rings at it.
func (g *Gateway) expectForks(a *attempt) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.attempts[a.half()] = a
}

// forgetForks undoes expectForks. The dialog of who answered is known by then.
func (g *Gateway) forgetForks(a *attempt) {
	g.mu.Lock()
	delete(g.attempts, a.half())
	g.mu.Unlock()
	a.leg.mu.Lock()
	defer a.leg.mu.Unlock()
	a.tellForks()
}

// half names the attempt's INVITE: what all its dialogs have in common.
func (a *attempt) half() dialog.ID {
	id := dialog.ID{CallID: a.invite.CallID().Value()}
	id.LocalTag, _ = a.invite.From().Params.Get("tag")
	return id
}

// within finds whose request it is: a leg's, or of a telephone that rings at an
// INVITE of ours. Both are nil for a dialog that does not exist. Each message
// has a goroutine of its own, so a request may overtake the response that makes
// its dialog, and is given a moment.
func (g *Gateway) within(req *sip.Request) (*leg, *fork) {
	id, ok := dialog.RequestID(req)
	if !ok {
		return nil, nil
	}
	var limit <-chan time.Time
	for {
		g.mu.Lock()
		l, a := g.legs[id], g.attempts[dialog.ID{CallID: id.CallID, LocalTag: id.LocalTag}]
		g.mu.Unlock()
		if l != nil || a == nil {
			return l, nil
		}
		a.leg.mu.Lock()
		f, more, over := a.forks[id.RemoteTag], a.forked, a.leg.state == answered
		a.leg.mu.Unlock()
		switch {
		case over: // somebody answered, the others are to stop
			return g.leg(id), nil
		case f != nil:
			return nil, f
		}
		if limit == nil {
			timer := time.NewTimer(g.cfg.Timers.T1 / 2) // before the request is repeated
			defer timer.Stop()
			limit = timer.C
		}
		select {
		case <-more:
		case <-limit:
			return nil, nil
		case <-g.sending.Done():
			return nil, nil
		}
	}
}

// knows tells whether a request belongs to a dialog of ours.
func (g *Gateway) knows(req *sip.Request) bool {
	l, ringing := g.within(req)
	return l != nil || ringing != nil
}

// read takes the answer to our offer from a provisional response.
func (f *fork) read(res *sip.Response) (sdp.Agreement, error) {
	agreed, err := f.accept(res)
	if err == nil {
		f.agreed, f.said, f.changed = agreed, bytes.Clone(res.Body()), false
	}
	return agreed, err
}

// final takes the answer to our offer from a 2xx. Where it has none, that of a
// provisional response counts (RFC 3261 §13.2.1), and after an UPDATE what that
// settled: the 2xx only repeats what was said before it. Networks that do say
// something else in the 2xx mean it.
func (f *fork) final(res *sip.Response) (sdp.Agreement, error) {
	if f.changed && bytes.Equal(res.Body(), f.said) {
		return f.agreed, nil
	}
	agreed, err := f.accept(res)
	if err != nil && f.said != nil && (f.changed || errors.Is(err, errNoAnswer)) {
		return f.agreed, nil
	}
	return agreed, err
}

func (f *fork) accept(res *sip.Response) (sdp.Agreement, error) {
	if len(res.Body()) == 0 {
		return sdp.Agreement{}, errNoAnswer
	}
	description, err := sdp.Parse(res.Body())
	if err != nil {
		return sdp.Agreement{}, err
	}
	return f.writer.Accept(description)
}

// update takes an UPDATE of a telephone that rings (RFC 3311 §5.2).
func (f *fork) update(x exchange) {
	l := f.attempt.leg
	if short, tooShort := l.gateway.tooShortSession(x.req); tooShort {
		_ = x.tx.Respond(short)
		return
	}
	offer, ok := readOffer(x)
	if !ok {
		return
	}
	l.mu.Lock()
	body, err := f.offer(x.req, offer)
	l.mu.Unlock()
	if err != nil {
		refuseOffer(x, err)
		return
	}
	res := sip.NewResponseFromRequest(x.req, sip.StatusOK, "OK", body)
	res.AppendHeader(f.attempt.contact.Clone())
	addAbilities(res)
	// The 2xx to the INVITE says what holds for the call.
	readSession(x.req).accept(session{}, l.gateway.cfg.Timers.MinSession).answer(res)
	if body != nil {
		res.AppendHeader(sip.NewHeader("Content-Type", sdpType))
	}
	_ = x.tx.Respond(res)
}

// offer answers the offer of an UPDATE, nil for none, and returns what the 200
// holds. The leg's mu is held.
func (f *fork) offer(req *sip.Request, offer *sdp.Description) ([]byte, error) {
	l, seq := f.attempt.leg, req.CSeq().SeqNo
	switch {
	case l.state != early:
		return nil, errOver
	case seq <= f.seq:
		return nil, dialog.ErrOldRequest
	case offer == nil:
		f.seq = seq
		return nil, nil
	case f.said == nil:
		return nil, errCrossing
	}
	f.seq = seq
	var body []byte
	agreed := f.agreed
	if offer.Removed() {
		body, agreed = f.writer.AnswerRemoved(offer, agreed, f.attempt.media)
	} else {
		var err error
		if body, agreed, err = f.writer.Answer(offer, f.attempt.media); err != nil {
			return nil, err
		}
	}
	f.agreed, f.changed = agreed, true
	l.agree(agreed) // the newest word is heard, as of a provisional response
	return body, nil
}
