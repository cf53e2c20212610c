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
	return sentence(
		p.T("agent.timing.ring", "Seconds", number(f, "ringTimeout", 20)), p.T("agent.timing.wrapUp", "Seconds", number(f, "wrapUp", 0)),
		p.T("agent.timing.calls", "Count", number(f, "simultaneousCalls", 1)),
	)
}
