package sipgw

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/sipgw/dialog"
)

const (
	// referTime bounds how long a telephone waits for the outcome of a transfer.
	referTime = 3 * time.Minute
	sipfrag   = "message/sipfrag;version=2.0" // RFC 3420
)

// Why a Refer-To cannot be followed.
var (
	errBadTarget   = errors.New("the Refer-To is missing or cannot be read")
	errBadScheme   = errors.New("the Refer-To is no telephone number and no SIP address")
	errOtherMethod = errors.New("the Refer-To asks for something else than a call")
)

// referral is a transfer that the peer asked for. It is told of the outcome by
// NOTIFY, within the subscription that its REFER began (RFC 3515 §2.4.4).
type referral struct {
	event  string        // of the NOTIFYs
	status chan int      // the outcome; holds one
	done   chan struct{} // closed when the peer knows it
}

// onRefer takes a telephone's wish to transfer its call.
func (g *Gateway) onRefer(x exchange) {
	l, ringing := g.within(x.req)
	_, within := dialog.RequestID(x.req)
	switch {
	case ringing != nil && ringing.attempt.leg.trusted:
		x.respond(sip.StatusRequestPending, "Request Pending") // there is no call yet
		return
	case within && l == nil && ringing == nil:
		x.respond(sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
		return
	}
	if l == nil || !l.trusted {
		x.respond(sip.StatusForbidden, "Forbidden")
		return
	}
	to, replaces, err := readReferTo(x.req)
	switch {
	case errors.Is(err, errBadScheme):
		x.respond(416, "Unsupported URI Scheme")
		return
	case errors.Is(err, errOtherMethod):
		x.respond(sip.StatusForbidden, "Forbidden")
		return
	case err != nil:
		x.respond(sip.StatusBadRequest, "Bad Refer-To")
		return
	}
	e := call.Refer{Leg: l.self, To: to}
	if replaces != nil {
		other := g.leg(replaces.id)
		if other == nil || other == l || !other.trusted {
			// Not 481, which would speak of the call that the REFER came in.
			x.respond(sip.StatusNotFound, "Not Found")
			return
		}
		e.Replaces = other.self
	}
	r, ok := l.beginReferral(x.req)
	if !ok {
		x.respond(sip.StatusRequestPending, "Request Pending")
		return
	}
	e.Report = func(status int) {
		select {
		case r.status <- status:
		default: // told already
		}
	}
	if strings.EqualFold(header(x.req, "Refer-Sub", "Refer-Sub"), "false") {
		// RFC 4488: the peer does not want to know.
		res := sip.NewResponseFromRequest(x.req, sip.StatusOK, "OK", nil)
		res.AppendHeader(sip.NewHeader("Refer-Sub", "false"))
		res.AppendHeader(l.contact.Clone())
		l.endReferral(r)
		_ = x.tx.Respond(res)
	} else {
		res := sip.NewResponseFromRequest(x.req, sip.StatusAccepted, "Accepted", nil)
		res.AppendHeader(l.contact.Clone())
		_ = x.tx.Respond(res)
		g.background(func() { l.followReferral(r) })
	}
	l.post(e)
}

// beginReferral starts a transfer, if the call is one that can be transferred
// and no other is under way.
func (l *leg) beginReferral(req *sip.Request) (*referral, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state != answered || l.referral != nil {
		return nil, false
	}
	r := &referral{event: "refer", status: make(chan int, 1), done: make(chan struct{})}
	if l.referred {
		// Tells the second transfer of a call from the first (RFC 3515 §2.4.6).
		r.event += ";id=" + strconv.FormatUint(uint64(req.CSeq().SeqNo), 10)
	}
	l.referral, l.referred = r, true
	return r, true
}

func (l *leg) endReferral(r *referral) {
	l.mu.Lock()
	l.referral = nil
	l.mu.Unlock()
	close(r.done)
}

// followReferral tells the peer that its transfer is tried, and then how it
// went. Where the call ends without an outcome, so does the subscription.
func (l *leg) followReferral(r *referral) {
	defer l.endReferral(r)
	if !l.notify(r, sip.StatusTrying, "active;expires="+inSeconds(referTime)) {
		return
	}
	limit := time.NewTimer(referTime)
	defer limit.Stop()
	status := sip.StatusRequestTimeout
	select {
	case status = <-r.status:
	case <-limit.C:
	case <-l.over:
		select {
		case status = <-r.status: // told just before
		default:
			return
		}
	case <-l.gateway.sending.Done():
		return
	}
	l.notify(r, status, "terminated;reason=noresource")
}

// notify tells the peer how its transfer goes and whether it still listens.
func (l *leg) notify(r *referral, code int, state string) bool {
	req := l.dialog.Request(sip.NOTIFY, sipfrag, fmt.Appendf(nil, "SIP/2.0 %d %s\r\n", code, phraseOf(code)))
	req.AppendHeader(sip.NewHeader("Event", r.event))
	req.AppendHeader(sip.NewHeader("Subscription-State", state))
	addAbilities(req)
	res := l.request(req)
	return res != nil && res.IsSuccess()
}

// phraseOf puts a status code into words.
func phraseOf(code int) string {
	switch {
	case code < 200:
		return "Trying"
	case code < 300:
		return "OK"
	case code == sip.StatusRequestTimeout:
		return "Request Timeout"
	}
	for _, s := range statuses {
		if s.code == code {
			return s.phrase
		}
	}
	return "Failed"
}

// readReferTo reads whom a REFER sends the other party to: a number, or a call
// of ours that the new one is to replace.
func readReferTo(req *sip.Request) (to string, replaces *replacement, err error) {
	if len(req.GetHeaders("Refer-To"))+len(req.GetHeaders("r")) != 1 {
		return "", nil, errBadTarget // RFC 3515 §2.4.2
	}
	var uri sip.Uri
	var params sip.HeaderParams
	if _, err := sip.ParseAddressValue(header(req, "Refer-To", "r"), &uri, &params); err != nil {
		return "", nil, errBadTarget
	}
	switch uri.Scheme {
	case "sip", "sips", "tel":
	default:
		return "", nil, errBadScheme
	}
	if method, ok := uri.UriParams.Get("method"); ok && !strings.EqualFold(method, string(sip.INVITE)) {
		return "", nil, errOtherMethod
	}
	for _, name := range uri.Headers.Keys() {
		if !strings.EqualFold(name, "Replaces") {
			continue
		}
		escaped, _ := uri.Headers.Get(name)
		value, err := url.PathUnescape(escaped)
		if err != nil {
			return "", nil, errBadTarget
		}
		r, ok := parseReplaces(value)
		if !ok {
			return "", nil, errBadTarget
		}
		replaces = &r
	}
	if to = user(uri); to == "" && replaces == nil {
		return "", nil, errBadTarget
	}
	return to, replaces, nil
}
