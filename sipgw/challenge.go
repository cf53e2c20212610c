package sipgw

import (
	"net/netip"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/sipgw/digest"
)

// authorization are the credentials of a request.
func authorization(req *sip.Request) []string {
	var values []string
	for _, name := range []string{"Authorization", "Proxy-Authorization"} {
		for _, h := range req.GetHeaders(name) {
			values = append(values, h.Value())
		}
	}
	return values
}

// challenge asks the sender of a request for a proof: as a registrar for
// REGISTER, as a proxy otherwise (RFC 3261 §22.2, §22.3). A repeated request
// gets the same answer.
func challenge(d *digest.Server, req *sip.Request, source netip.Addr, stale bool) *sip.Response {
	code, phrase, header := sip.StatusProxyAuthRequired, "Proxy Authentication Required", "Proxy-Authenticate"
	if req.Method == sip.REGISTER {
		code, phrase, header = sip.StatusUnauthorized, "Unauthorized", "WWW-Authenticate"
	}
	res := sip.NewResponseFromRequest(req, code, phrase, nil)
	transaction := req.CallID().Value() + " " + req.CSeq().Value()
	if via := req.Via(); via != nil {
		branch, _ := via.Params.Get("branch")
		transaction += " " + branch
	}
	if to := res.To(); to != nil && !req.To().Params.Has("tag") {
		to.Params.Add("tag", d.Nonce(source, transaction)[:16])
	}
	for _, value := range d.Challenges(source, transaction, stale) {
		res.AppendHeader(sip.NewHeader(header, value))
	}
	return res
}
