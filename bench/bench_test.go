package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/carillon-cc/carillon/internal/leaks"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/server"
)

// asServer in the environment has the test program be the server.
const asServer = "CARILLON_BENCH_TEST_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		serve()
	}
	leaks.Verify(m)
}

// serve runs a server with the settings of the environment.
func serve() {
	var config server.Config
	parser, err := kong.New(&config)
	if err == nil {
		_, err = parser.Parse(nil)
	}
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		err = server.Run(ctx, config)
	}
	if err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Exit(0)
}

// testOptions are a short measurement of a server of the test program's own.
func testOptions(t *testing.T) Options {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(asServer, "yes")
	t.Setenv("CARILLON_RTP_PORTS", "30000-31999") // none that tests are given for other ends
	return Options{Calls: 5, Duration: 2 * time.Second, Server: []string{program}}
}

func TestEveryPacketArrivesUnalteredAndItsFiguresAreReported(t *testing.T) {
	for _, record := range []bool{false, true} {
		options := testOptions(t)
		options.Record = record
		for trial := 1; ; trial++ {
			report, err := Run(t.Context(), options)
			if err != nil {
				t.Fatal(err)
			}
			faults := faultsOf(t, report)
			if report.Record != record {
				faults = append(faults, "the report is of another run")
			}
			if len(faults) == 0 {
				break
			}
			if trial == 5 || !stalled(report) {
				t.Fatalf("%s\n%s", strings.Join(faults, "\n"), report)
			}
		}
	}
}

// stalled tells whether the machine stood still in a run, of which the figures say
// nothing then.
func stalled(p *Report) bool {
	const long = 100_000 // µs
	return p.SlotMaxus > long || p.ToAgent.Maxus > long || p.ToCaller.Maxus > long || p.PacePct < minPacePct
}

// faultsOf tells what is wrong with a report of testOptions. How fast the machine
// is, other tests running, is not the point.
func faultsOf(t *testing.T, report *Report) []string {
	t.Helper()
	faults := checkFields(t, report)
	unless := func(fine bool, format string, args ...any) {
		if !fine {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	for name, d := range map[string]*Direction{"agents": &report.ToAgent, "callers": &report.ToCaller} {
		unless(d.Stray == 0 && d.Duplicate == 0, "to %s: %d packets were altered or of another call, %d came twice", name, d.Stray, d.Duplicate)
		// 100 packets of each of 5 calls, give or take a frame at the edges.
		unless(d.Sent >= 450 && d.Sent <= 550 && d.Received <= d.Sent && d.Received >= d.Sent*9/10, "to %s: %d packets were sent and %d received", name, d.Sent, d.Received)
		unless(d.P50us > 0 && d.P99us >= d.P50us && d.ClickP50ms > 0 && d.ClickP99ms >= d.ClickP50ms, "to %s: figures are missing: %+v", name, d)
	}
	unless(!strings.Contains(strings.Join(report.Problems, ";"), "calls ended"), "%v", report.Problems)
	unless(strings.Contains(report.String(), "calls a core"), "the table lacks calls a core")
	return faults
}

// checkFields holds the report to the names that others rely on, and returns what
// is wrong.
func checkFields(t *testing.T, report *Report) (faults []string) {
	t.Helper()
	data, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		t.Fatal(err)
	}
	if loss, ok := fields["loss_pct"].(float64); !ok || loss < 0 || loss > 10 {
		faults = append(faults, fmt.Sprintf("loss_pct is %v", fields["loss_pct"]))
	}
	// What a server of five calls gives back of its start may outweigh them.
	grown := 1000 * (report.RSSMB - report.RSSIdleMB) / float64(report.Calls)
	if v, ok := fields["rss_per_call_kb"].(float64); !ok || report.RSSIdleMB <= 0 || math.Abs(v-grown) > 0.1 {
		faults = append(faults, fmt.Sprintf("rss_per_call_kb is %v, not %v", fields["rss_per_call_kb"], grown))
	}
	for _, name := range []string{
		"calls_per_core", "latency_p50_us", "latency_p99_us", "click_to_audio_p99_ms", "setup_p99_ms",
		"goroutines_per_call", "generator_core_pct", "cpu_per_call_pct", "calls", "duration_s",
	} {
		if v, ok := fields[name].(float64); !ok || v <= 0 {
			faults = append(faults, fmt.Sprintf("%s is %v", name, fields[name]))
		}
	}
	return faults
}

func TestRunRefusesWhatItCannotMeasure(t *testing.T) {
	good := testOptions(t)
	for want, change := range map[string]func(*Options){
		"calls: 0":    func(o *Options) { o.Calls = 0 },
		"calls: 3000": func(o *Options) { o.Calls = 3000 },
		"duration":    func(o *Options) { o.Duration = time.Millisecond },
		"no command":  func(o *Options) { o.Server = nil },
		"it ended":    func(o *Options) { o.Server = []string{"false"} },
	} {
		options := good
		change(&options)
		if _, err := Run(t.Context(), options); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestStrangersAlteredAndLostPacketsAreCounted(t *testing.T) {
	var w window
	w.open(time.Hour)
	var wire []byte
	mine := newVoice(2, nil)
	mine.send = func(_ media.Header, payload []byte) error { wire = append([]byte(nil), payload...); return nil }
	other := newVoice(4, mine.send)
	heard := 0
	e := ear{peer: mine, onFirst: func() { heard++ }, tally: tally{latency: new(histogram)}}
	hear := func(change func()) {
		change()
		e.hear(wire, mediaNow(), &w)
	}
	mine.say(&w)
	hear(func() {})
	hear(func() {})                                      // the same again
	hear(func() { mine.say(&w); wire[100] ^= 1 })        // altered
	hear(func() { other.say(&w) })                       // of another call
	hear(func() { wire = append(wire[:0], silence...) }) // the server's own
	hear(func() { wire = wire[:80] })
	mine.say(&w)
	late := wire
	mine.say(&w)
	hear(func() {})
	wire = late
	hear(func() {})
	got := e.tally
	if got.got != 3 || got.duplicate != 1 || got.reordered != 1 || got.filler != 1 || got.stray != 3 || heard != 1 || mine.sent != 4 {
		t.Errorf("got %+v, the first was told %d times, %d were sent", got, heard, mine.sent)
	}
	var d Direction
	d.add(mine, &got, new(histogram))
	d.finish(got.latency)
	if d.LossPct != 25 {
		t.Errorf("%v %% lost", d.LossPct)
	}
}

func TestPacketsOutsideTheWindowDoNotCount(t *testing.T) {
	var w window
	var wire []byte
	v := newVoice(2, func(_ media.Header, payload []byte) error { wire = payload; return nil })
	e := ear{peer: v, onFirst: func() {}, tally: tally{latency: new(histogram)}}
	v.say(&w)
	w.open(time.Hour) // sent before, received within
	e.hear(wire, mediaNow(), &w)
	if v.sent != 0 || e.tally.got != 0 || e.first == 0 {
		t.Errorf("sent %d, got %d, first heard at %v", v.sent, e.tally.got, e.first)
	}
}

func TestJudgeSaysWhyARunDoesNotCount(t *testing.T) {
	fine := Report{Calls: 5, PacePct: 100}
	for want, change := range map[string]func(*Report) int{
		"":              func(*Report) int { return 5 },
		"1 calls ended": func(*Report) int { return 4 },
		"were lost":     func(p *Report) int { p.LossPct = 0.1; return 5 },
		"were altered":  func(p *Report) int { p.ToAgent.Stray = 1; return 5 },
		"packets due":   func(p *Report) int { p.PacePct = 99.8; return 5 },
		"60 ms late":    func(p *Report) int { p.SlotP99us = 60000; return 5 },
	} {
		report := fine
		report.judge(change(&report))
		if why := strings.Join(report.Problems, ";"); report.Clean != (want == "") || !strings.Contains(why, want) {
			t.Errorf("clean %v because of %q, want %q", report.Clean, why, want)
		}
	}
}

func TestSuiteHoldsReportsAgainstTheBounds(t *testing.T) {
	for want, p := range map[string]Report{
		"":                          {Calls: 400, Clean: true, CallsPerCore: 400},
		"399 calls a core, not 400": {Calls: 400, Clean: true, CallsPerCore: 399},
		"recorded: 349 calls":       {Calls: 400, Clean: true, CallsPerCore: 349, Record: true},
		"latency p99":               {Calls: 200, Clean: true, P99us: 5000},
		"click to audio":            {Calls: 200, Clean: true, ClickP99ms: 100},
		"not clean: lost":           {Calls: 200, Problems: []string{"lost"}},
	} {
		var s Suite
		s.hold(&p)
		if got := strings.Join(s.Missed, ";"); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("missed %q, want %q", got, want)
		}
	}
}
