package sipgw

import (
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/sipgw/dialog"
)

// What we say that we can do.
const (
	allowed        = "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, INFO, REFER"
	supported      = "timer, replaces"
	timerOption    = "timer"
	replacesOption = "replaces"
	sdpType        = "application/sdp"
)

// onAck passes an ACK to whoever waits for it. It is matched by its number,
// because an INFO or UPDATE may come between the 200 and its ACK.
func (g *Gateway) onAck(x exchange) {
	if l := g.find(x.req); l != nil {
		l.acked(x.req)
	}
}

func (g *Gateway) onBye(x exchange) {
	l, ringing := g.within(x.req)
	if l == nil && ringing == nil {
		x.respond(sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
		return
	}
	x.respond(sip.StatusOK, "OK")
	if l != nil {
		l.hungUp(x.req)
	}
	// Who rings must not hang up (RFC 3261 §15): the final response to our INVITE,
	// which is due all the same, ends the call.
}

// onOptions answers a trunk's test of whether we live, or, within a dialog, of
// whether the call does. A gateway that takes no more calls says so, that the
// trunk may choose another.
func (g *Gateway) onOptions(x exchange) {
	_, within := dialog.RequestID(x.req)
	switch {
	case within && !g.knows(x.req):
		x.respond(sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
		return
	case !within && g.draining.Load():
		_ = x.tx.Respond(statusOf(call.ReasonShutdown).response(x.req))
		return
	}
	res := sip.NewResponseFromRequest(x.req, sip.StatusOK, "OK", nil)
	res.AppendHeader(sip.NewHeader("Accept", sdpType))
	addAbilities(res)
	_ = x.tx.Respond(res)
}

// onInfo takes digits from telephones that send them in the signalling.
func (g *Gateway) onInfo(x exchange) {
	l, ringing := g.within(x.req)
	if l == nil && ringing == nil {
		x.respond(sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
		return
	}
	if len(x.req.Body()) == 0 { // asks whether the call lives (RFC 2976 §2.2)
		x.respond(sip.StatusOK, "OK")
		return
	}
	digit, ok := infoDigit(x.req)
	switch {
	case !ok:
		x.respond(sip.StatusUnsupportedMediaType, "Unsupported Media Type")
		return
	case l != nil:
		// Before the answer: the telephone sends its next key on it, and each request
		// has a goroutine of its own.
		l.digit(digit, byInfo)
	}
	// Nobody listens to the keys of a telephone that rings.
	x.respond(sip.StatusOK, "OK")
}

// infoDigit reads the key of an INFO, "Signal=5" in an application/dtmf-relay
// body or the key alone in an application/dtmf one.
func infoDigit(req *sip.Request) (byte, bool) {
	body := string(req.Body())
	if len(body) > 200 {
		return 0, false
	}
	value := ""
	switch mediaType(req) {
	case "application/dtmf":
		value = body
	case "application/dtmf-relay":
		for line := range strings.Lines(body) {
			if name, v, ok := strings.Cut(line, "="); ok && strings.EqualFold(strings.TrimSpace(name), "signal") {
				value = v
				break
			}
		}
	}
	switch value = strings.ToUpper(strings.TrimSpace(value)); value {
	case "10":
		value = "*"
	case "11":
		value = "#"
	}
	if len(value) != 1 || !strings.Contains("0123456789*#ABCD", value) {
		return 0, false
	}
	return value[0], true
}

// onOther refuses what we do not do.
func (g *Gateway) onOther(x exchange) {
	if _, within := dialog.RequestID(x.req); within && !g.knows(x.req) {
		x.respond(sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
		return
	}
	switch x.req.Method {
	case sip.SUBSCRIBE:
		refuseEvent(x)
	case sip.NOTIFY, sip.PRACK:
		x.respond(sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
	case sip.MESSAGE, sip.PUBLISH, sip.REGISTER:
		refuseMethod(x, sip.StatusMethodNotAllowed, "Method Not Allowed")
	default:
		refuseMethod(x, sip.StatusNotImplemented, "Not Implemented")
	}
}

// refuseEvent answers telephones that want to be told of waiting messages, of
// presence or the like. It names the events that there are (RFC 6665 §8.2.2
// demands it): Twinkle drops an answer without, and so asks again and again.
func refuseEvent(x exchange) {
	res := sip.NewResponseFromRequest(x.req, 489, "Bad Event", nil)
	res.AppendHeader(sip.NewHeader("Allow-Events", "refer")) // the one that a REFER begins
	_ = x.tx.Respond(res)
}

func refuseMethod(x exchange, code int, phrase string) {
	res := sip.NewResponseFromRequest(x.req, code, phrase, nil)
	res.AppendHeader(sip.NewHeader("Allow", allowed))
	_ = x.tx.Respond(res)
}

// mediaType is the type of a request's body without parameters, in lower case.
func mediaType(req *sip.Request) string {
	h := req.ContentType()
	if h == nil {
		return ""
	}
	kind, _, _ := strings.Cut(h.Value(), ";")
	return strings.ToLower(strings.TrimSpace(kind))
}
