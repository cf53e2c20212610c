package sipgw

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/ccs"
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

// challenge asks the sender of a request for a proof of being the line's
// telephone: as a registrar for REGISTER, as a proxy otherwise (RFC 3261 §22.2,
// §22.3). A repeated request gets the same answer. line is nil where there is none.
func (g *guard) challenge(req *sip.Request, line *ccs.Line, source netip.Addr, stale bool) *sip.Response {
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
		to.Params.Add("tag", g.digest.Nonce(source, transaction)[:16])
	}
	values := g.digest.Challenges(source, transaction, stale)
	if knowsMD5Alone(req) || line != nil && g.reluctant.asks(asker{source, line.ID}, transaction) {
		values = values[len(values)-1:]
	}
	for _, value := range values {
		res.AppendHeader(sip.NewHeader(header, value))
	}
	return res
}

// md5Alone are the beginnings of the names of telephones that give up at an
// algorithm that they do not know, instead of passing over it (RFC 8760 §2.4).
// They need not be found out by reluctant first. All but the first two are built on Sofia-SIP.
var md5Alone = []string{"baresip v0.", "baresip v1.", "sofia-sip/", "Janus WebRTC Server SIP Plugin", "FreeSWITCH", "Telepathy-SofiaSIP", "telepathy-rakia"}

// knowsMD5Alone tells whether a request comes from such a telephone.
func knowsMD5Alone(req *sip.Request) bool {
	agent := header(req, "User-Agent", "User-Agent")
	return slices.ContainsFunc(md5Alone, func(name string) bool { return strings.HasPrefix(agent, name) })
}
