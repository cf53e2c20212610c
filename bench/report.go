package bench

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"strings"
	"time"

	"github.com/carillon-cc/carillon/media"
)

// Direction is what became of the packets of one direction that were sent in
// the window.
type Direction struct {
	Sent       uint64  `json:"sent"`
	Received   uint64  `json:"received"`
	LossPct    float64 `json:"loss_pct"`
	Duplicate  uint64  `json:"duplicate"`
	Reordered  uint64  `json:"reordered"`
	Stray      uint64  `json:"stray"`  // altered, or of another call
	Filler     uint64  `json:"filler"` // silence of the server's own, when it heard nothing for a while
	P50us      float64 `json:"latency_p50_us"`
	P99us      float64 `json:"latency_p99_us"`
	Maxus      float64 `json:"latency_max_us"`
	ClickP50ms float64 `json:"click_to_audio_p50_ms"`
	ClickP99ms float64 `json:"click_to_audio_p99_ms"`
}

// Report is what a run has measured. Percentages of CPU are of one core, but
// for idle, which is of all.
type Report struct {
	Calls    int     `json:"calls"`
	Record   bool    `json:"record"`
	Duration float64 `json:"duration_s"`

	CPUPerCall   float64 `json:"cpu_per_call_pct"`
	CallsPerCore float64 `json:"calls_per_core"` // 100 divided by CPUPerCall

	// The worse direction's.
	LossPct    float64 `json:"loss_pct"`
	P50us      float64 `json:"latency_p50_us"`
	P99us      float64 `json:"latency_p99_us"`
	ClickP50ms float64 `json:"click_to_audio_p50_ms"`
	ClickP99ms float64 `json:"click_to_audio_p99_ms"`

	ToAgent  Direction `json:"to_agent"`
	ToCaller Direction `json:"to_caller"`

	// From the INVITE to the offer on the agent's page, and to the 200.
	SetupP50ms  float64 `json:"setup_p50_ms"`
	SetupP99ms  float64 `json:"setup_p99_ms"`
	AnswerP50ms float64 `json:"answer_p50_ms"`
	AnswerP99ms float64 `json:"answer_p99_ms"`

	RSSIdleMB         float64 `json:"rss_idle_mb"`
	RSSMB             float64 `json:"rss_mb"`
	RSSPerCallKB      float64 `json:"rss_per_call_kb"`
	GoroutinesPerCall float64 `json:"goroutines_per_call"`

	Cores        int     `json:"cores"`
	ServerPct    float64 `json:"server_core_pct"`
	GeneratorPct float64 `json:"generator_core_pct"`
	OtherPct     float64 `json:"other_core_pct"` // other processes
	StealPct     float64 `json:"steal_core_pct"` // withheld by the hypervisor
	IdlePct      float64 `json:"idle_pct"`
	PacePct      float64 `json:"pace_pct"` // packets sent, of those due
	SlotP99us    float64 `json:"slot_late_p99_us"`
	SlotMaxus    float64 `json:"slot_late_max_us"`

	Flood *Flood `json:"flood,omitempty"`

	Clean    bool     `json:"clean"`
	Problems []string `json:"problems"` // why not
}

// Flood is what strangers sent during a run, and what became of it.
type Flood struct {
	PerSecond   float64 `json:"per_s"` // INVITEs
	Sent        uint64  `json:"sent"`
	Answered    int     `json:"answered"`   // of those that named no line
	Challenged  int     `json:"challenged"` // of those that did
	RSSBeforeMB float64 `json:"rss_before_mb"`
	RSSAfterMB  float64 `json:"rss_after_mb"`
	RecoveredS  float64 `json:"rss_recovered_s"` // after its end, when RSSAfterMB was read
	GrownPct    float64 `json:"rss_grown_pct"`
}

// A run is clean within these bounds.
const (
	maxLossPct = 0.1
	minPacePct = 99.9
	// maxLate is what a usual jitter buffer makes up for.
	maxLate = 3 * media.FrameTime
	// maxGrownPct is how much memory a flood may leave taken.
	maxGrownPct = 5
	// minFloodPct is how much of a flood must have been sent to count as one.
	minFloodPct = 90
)

// load is a reading of all clocks and sizes at one moment.
type load struct {
	at                time.Duration
	server, generator time.Duration
	machine           machineTimes
	resident          int64
	goroutines        float64
}

func (r *run) load(ctx context.Context) (load, error) {
	// What asks the server for something comes first or last, not in between.
	goroutines, err := gauge(ctx, r.server.http, "go_goroutines")
	if err != nil {
		return load{}, err
	}
	l := load{at: mediaNow(), generator: ownCPU(), goroutines: goroutines}
	if l.server, err = cpuTime(r.server.pid()); err != nil {
		return load{}, err
	}
	if l.machine, err = readMachine(); err != nil {
		return load{}, err
	}
	l.resident, err = resident(r.server.pid())
	return l, err
}

func (r *run) report(before, after load) *Report {
	elapsed := after.at - before.at
	percent := func(d time.Duration) float64 { return 100 * d.Seconds() / elapsed.Seconds() }
	calls := float64(r.Calls)
	server, generator := after.server-before.server, after.generator-before.generator
	idle, steal, all := after.machine.idle-before.machine.idle, after.machine.steal-before.machine.steal, after.machine.all-before.machine.all
	p := &Report{
		Calls: r.Calls, Record: r.Record, Duration: r.Duration.Seconds(),
		ServerPct: percent(server), GeneratorPct: percent(generator), StealPct: percent(steal),
		OtherPct: max(0, percent(all-idle-steal-server-generator)),
		IdlePct:  100 * idle.Seconds() / all.Seconds(), Cores: runtime.NumCPU(),
		RSSIdleMB: float64(r.idle.resident) / 1e6, RSSMB: float64(after.resident) / 1e6,
		RSSPerCallKB:      float64(after.resident-r.idle.resident) / 1e3 / calls,
		GoroutinesPerCall: (after.goroutines - r.idle.goroutines) / calls,
		SlotP99us:         micros(r.generator.late.quantile(0.99)), SlotMaxus: micros(r.generator.late.quantile(1)),
	}
	p.CPUPerCall = p.ServerPct / calls
	if p.CPUPerCall > 0 {
		p.CallsPerCore = 100 / p.CPUPerCall
	}
	r.countPackets(p)
	r.countTimes(p)
	p.judge(r.alive())
	return p
}

// countPackets adds up what the ends have heard.
func (r *run) countPackets(p *Report) {
	r.generator.mu.Lock()
	defer r.generator.mu.Unlock()
	var toAgent, toCaller histogram
	for _, c := range r.calls {
		p.ToAgent.add(c.voice, &c.agent.ear.tally, &toAgent)
		p.ToCaller.add(c.agent.voice, &c.line.ear.tally, &toCaller)
	}
	p.ToAgent.finish(&toAgent)
	p.ToCaller.finish(&toCaller)
	p.LossPct = max(p.ToAgent.LossPct, p.ToCaller.LossPct)
	p.P50us = max(p.ToAgent.P50us, p.ToCaller.P50us)
	p.P99us = max(p.ToAgent.P99us, p.ToCaller.P99us)
	due := float64(r.Calls) * float64(r.Duration/media.FrameTime)
	// A frame of each voice, more or less, falls into the window.
	p.PacePct = 100 * (float64(min(p.ToAgent.Sent, p.ToCaller.Sent)) + float64(r.Calls)) / due
}

func (d *Direction) add(from *voice, to *tally, latency *histogram) {
	d.Sent += from.sent
	d.Received += to.got
	d.Duplicate += to.duplicate
	d.Reordered += to.reordered
	d.Stray += to.stray
	d.Filler += to.filler
	latency.merge(to.latency)
}

func (d *Direction) finish(latency *histogram) {
	if d.Sent > 0 {
		d.LossPct = 100 * (float64(d.Sent) - float64(d.Received)) / float64(d.Sent)
	}
	d.P50us, d.P99us, d.Maxus = micros(latency.quantile(0.5)), micros(latency.quantile(0.99)), micros(latency.quantile(1))
}

// countTimes sums up how long the calls took to be offered and heard.
func (r *run) countTimes(p *Report) {
	r.generator.mu.Lock()
	defer r.generator.mu.Unlock()
	var setup, answer, toAgent, toCaller histogram
	for _, c := range r.calls {
		c.mu.Lock()
		setup.add(c.offered - c.invited)
		answer.add(c.call.Setup())
		toAgent.add(c.agent.ear.first - c.accepted)
		toCaller.add(c.line.ear.first - c.accepted)
		c.mu.Unlock()
	}
	p.SetupP50ms, p.SetupP99ms = millis(setup.quantile(0.5)), millis(setup.quantile(0.99))
	p.AnswerP50ms, p.AnswerP99ms = millis(answer.quantile(0.5)), millis(answer.quantile(0.99))
	p.ToAgent.ClickP50ms, p.ToAgent.ClickP99ms = millis(toAgent.quantile(0.5)), millis(toAgent.quantile(0.99))
	p.ToCaller.ClickP50ms, p.ToCaller.ClickP99ms = millis(toCaller.quantile(0.5)), millis(toCaller.quantile(0.99))
	p.ClickP50ms = max(p.ToAgent.ClickP50ms, p.ToCaller.ClickP50ms)
	p.ClickP99ms = max(p.ToAgent.ClickP99ms, p.ToCaller.ClickP99ms)
}

// alive is how many calls still go on.
func (r *run) alive() int {
	n := 0
	for _, c := range r.calls {
		if c.alive() {
			n++
		}
	}
	return n
}

// judge says whether the figures count, and why not.
func (p *Report) judge(alive int) {
	p.Problems = []string{}
	unless := func(fine bool, format string, args ...any) {
		if !fine {
			p.Problems = append(p.Problems, fmt.Sprintf(format, args...))
		}
	}
	unless(alive == p.Calls, "%d calls ended", p.Calls-alive)
	unless(p.LossPct < maxLossPct, "%.3f %% of the packets were lost", p.LossPct)
	stray := p.ToAgent.Stray + p.ToCaller.Stray
	unless(stray == 0, "%d packets were altered or not of their call", stray)
	unless(p.PacePct >= minPacePct, "the generator has sent %.2f %% of the packets due", p.PacePct)
	unless(p.SlotP99us < micros(maxLate), "the generator was %.0f ms late", p.SlotP99us/1000)
	p.Clean = len(p.Problems) == 0
}

// judgeFlood says whether a flood of perSecond INVITEs did harm.
func (p *Report) judgeFlood(perSecond int) {
	f := p.Flood
	if f.Answered > 0 {
		p.Problems = append(p.Problems, fmt.Sprintf("%d strangers were answered", f.Answered))
	}
	if f.GrownPct > maxGrownPct {
		p.Problems = append(p.Problems, fmt.Sprintf("memory stayed %.1f %% larger after the flood", f.GrownPct))
	}
	if f.PerSecond < float64(perSecond)*minFloodPct/100 {
		p.Problems = append(p.Problems, fmt.Sprintf("only %.0f INVITEs a second were sent", f.PerSecond))
	}
	p.Clean = len(p.Problems) == 0
}

func micros(d time.Duration) float64 { return math.Round(float64(d)/100) / 10 }

func millis(d time.Duration) float64 { return math.Round(float64(d)/1e4) / 100 }

// String is the report as a table for people.
func (p *Report) String() string {
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-28s "+format+"\n", append([]any{name}, args...)...)
	}
	recording := "off"
	if p.Record {
		recording = "on"
	}
	row("calls", "%d for %.0f s, recording %s", p.Calls, p.Duration, recording)
	row("CPU", "%.3f %% of a core a call, %.0f calls a core", p.CPUPerCall, p.CallsPerCore)
	row("memory", "%.0f KB a call (%.0f MB in all, %.0f MB idle)", p.RSSPerCallKB, p.RSSMB, p.RSSIdleMB)
	row("goroutines", "%.1f a call", p.GoroutinesPerCall)
	row("set-up", "INVITE to offer %.1f / %.1f ms, to 200 %.1f / %.1f ms (p50 / p99)", p.SetupP50ms, p.SetupP99ms, p.AnswerP50ms, p.AnswerP99ms)
	for _, way := range []struct {
		name string
		d    *Direction
	}{{"to the agent", &p.ToAgent}, {"to the caller", &p.ToCaller}} {
		row(way.name, "loss %.3f %%, latency %.0f / %.0f / %.0f µs (p50 / p99 / most), click to audio %.1f / %.1f ms (p50 / p99)",
			way.d.LossPct, way.d.P50us, way.d.P99us, way.d.Maxus, way.d.ClickP50ms, way.d.ClickP99ms)
	}
	row("machine, % of a core", "server %.0f, generator %.0f, others %.0f, withheld %.0f; %.0f %% of %d cores idle",
		p.ServerPct, p.GeneratorPct, p.OtherPct, p.StealPct, p.IdlePct, p.Cores)
	if f := p.Flood; f != nil {
		row("flood", "%.0f INVITEs a second, %d in all; %d strangers answered, %d challenges; memory %.1f MB before, %.1f %.0f s after (%+.1f %%)",
			f.PerSecond, f.Sent, f.Answered, f.Challenged, f.RSSBeforeMB, f.RSSAfterMB, f.RecoveredS, f.GrownPct)
	}
	verdict := "yes"
	if !p.Clean {
		verdict = "no: " + strings.Join(p.Problems, "; ")
	}
	row("clean", "%s", verdict)
	return b.String()
}
