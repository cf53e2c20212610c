package sipgw

import (
	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
)

// probe asks a peer that has fallen silent whether the call is still there. Some
// send nothing while their person is silent or muted, so silence alone does not
// end a call. It runs in a goroutine of its own.
func (l *leg) probe() {
	defer l.probing.Store(false)
	l.mu.Lock()
	if l.state != answered {
		l.mu.Unlock()
		return
	}
	req := l.dialog.Request(sip.OPTIONS, "", nil)
	l.mu.Unlock()
	req.AppendHeader(sip.NewHeader("Accept", sdpType))
	addAbilities(req)
	res := l.request(req)
	cause := call.Cause{By: l.party, Reason: call.ReasonMediaTimeout, Status: sip.StatusRequestTimeout}
	switch {
	case res == nil:
		// Sound may have come back meanwhile, from a peer that answers no OPTIONS.
		if now := media.Now(); !l.silent(now) {
			return
		}
	case res.StatusCode == sip.StatusRequestTimeout, res.StatusCode == sip.StatusCallTransactionDoesNotExists:
		cause.Status = res.StatusCode // RFC 5057 §5.1
	default:
		l.quietSince()
		return
	}
	l.end(cause, true)
}
