package templates

import "github.com/carillon-cc/carillon/ui"

func agentCalls(p *ui.Page, f *ui.Form) string {
	outside := p.T("line.calls.inside")
	if f.On("outside") {
		outside = p.T("line.calls.outside")
	}
	return sentence(outside, f.Value("callerId"))
}

func agentTiming(p *ui.Page, f *ui.Form) string {
	value := func(name, fallback string) string {
		if v := f.Value(name); v != "" {
			return v
		}
		return fallback
	}
	return sentence(
		p.T("agent.timing.ring", "Seconds", value("ringTimeout", "20")), p.T("agent.timing.wrapUp", "Seconds", value("wrapUp", "0")),
		p.T("agent.timing.calls", "Number", value("simultaneousCalls", "1")),
	)
}
