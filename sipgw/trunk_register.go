package sipgw

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/sipgw/dialog"
	"github.com/carillon-cc/carillon/sipgw/trunk"
)

// registerTimeout is how long each response to a REGISTER is waited for.
const registerTimeout = 8 * time.Second

// register sends a REGISTER of a link, with what its challenges ask for.
// expires is 0 to end the registration.
func (t *trunks) register(ctx context.Context, l *link, e trunk.Endpoint, expires time.Duration) trunk.Outcome {
	var given proofs
	for {
		r := t.registerRequest(l, e, expires)
		given.add(r)
		res, err := t.gateway.request(ctx, r, e, registerTimeout)
		if err != nil {
			l.health.Blame(e, certificateFault(err))
			t.heard(l, e, 0, err.Error())
			return trunk.Outcome{Endpoint: e.String(), Err: err}
		}
		t.heard(l, e, res.StatusCode, dialog.Clean(res.Reason))
		if again, _ := given.answer(res, r, l.credentials()); again {
			continue
		}
		return trunk.Outcome{
			Endpoint: e.String(), Status: res.StatusCode, Phrase: dialog.Clean(res.Reason),
			Granted: granted(res, l.token), MinExpires: seconds(res, "Min-Expires"), RetryAfter: seconds(res, "Retry-After"),
		}
	}
}

// registerRequest makes the next REGISTER of a link. All have one Call-ID
// (RFC 3261 §10.2.4).
func (t *trunks) registerRequest(l *link, e trunk.Endpoint, expires time.Duration) *sip.Request {
	domain := domainOf(l.trunk, e)
	us := sip.Uri{Scheme: "sip", User: accountOf(l.trunk), Host: domain}
	r := t.gateway.outside(sip.REGISTER, sip.Uri{Scheme: "sip", Host: domain}, us, us, e)
	l.seq++
	r.CSeq().SeqNo = l.seq
	callID := sip.CallIDHeader(l.callID)
	r.ReplaceHeader(&callID)
	contact := dialog.Contact(l.token, t.gateway.publicAddress(t.gateway.localFor(e.Transport, e.Peer)), e.Transport)
	contact.Params.Add("expires", strconv.Itoa(int(expires/time.Second)))
	r.ReplaceHeader(&contact)
	r.AppendHeader(sip.NewHeader("Expires", strconv.Itoa(int(expires/time.Second))))
	r.AppendHeader(sip.NewHeader("Allow", allowed))
	return r
}

// granted is how long a 200 says that our contact is registered, 0 where it
// does not say (RFC 3261 §10.2.4). Contacts of others are none of our business.
func granted(res *sip.Response, token string) time.Duration {
	for _, h := range res.GetHeaders("Contact") {
		for _, value := range splitList(h.Value(), ',') {
			var uri sip.Uri
			var params sip.HeaderParams
			if _, err := sip.ParseAddressValue(value, &uri, &params); err != nil || !strings.EqualFold(uri.User, token) {
				continue
			}
			if text, ok := params.Get("expires"); ok {
				return secondsOf(text)
			}
		}
	}
	return seconds(res, "Expires")
}

// heard notes how a request to an endpoint went, besides those of ask.
func (t *trunks) heard(l *link, e trunk.Endpoint, status int, reason string) {
	if status == 0 {
		t.book.Kick()
	}
	t.note(l, e, status, reason, 0, false)
}

// note keeps how an endpoint does. One that was down and holds our registration
// may have forgotten it.
func (t *trunks) note(l *link, e trunk.Endpoint, status int, reason string, rtt time.Duration, asked bool) {
	changed, back := l.health.Heard(e, time.Now(), status, reason, rtt, asked)
	if back && l.runner != nil && l.runner.At() == e && l.runner.State().Phase == trunk.Registered {
		l.runner.Soon()
	}
	if changed {
		t.look()
	}
}
