package templates

import (
	"strconv"
	"strings"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/ui"
)

// dots stand for a password that is stored, and never for the one that it is.
func dots(stored bool) string {
	if stored {
		return strings.Repeat("•", 10)
	}
	return ""
}

func targetLabel(i int) string {
	if i == 0 {
		return "trunk.target"
	}
	return "trunk.target.further"
}

func transports() []ui.Choice {
	return []ui.Choice{{Value: string(ccs.UDP), Label: "UDP"}, {Value: string(ccs.TCP), Label: "TCP"}, {Value: string(ccs.TLS), Label: "TLS"}}
}

func countryOf(v ui.TrunkPage) ui.Country {
	return ui.CountryOf(v.Countries, v.Form.Value("outgoing.country"))
}

// union are the prefixes of the European Union and of the trunk's country.
func union(v ui.TrunkPage) string {
	calling := countryOf(v).Calling
	if calling == "" || strings.Contains(" "+ui.UnionPrefixes()+" ", " "+calling+" ") {
		return ui.UnionPrefixes()
	}
	return calling + " " + ui.UnionPrefixes()
}

func headers(p *ui.Page) []ui.Choice {
	var list []ui.Choice
	for _, h := range []ccs.CallerIDHeader{ccs.CallerIDAsserted, ccs.CallerIDPreferred, ccs.CallerIDFrom, ccs.CallerIDAccount} {
		list = append(list, ui.Choice{Value: string(h), Label: p.T("trunk.callerId.header." + string(h))})
	}
	return list
}

func headerOf(f *ui.Form) string {
	for _, h := range []ccs.CallerIDHeader{ccs.CallerIDPreferred, ccs.CallerIDFrom, ccs.CallerIDAccount} {
		if f.Is("callerId.header", string(h)) {
			return string(h)
		}
	}
	return string(ccs.CallerIDAsserted)
}

func trunkOutgoing(p *ui.Page, f *ui.Form) string {
	allowed := strings.Fields(f.Value("outgoing.allowed"))
	switch {
	case len(allowed) == 0:
		return p.T("trunk.outgoing.none")
	case len(allowed) == 1 && allowed[0] == "+":
		return p.T("trunk.outgoing.allowed.everywhere")
	case len(allowed) > 4:
		return p.T("trunk.outgoing.many", "First", strings.Join(allowed[:3], " "), "Number", len(allowed)-3)
	}
	return strings.Join(allowed, " ")
}

func trunkIncoming(p *ui.Page, f *ui.Form) string {
	more := len(strings.Fields(f.Value("sources")))
	return sentence(
		when(p, more == 0, "trunk.incoming.targets"), when(p, more > 0, "trunk.incoming.more", "Number", strconv.Itoa(more)),
		when(p, f.On("encrypted"), "trunk.incoming.encrypted"), when(p, f.On("trusted"), "trunk.incoming.trusted"),
	)
}

func trunkMore(p *ui.Page, f *ui.Form) string {
	most := number(f, "maxCalls", 0)
	return sentence(
		when(p, most == 0, "trunk.more.unlimited"), when(p, most != 0, "trunk.more.limited", "Count", most), f.Value("domain"),
	)
}
