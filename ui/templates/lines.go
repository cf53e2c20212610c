package templates

import (
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
	phones := f.Value("maxContacts")
	if phones == "" {
		phones = "3"
	}
	return sentence(
		p.T("line.security.phones", "Number", phones),
		when(p, f.On("encrypted"), "line.security.encrypted"), when(p, f.On("trusted"), "line.security.trusted"),
	)
}

func lineTransport(p *ui.Page, v ui.LineSettings) string {
	switch {
	case v.Encrypted:
		return "TLS"
	case v.TLSPort != 0:
		return p.T("line.setting.transport.any")
	}
	return p.T("line.setting.transport.plain")
}
