package templates

import (
	"strconv"
	"strings"

	"github.com/carillon-cc/carillon/ui"
)

// sentence joins the words of a folded section's summary.
func sentence(parts ...string) string {
	kept := parts[:0:0]
	for _, part := range parts {
		if part != "" {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, " · ")
}

// number is what a field says, or what holds where it says nothing, or no number.
func number(f *ui.Form, name string, otherwise int) int {
	if n, err := strconv.Atoi(f.Value(name)); err == nil {
		return n
	}
	return otherwise
}

// when is a text where something is so.
func when(p *ui.Page, is bool, id string, args ...any) string {
	if !is {
		return ""
	}
	return p.T(id, args...)
}

func lineCalls(p *ui.Page, f *ui.Form) string {
	outside := p.T("line.calls.inside")
	if f.On("outside") {
		outside = p.T("line.calls.outside")
	}
	return sentence(outside, f.Value("callerId"), when(p, f.Value("forward") != "", "lines.forwarded", "Number", f.Value("forward")))
}

func lineSecurity(p *ui.Page, f *ui.Form) string {
	return sentence(
		p.T("line.security.phones", "Count", number(f, "maxContacts", 3)),
		when(p, f.On("encrypted"), "line.security.encrypted"), when(p, f.On("trusted"), "line.security.trusted"),
	)
}

// lineEncryption says when a telephone has to encrypt its sound.
func lineEncryption(p *ui.Page, v ui.LineSettings) string {
	switch {
	case v.Encrypted:
		return p.T("line.setting.srtp.required")
	case v.TLSPort != 0:
		return p.T("line.setting.srtp.withTLS")
	}
	return p.T("line.setting.srtp.off")
}
