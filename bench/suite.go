package bench

import (
	"context"
	"fmt"
	"strings"
)

// Suite are the reports of several runs and the bounds that they missed.
type Suite struct {
	Reports []*Report `json:"reports"`
	Missed  []string  `json:"missed"`
}

// The loads of a suite: what latency is promised at, and what a core carries.
const (
	latencyCalls  = 200
	capacityCalls = 400
)

// The bounds of a suite.
const (
	minCallsPerCore         = 400
	minRecordedCallsPerCore = 350
	maxLatencyP99us         = 5000 // at latencyCalls
	maxClickP99ms           = 100
)

// RunSuite measures each load without and with recording, in turns, and holds
// the figures against the bounds. o.Calls and o.Record have no meaning.
func RunSuite(ctx context.Context, o Options) (*Suite, error) {
	s := &Suite{Missed: []string{}}
	for _, calls := range []int{latencyCalls, capacityCalls} {
		for _, record := range []bool{false, true} {
			o.Calls, o.Record = calls, record
			report, err := Run(ctx, o)
			if err != nil {
				return nil, fmt.Errorf("%d calls: %w", calls, err)
			}
			s.Reports = append(s.Reports, report)
			s.hold(report)
		}
	}
	return s, nil
}

// hold notes which bounds a report misses.
func (s *Suite) hold(p *Report) {
	unless := func(fine bool, format string, args ...any) {
		if !fine {
			recorded := ""
			if p.Record {
				recorded = ", recorded"
			}
			s.Missed = append(s.Missed, fmt.Sprintf("%d calls%s: ", p.Calls, recorded)+fmt.Sprintf(format, args...))
		}
	}
	unless(p.Clean, "not clean: %s", strings.Join(p.Problems, "; "))
	unless(p.ClickP99ms < maxClickP99ms, "click to audio p99 is %.0f ms, not below %d", p.ClickP99ms, maxClickP99ms)
	if p.Calls == latencyCalls {
		unless(p.P99us < maxLatencyP99us, "latency p99 is %.0f µs, not below %d", p.P99us, maxLatencyP99us)
		return
	}
	least := minCallsPerCore
	if p.Record {
		least = minRecordedCallsPerCore
	}
	unless(p.CallsPerCore >= float64(least), "%.0f calls a core, not %d", p.CallsPerCore, least)
}

// String is the suite as a table in Markdown.
func (s *Suite) String() string {
	var b strings.Builder
	b.WriteString("| calls | recorded | % core/call | calls/core | KB/call | goroutines/call | loss % | latency to agent, to caller p50/p99 µs | click to audio p50/p99 ms | set-up p50/p99 ms | generator % | others/withheld % | idle % | clean |\n" +
		"|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|\n")
	for _, p := range s.Reports {
		yes := map[bool]string{true: "yes", false: "no"}
		fmt.Fprintf(&b, "| %d | %s | %.3f | %.0f | %.0f | %.1f | %.3f | %.0f/%.0f, %.0f/%.0f | %.1f/%.1f | %.1f/%.1f | %.0f | %.0f/%.0f | %.0f | %s |\n",
			p.Calls, yes[p.Record], p.CPUPerCall, p.CallsPerCore, p.RSSPerCallKB, p.GoroutinesPerCall, p.LossPct,
			p.ToAgent.P50us, p.ToAgent.P99us, p.ToCaller.P50us, p.ToCaller.P99us, p.ClickP50ms, p.ClickP99ms,
			p.SetupP50ms, p.SetupP99ms, p.GeneratorPct, p.OtherPct, p.StealPct, p.IdlePct, yes[p.Clean])
	}
	for _, m := range s.Missed {
		fmt.Fprintf(&b, "missed: %s\n", m)
	}
	return b.String()
}
