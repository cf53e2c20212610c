package sipgw

import (
	"errors"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/sipgw/dialog"
)

// errNoAnswer says that a 2xx holds no session description.
var errNoAnswer = errors.New("the 2xx has no answer to our offer")

// provisional takes a provisional response: the telephone rings, and with a session
// description the network has something to hear of its own.
func (l *called) provisional(a *attempt, res *sip.Response) {
	if res.StatusCode == sip.StatusTrying {
		return
	}
	l.telling.Lock()
	defer l.telling.Unlock()
	l.mu.Lock()
	if l.state != early {
		l.mu.Unlock()
		return
	}
	l.rang = l.rang || res.StatusCode == sip.StatusRinging
	if agreed, err := a.fork(toTag(res)).read(res); err == nil {
		// Of several telephones that ring, the network's newest word is heard.
		l.agree(agreed)
		l.hearing.Store(true)
		l.gateway.cfg.Pacer.Add(l.leg)
	}
	heard := l.hearing.Load()
	news := !l.toldRinging || heard != l.toldEarly
	l.toldRinging, l.toldEarly = true, heard
	l.mu.Unlock()
	if news {
		l.post(call.Ringing{Leg: l, Early: heard})
	}
}

// accept takes the first 2xx to the INVITE. Where it is not wanted any more, or
// is of no use, it is hung up at once. It is for run's goroutine.
func (a *attempt) accept(res *sip.Response) {
	d, err := a.confirm(a.invite, a.proofs, res)
	if err != nil {
		a.leg.log.Warn("an answer cannot be read", "target", a.hop.target, "err", err)
		a.fail(verdict{status: res.StatusCode, cause: call.Cause{By: call.ByCalled, Reason: call.ReasonFailed}})
		return
	}
	a.outcome()
	why, ok := a.leg.answered(a, d, res)
	if ok {
		return
	}
	a.acknowledge(res)
	a.hangUp(d, why)
	if why.Reason == call.ReasonNoCodec {
		a.fail(verdict{status: res.StatusCode, cause: why})
	}
}

// acceptedBefore takes a 2xx that comes after the first: a repeated one is
// acknowledged again, one of another telephone is hung up at once
// (RFC 3261 §13.2.2.4). sipgo calls it.
func (a *attempt) acceptedBefore(invite *sip.Request, given proofs, res *sip.Response) {
	defer a.leg.gateway.contain("a repeated answer", nil)
	if !res.IsSuccess() {
		return
	}
	a.mu.Lock()
	ack, others := a.acks[toTag(res)], len(a.acks)
	a.mu.Unlock()
	if ack != nil {
		_ = a.leg.gateway.client.WriteRequest(ack.Clone(), dialog.Built)
		return
	}
	// Where the first 2xx is still on its way to run's goroutine, this may be the same
	// one repeated, and to hang it up would end the call. Whosever it is, it comes again
	// until it is acknowledged.
	if others == 0 || others == maxForks {
		return
	}
	if d, err := a.confirm(invite, given, res); err == nil {
		a.acknowledge(res)
		a.leg.gateway.background(func() { a.hangUp(d, answeredElsewhere) })
	}
}

// confirm makes the dialog of a 2xx to an INVITE with these answers to challenges,
// and its ACK, which is not sent yet.
func (a *attempt) confirm(invite *sip.Request, given proofs, res *sip.Response) (*dialog.Dialog, error) {
	d, err := dialog.Confirm(invite, res, a.contact, a.path)
	if err != nil {
		return nil, err
	}
	ack := d.Ack("", nil)
	given.add(ack) // RFC 3261 §13.2.2.4
	a.mu.Lock()
	a.acks[toTag(res)] = ack
	a.mu.Unlock()
	return d, nil
}

// acknowledge sends the ACK that confirm made for a 2xx.
func (a *attempt) acknowledge(res *sip.Response) {
	a.mu.Lock()
	ack := a.acks[toTag(res)]
	a.mu.Unlock()
	if err := a.leg.gateway.client.WriteRequest(ack.Clone(), dialog.Built); err != nil {
		a.leg.log.Info("an ACK could not be sent", "target", a.hop.target, "err", err)
	}
}

// hangUp ends a dialog that is none of the leg's.
func (a *attempt) hangUp(d *dialog.Dialog, why call.Cause) {
	bye := d.Request(sip.BYE, "", nil)
	bye.AppendHeader(reasonHeader(why))
	a.leg.gateway.send(bye)
}

// maxForks bounds how many telephones may answer one INVITE.
const maxForks = 16

// answered makes the leg's dialog of a 2xx and acknowledges it, unless it has one already, is over,
// or the sound is not to be agreed on: then it says why.
func (l *called) answered(a *attempt, d *dialog.Dialog, res *sip.Response) (call.Cause, bool) {
	l.telling.Lock()
	defer l.telling.Unlock()
	l.mu.Lock()
	switch why := l.why; {
	case l.state == answered:
		l.mu.Unlock()
		return answeredElsewhere, false
	case l.state == ended:
		l.mu.Unlock()
		return why, false
	case a.abandoned:
		l.mu.Unlock()
		return call.Cause{By: call.BySystem, Reason: call.ReasonNoAnswer}, false
	}
	f := a.fork(toTag(res))
	agreed, err := f.final(res)
	if err != nil {
		l.mu.Unlock()
		l.log.Info("the sound of who answered cannot be agreed on", "target", a.hop.target, "err", err)
		return call.Cause{By: call.ByCalled, Reason: call.ReasonNoCodec}, false
	}
	l.state = answered
	l.dialog, l.contact, l.media, l.writer = d, a.contact, a.media, f.writer
	l.agree(agreed)
	l.granted(res)
	l.gateway.confirm(l.leg)
	l.mu.Unlock()
	// Not before the gateway knows the dialog: the peer may send its next request
	// as soon as it has the ACK.
	a.acknowledge(res)

	l.stopTrying(answeredElsewhere)
	l.port.SetSymmetric(!l.gateway.cfg.FixedMedia)
	l.quietSince()
	l.mu.Lock()
	l.talking.Store(l.state == answered)
	l.mu.Unlock()
	l.gateway.cfg.Pacer.Add(l.leg)
	l.post(call.Answered{Leg: l})
	l.tellAgreed()
	return call.Cause{}, true
}

// toTag is the tag of who responds.
func toTag(res *sip.Response) string {
	if to := res.To(); to != nil {
		tag, _ := to.Params.Get("tag")
		return tag
	}
	return ""
}
