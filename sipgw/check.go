package sipgw

import (
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/sipgw/dialog"
	"github.com/carillon-cc/carillon/sipgw/sdp"
)

// maxBody is the largest body that is read, in bytes.
const maxBody = sdp.MaxSize

// checked spares a handler the requests that ask for what we cannot do
// (RFC 3261 §8.2.2, §8.2.3). ACK and CANCEL are never refused.
func checked(handle func(exchange)) func(exchange) {
	return func(x exchange) {
		switch tags := unsupported(x.req); {
		case len(tags) > 0:
			res := sip.NewResponseFromRequest(x.req, sip.StatusBadExtension, "Bad Extension", nil)
			res.AppendHeader(sip.NewHeader("Unsupported", dialog.Clean(strings.Join(tags, ", "))))
			_ = x.tx.Respond(res)
		case len(x.req.Body()) > maxBody:
			x.respond(sip.StatusRequestEntityTooLarge, "Request Entity Too Large")
		case len(x.req.Body()) > 0 && encoded(x.req):
			res := sip.NewResponseFromRequest(x.req, sip.StatusUnsupportedMediaType, "Unsupported Media Type", nil)
			res.AppendHeader(sip.NewHeader("Accept-Encoding", "identity"))
			_ = x.tx.Respond(res)
		default:
			handle(x)
		}
	}
}

// unsupported lists the extensions that a request insists on and we lack.
func unsupported(req *sip.Request) []string {
	var tags []string
	for _, tag := range optionTags(req, "Require") {
		if tag != timerOption && tag != replacesOption {
			tags = append(tags, tag)
		}
	}
	return tags
}

// takesSDP tells whether the answer to an INVITE may be a session description;
// without an Accept it may (RFC 3261 §20.1).
func takesSDP(req *sip.Request) bool {
	kinds := optionTags(req, "Accept")
	for _, kind := range kinds {
		kind, _, _ = strings.Cut(kind, ";")
		switch strings.TrimSpace(kind) {
		case sdpType, "application/*", "*/*":
			return true
		}
	}
	return len(kinds) == 0
}

// encoded tells whether a body is compressed or the like.
func encoded(req *sip.Request) bool {
	encoding := header(req, "Content-Encoding", "e")
	return encoding != "" && !strings.EqualFold(encoding, "identity")
}

// optionalBody tells whether a body may be passed over by whoever cannot read it
// (RFC 3261 §20.11).
func optionalBody(req *sip.Request) bool {
	for p := range strings.SplitSeq(strings.ToLower(header(req, "Content-Disposition", "Content-Disposition")), ";") {
		if name, v, _ := strings.Cut(p, "="); strings.TrimSpace(name) == "handling" && strings.TrimSpace(v) == "optional" {
			return true
		}
	}
	return false
}
