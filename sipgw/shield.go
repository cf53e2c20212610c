package sipgw

import (
	"fmt"
	"runtime/debug"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw/dialog"
)

// exchange is a request with what is needed to answer it.
type exchange struct {
	req *sip.Request
	tx  sip.ServerTransaction
	// line is whose telephone has proved to send the request; nil for a trunk and
	// within a dialog.
	line *ccs.Line
}

// respond sends a response without a body. An error means that the peer or the
// transaction is gone, about which nothing can be done.
func (x exchange) respond(code int, phrase string) {
	_ = x.tx.Respond(sip.NewResponseFromRequest(x.req, code, phrase, nil))
}

// shielded makes a handler for sipgo, which runs it without a recover of its
// own: a fault in one message must not end every call of the process.
func (g *Gateway) shielded(handle func(exchange)) func(*sip.Request, sip.ServerTransaction) {
	return func(req *sip.Request, tx sip.ServerTransaction) {
		x := exchange{req: req, tx: tx}
		defer func() {
			if fault := recover(); fault != nil {
				g.panics.Add(1)
				g.log.Error("a SIP handler failed", "method", string(req.Method), "fault", fmt.Sprint(fault), "stack", string(debug.Stack()))
				// Without effect when a final response went out before.
				if req.Method != sip.ACK {
					x.respond(sip.StatusInternalServerError, "Server Internal Error")
				}
			}
		}()
		// sipgo reads the original in other goroutines, to answer a CANCEL, and
		// reading a header may parse and keep it.
		x.req = req.Clone()
		if x.req.From() == nil || x.req.To() == nil || x.req.CallID() == nil || x.req.CSeq() == nil {
			if req.Method != sip.ACK && g.acl.allows(dialog.Source(x.req).Addr()) {
				x.respond(sip.StatusBadRequest, "Bad Request")
			}
			return
		}
		if !dialog.Tame(x.req) {
			return // an answer would have to repeat it
		}
		if g.admit(&x) {
			handle(x)
		}
	}
}

// contain is deferred in goroutines that take what peers send, for the same
// reason. then is called after a fault; nil does nothing.
func (g *Gateway) contain(what string, then func()) {
	if fault := recover(); fault != nil {
		g.panics.Add(1)
		g.log.Error("SIP failed", "at", what, "fault", fmt.Sprint(fault), "stack", string(debug.Stack()))
		if then != nil {
			then()
		}
	}
}
