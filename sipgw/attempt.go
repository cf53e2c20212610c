package sipgw

import (
	"cmp"
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/sipgw/dialog"
	"github.com/carillon-cc/carillon/sipgw/sdp"
)

// attempt is one INVITE to one hop. A goroutine of its own runs it to its end,
// which may come after that of the leg: a CANCEL takes time.
type attempt struct {
	leg     *called
	hop     hop
	path    dialog.Path
	contact sip.ContactHeader
	media   netip.AddrPort

	invite *sip.Request // the newest
	proofs proofs
	wish   sessionWish

	// Of run's goroutine.
	heard     bool // a response to invite came
	seen      int  // the newest status, of whatever kind
	abandoned bool // an answer is not wanted any more
	told      bool // the outcome was told
	encrypted bool // the offer was made anew with encrypted sound

	// writer is the attempt's own: each peer gets keys that no other has. All
	// offer the same port.
	writer *sdp.Writer      // leg.mu
	forks  map[string]*fork // by To tag; leg.mu
	forked chan struct{}    // closed and made anew for each new fork; leg.mu

	mu   sync.Mutex
	acks map[string]*sip.Request // of the 2xx responses, by To tag
}

func newAttempt(l *called, h hop) *attempt {
	g := l.gateway
	local := h.local
	if !local.IsValid() {
		local = g.localFor(h.transport, h.peer)
	}
	public := g.publicAddress(local)
	a := &attempt{
		leg: l, hop: h,
		path: dialog.Path{
			Transport: h.transport, Local: local, Peer: h.peer, Dialled: l.placing.line == "", Reachable: l.placing.reachable, Open: g.guard.streams.has,
		},
		contact: dialog.Contact(l.placing.from.Address.User, public, h.transport),
		media:   netip.AddrPortFrom(public.Addr(), l.port.Local().Port()),
		writer:  sdp.NewWriter(rand.Uint64()),
		wish:    g.sessionWish(),
		forks:   make(map[string]*fork),
		forked:  make(chan struct{}),
		acks:    make(map[string]*sip.Request),
	}
	first := dialog.First{
		Recipient: h.recipient, From: l.placing.from, To: l.placing.to, Contact: a.contact, Path: a.path,
		Headers: l.placing.headers,
	}
	a.writer.SetPolicy(policyOf(h.transport, l.placing.encryption))
	a.invite = first.Invite(sdpType, a.writer.Offer(a.media, l.placing.codecs, sdp.SendRecv))
	addAbilities(a.invite)
	a.wish.add(a.invite)
	return a
}

// run sends the INVITE and takes its responses until nothing more is to come.
func (a *attempt) run() {
	g := a.leg.gateway
	defer g.contain("calling", func() { a.fail(verdict{}) })
	g.guard.talking.add(a.hop.peer.Addr())
	defer g.guard.talking.remove(a.hop.peer.Addr())
	g.expectForks(a)
	defer g.forgetForks(a)
	tx, err := a.send()
	if err != nil {
		a.fail(verdict{})
		return
	}
	patience := time.NewTimer(a.leg.placing.patience)
	defer patience.Stop()
	stop := a.leg.stop
	var limit <-chan time.Time // of a CANCEL
	giveUp := func() {
		a.abandoned, stop = true, nil
		limit = time.After(64 * g.cfg.Timers.T1) // RFC 3261 §9.1
		if a.heard {
			a.cancel()
		}
	}
	for {
		select {
		case res := <-tx.Responses():
			patience.Stop()
			a.seen = res.StatusCode
			switch {
			case res.IsProvisional():
				if a.abandoned && !a.heard {
					a.cancel() // not before (RFC 3261 §9.1)
				}
				a.heard = true
				if !a.abandoned {
					a.leg.provisional(a, res)
				}
				continue
			case res.IsSuccess():
				a.accept(res)
				return
			}
			if again := a.again(res); again != nil {
				a.forget()
				a.invite = again
				if tx, err = a.send(); err != nil {
					a.fail(verdict{})
					return
				}
				patience.Reset(a.leg.placing.patience)
				continue
			}
			a.fail(a.refusal(res))
			return
		case <-patience.C:
			if !a.heard && !a.abandoned {
				a.fail(verdict{})
				giveUp()
			}
		case <-stop:
			giveUp()
		case <-limit:
			a.outcome()
			tx.Terminate()
			return
		case <-tx.Done():
			a.fail(verdict{})
			return
		case <-g.sending.Done():
			tx.Terminate()
			return
		}
	}
}

// send begins the transaction of the INVITE. On a stream it may have to connect
// first.
func (a *attempt) send() (sip.ClientTransaction, error) {
	g := a.leg.gateway
	ctx, cancel := context.WithTimeout(g.sending, a.leg.placing.patience)
	defer cancel()
	g.expect(a.hop.peer, a.hop.serverName)
	tx, err := g.client.TransactionRequest(ctx, a.invite, dialog.Built)
	if err != nil {
		a.leg.log.Info("an INVITE could not be sent", "target", a.hop.target, "err", err)
		return nil, err
	}
	a.heard = false
	invite, proofs := a.invite, a.proofs.clone() // another may follow
	tx.OnRetransmission(func(res *sip.Response) { a.acceptedBefore(invite, proofs, res) })
	return tx, nil
}

// again makes the INVITE that a final response asks for, nil where it asks for
// none.
func (a *attempt) again(res *sip.Response) *sip.Request {
	switch {
	case a.abandoned:
		return nil
	case a.wish.raise(res):
		again := dialog.Again(a.invite)
		removeHeaders(again, "Session-Expires", "Min-SE")
		a.wish.add(again)
		return again
	case a.encrypts(res):
		again := dialog.Again(a.invite)
		a.leg.mu.Lock()
		defer a.leg.mu.Unlock()
		a.writer.SetPolicy(sdp.Required)
		again.SetBody(a.writer.Offer(a.media, a.leg.placing.codecs, sdp.SendRecv))
		return again
	case !a.authenticate(res):
		return nil
	}
	again := dialog.Again(a.invite)
	a.proofs.replace(again)
	return again
}

// encrypts tells, once, whether encrypted sound is to be offered to a peer that
// does not accept the plain one: over TLS the keys are safe, and telephones that
// demand encryption cannot say so otherwise.
func (a *attempt) encrypts(res *sip.Response) bool {
	if a.encrypted || res.StatusCode != sip.StatusNotAcceptableHere ||
		policyOf(a.hop.transport, a.leg.placing.encryption) != sdp.Preferred {
		return false
	}
	a.encrypted = true
	return true
}

// authenticate answers the challenge of a 401 or 407.
func (a *attempt) authenticate(res *sip.Response) bool {
	ok, err := a.proofs.answer(res, a.invite, a.leg.placing.credentials)
	if err != nil {
		a.leg.log.Warn("a challenge cannot be answered", "target", a.hop.target, "err", err)
	}
	return ok
}

func removeHeaders(r *sip.Request, names ...string) {
	for _, name := range names {
		for r.RemoveHeader(name) {
			continue
		}
	}
}

// cancel sends the CANCEL of the INVITE.
func (a *attempt) cancel() {
	r := dialog.Cancel(a.invite)
	select {
	case <-a.leg.stop:
		r.AppendHeader(reasonHeader(a.leg.unwanted))
	default: // another hop is tried
	}
	a.leg.gateway.send(r)
}

// refusal reads a final response that is none of success.
func (a *attempt) refusal(res *sip.Response) verdict {
	v := verdict{status: res.StatusCode}
	_, q850 := readReason(res)
	a.leg.mu.Lock()
	rang := a.leg.rang
	a.leg.mu.Unlock()
	v.cause = call.Cause{By: call.ByCalled, Reason: reasonOf(res.StatusCode, q850, rang), Status: res.StatusCode, Q850: q850}
	if res.StatusCode/100 == 3 {
		v.contacts = contacts(res)
	}
	return v
}

// fail tells how the attempt ended, once, unless nobody cares any more.
func (a *attempt) fail(v verdict) {
	v.hop = a.hop
	if v.status == 0 {
		v.cause = call.Cause{By: call.ByCalled, Reason: a.leg.placing.unreached}
	}
	if v.status != 0 {
		a.seen = v.status
	}
	if !a.abandoned || a.seen != 0 {
		a.outcome()
	}
	if a.abandoned {
		return
	}
	select {
	case a.leg.verdicts <- v:
	case <-a.leg.stop:
	}
}

// outcome tells how the hop did, once.
func (a *attempt) outcome() {
	if a.told || a.leg.placing.outcome == nil {
		return
	}
	a.told = true
	a.leg.placing.outcome(a.hop, a.seen)
}

// contacts lists where a 3xx says that somebody is, the preferred one first
// (RFC 3261 §8.1.3.4).
func contacts(res *sip.Response) []sip.Uri {
	type choice struct {
		uri sip.Uri
		q   float64
	}
	var found []choice
	for _, h := range res.GetHeaders("Contact") {
		c, ok := h.(*sip.ContactHeader)
		if !ok || len(found) == maxContacts {
			continue
		}
		q := 1.0
		if text, ok := c.Params.Get("q"); ok {
			if n, err := strconv.ParseFloat(text, 64); err == nil {
				q = n
			}
		}
		found = append(found, choice{*c.Address.Clone(), q})
	}
	slices.SortStableFunc(found, func(a, b choice) int { return cmp.Compare(b.q, a.q) })
	uris := make([]sip.Uri, len(found))
	for i, c := range found {
		uris[i] = c.uri
	}
	return uris
}

// maxContacts bounds how many contacts of a 3xx are tried.
const maxContacts = 5
