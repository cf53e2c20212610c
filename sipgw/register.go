package sipgw

import (
	"errors"
	"strconv"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/sipgw/dialog"
	"github.com/carillon-cc/carillon/sipgw/registrar"
)

// maxUserAgent bounds what is kept of a telephone's own name, in bytes.
const maxUserAgent = 100

// onRegister takes the registration of a telephone that proved to be x.line's.
func (g *Gateway) onRegister(x exchange) {
	if x.line == nil {
		g.onOther(x)
		return
	}
	if user(x.req.To().Address) != x.line.Number {
		x.respond(sip.StatusForbidden, "Forbidden") // on behalf of another line
		return
	}
	flow := registrar.Flow{Transport: x.req.Transport(), Local: g.localAddress(x.tx), Peer: dialog.Source(x.req)}
	agent := dialog.Clean(header(x.req, "User-Agent", "User-Agent"))
	key := LineKey(x.line)
	bindings, moved, err := g.registrar.Register(registrar.Registration{
		Line: x.line.ID, Key: key, Max: x.line.MaxContacts, Request: x.req, Flow: flow, UserAgent: agent[:min(len(agent), maxUserAgent)],
	})
	if err != nil {
		g.refuseRegistration(x, err)
		return
	}
	if g.registrar.Has(x.line.ID, flow.Transport, flow.Peer) {
		g.reroute(x.line.ID, moved, flow)
	}
	res := sip.NewResponseFromRequest(x.req, sip.StatusOK, "OK", nil)
	for _, b := range bindings {
		left := max(1, int(time.Until(b.Expires).Round(time.Second)/time.Second))
		contact := "<" + b.URI.String() + ">;expires=" + strconv.Itoa(left)
		if b.Q != "" {
			contact += ";q=" + b.Q
		}
		res.AppendHeader(sip.NewHeader("Contact", contact))
	}
	res.AppendHeader(sip.NewHeader("Date", time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")))
	_ = x.tx.Respond(res)
	g.checkRegistered(x.line.ID, key, flow)
}

func (g *Gateway) refuseRegistration(x exchange, err error) {
	refused := &registrar.Refusal{Code: sip.StatusInternalServerError, Phrase: "Server Internal Error"}
	if !errors.As(err, &refused) {
		g.log.Error("a registration failed", "err", err)
	}
	res := sip.NewResponseFromRequest(x.req, refused.Code, refused.Phrase, nil)
	if refused.Code == sip.StatusIntervalToBrief {
		res.AppendHeader(sip.NewHeader("Min-Expires", strconv.Itoa(int(registrar.MinExpires/time.Second))))
	}
	_ = x.tx.Respond(res)
}
