package sipgw

import (
	"strings"

	"github.com/emiago/sipgo/sip"
)

// headers is what requests and responses have in common here.
type headers interface {
	GetHeaders(name string) []sip.Header
}

// header is the value of the first header of a name or its compact form.
func header(m headers, name, compact string) string {
	for _, n := range []string{name, compact} {
		if all := m.GetHeaders(n); len(all) > 0 {
			return strings.TrimSpace(all[0].Value())
		}
	}
	return ""
}

// optionTags are the words of all headers of a name, in lower case.
func optionTags(m headers, name string) []string {
	var tags []string
	for _, h := range m.GetHeaders(name) {
		for tag := range strings.SplitSeq(h.Value(), ",") {
			if tag = strings.ToLower(strings.TrimSpace(tag)); tag != "" {
				tags = append(tags, tag)
			}
		}
	}
	return tags
}

// hasOption tells whether a message supports or requires an extension.
func hasOption(m headers, option string) bool {
	for _, name := range []string{"Supported", "k", "Require"} {
		for _, tag := range optionTags(m, name) {
			if tag == option {
				return true
			}
		}
	}
	return false
}

// addAbilities says what we can do, in requests and responses alike.
func addAbilities(m sip.Message) {
	m.AppendHeader(sip.NewHeader("Allow", allowed))
	m.AppendHeader(sip.NewHeader("Supported", supported))
}

// noteMethods notes whether the peer takes UPDATE, where a message says what it
// takes. l.mu is held, or nobody else knows the leg yet.
func (l *leg) noteMethods(m headers) {
	if len(m.GetHeaders("Allow")) == 0 {
		return
	}
	l.updates = false
	for _, method := range optionTags(m, "Allow") {
		if strings.EqualFold(method, string(sip.UPDATE)) {
			l.updates = true
		}
	}
}
