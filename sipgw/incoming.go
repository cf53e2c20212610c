package sipgw

import (
	"net/url"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw/dialog"
)

// Incoming is a call that arrived. Text that came from outside holds no line
// ends or other control characters and is bounded.
type Incoming struct {
	Leg call.CallerLeg
	// From and FromName are who calls; "" when Anonymous, but of a line always
	// its own.
	From, FromName string
	To             string // what was dialled
	// Forms are the ways in which what was dialled may be written where numbers
	// are set up: as dialled first, then +33… and others. None from lines.
	Forms     []string
	Anonymous bool // the caller hides the number
	// Trunk is the id of the ccs.Trunk that the call came through, or the prefix
	// of Config.AllowedNetworks that let it in; "" from this machine and from lines.
	Trunk string
	Line  string // id of the ccs.Line that calls, which has proved who it is; "" from outside
	Codec media.Codec
}

// identify reads who calls whom. Everybody who is heard at all is a trunk that
// we chose, so its P-Asserted-Identity counts more than From (RFC 3325 §9).
func identify(req *sip.Request) Incoming {
	in := Incoming{To: user(req.Recipient)}
	from := req.From()
	in.From, in.FromName = user(from.Address), dialog.Clean(from.DisplayName)
	hidden := strings.EqualFold(in.From, "anonymous") || strings.EqualFold(from.Address.Host, "anonymous.invalid")
	if number, name, ok := asserted(req); ok {
		in.From, in.FromName = number, name
		hidden = false
	}
	for _, h := range req.GetHeaders("Privacy") {
		for value := range strings.SplitSeq(strings.ToLower(h.Value()), ";") {
			// RFC 3323 §4.2, RFC 3325 §9.3.
			if value = strings.TrimSpace(value); value == "id" || value == "user" || value == "header" {
				hidden = true
			}
		}
	}
	if hidden || in.From == "" {
		in.From, in.FromName, in.Anonymous = "", "", true
	}
	return in
}

// asserted reads the first P-Asserted-Identity that names a number.
func asserted(req *sip.Request) (number, name string, ok bool) {
	for _, h := range req.GetHeaders("P-Asserted-Identity") {
		// Two may stand in one header, a sip and a tel one (RFC 3325 §9.1).
		for _, value := range splitList(h.Value(), ',') {
			var uri sip.Uri
			var params sip.HeaderParams
			name, err := sip.ParseAddressValue(value, &uri, &params)
			if err != nil {
				continue
			}
			if number = user(uri); number != "" {
				return number, dialog.Clean(name), true
			}
		}
	}
	return "", "", false
}

// splitList cuts a header value at a separator outside of quotes and brackets.
func splitList(s string, separator byte) []string {
	var parts []string
	start, quoted, bracket := 0, false, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++ // an escaped quotation mark ends nothing (RFC 3261 §25.1)
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<':
			bracket = true
		case c == '>':
			bracket = false
		case c == separator && !bracket:
			parts = append(parts, strings.TrimSpace(s[start:i]))
			start = i + 1
		}
	}
	return append(parts, strings.TrimSpace(s[start:]))
}

// user is the number or name that a URI names.
func user(uri sip.Uri) string {
	text := uri.User
	if uri.Scheme == "tel" {
		text = uri.Raw()
	}
	// Parameters of a telephone number (RFC 3966 §3) say nothing to us.
	text, _, _ = strings.Cut(text, ";")
	if plain, err := url.PathUnescape(text); err == nil {
		text = plain
	}
	if uri.Scheme == "tel" {
		text = strings.NewReplacer("-", "", ".", "", "(", "", ")", "").Replace(text)
	}
	return dialog.Clean(text)
}
