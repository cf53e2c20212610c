package dialog

import (
	"strings"

	"github.com/emiago/sipgo/sip"
)

// Tame tells whether the headers and the Request-URI of a peer's request are
// free of line ends. sipgo's parser ends lines at CR LF alone, others at either:
// what passes it as one header may be two for them. Other control characters may
// stand in quotations (RFC 3261 §25.1, quoted-pair).
func Tame(r *sip.Request) bool { return without(r, isLineEnd) }

// without tells whether no character of a request's headers and Request-URI is
// of a kind.
func without(r *sip.Request, kind func(rune) bool) bool {
	if strings.ContainsFunc(r.Recipient.String(), kind) {
		return false
	}
	for _, h := range r.Headers() {
		if strings.ContainsFunc(h.Name(), kind) || strings.ContainsFunc(h.Value(), kind) {
			return false
		}
	}
	return true
}

// scrub takes control characters out of a request of ours, whatever it was made
// of. It is the last guard: what users and peers supply passes Clean before.
func scrub(r *sip.Request) {
	if without(r, isControl) {
		return
	}
	var uri sip.Uri
	if err := sip.ParseUri(tamed(r.Recipient.String()), &uri); err != nil {
		uri = sip.Uri{Scheme: "sip", Host: "invalid"} // nothing is left of it
	}
	r.Recipient = uri
	headers := append([]sip.Header(nil), r.Headers()...)
	for _, h := range headers {
		r.RemoveHeader(h.Name())
	}
	for _, h := range headers {
		if wild(h.Name()) || wild(h.Value()) {
			h = sip.NewHeader(tamed(h.Name()), tamed(h.Value()))
		}
		r.AppendHeader(h)
	}
}

func wild(s string) bool { return strings.ContainsFunc(s, isControl) }

func tamed(s string) string {
	return strings.Map(func(c rune) rune {
		if isControl(c) {
			return -1
		}
		return c
	}, s)
}

func isLineEnd(c rune) bool { return c == '\r' || c == '\n' }

// isControl spares the tab, which is white space in a header.
func isControl(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }
