// Package bench measures what a call costs: it runs a server as a process of
// its own, has simulated agents answer simulated callers, and accounts for every
// packet, for the server's processor time and memory, and for how long a call
// takes to be offered and heard. docs/performance.md says how.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"
)

// Bounds of what may be asked for.
const (
	MaxCalls    = 2000
	MinDuration = time.Second
	MaxDuration = 10 * time.Minute
)

// Options say what to measure.
type Options struct {
	Calls    int           // at the same time, 1 to MaxCalls
	Duration time.Duration // of the steady time, MinDuration to MaxDuration
	Record   bool          // every call is recorded
	// Flood is how many INVITEs strangers send a second meanwhile, 0 to MaxFlood.
	Flood int
	// Server is the command line that runs a server with the settings of its
	// environment, such as this program with the argument serve.
	Server []string
	// Progress is told what is being done; nil for nobody.
	Progress io.Writer
}

const (
	// rampEvery is the time between the beginnings of two calls.
	rampEvery = 25 * time.Millisecond
	// connectors is how many agents sign in at the same time.
	connectors = 8
	// callTime is how long a call may take until both sides hear each other.
	callTime = 15 * time.Second
	// settleTime lets what the ramp has stirred up come to rest.
	settleTime = 3 * time.Second
	// lastTime is for packets of the window that are still under way.
	lastTime = time.Second
	// generatorGC is the garbage collector's target in a generator: it has
	// memory to spare, and its time is taken from the server's.
	generatorGC = 400
)

// Run measures once. An error means that there was nothing to measure; a run
// that went badly is a Report that is not clean.
func Run(ctx context.Context, o Options) (*Report, error) {
	switch {
	case o.Calls < 1 || o.Calls > MaxCalls:
		return nil, fmt.Errorf("calls: %d is not from 1 to %d", o.Calls, MaxCalls)
	case o.Duration < MinDuration || o.Duration > MaxDuration:
		return nil, fmt.Errorf("duration: %v is not from %v to %v", o.Duration, MinDuration, MaxDuration)
	case o.Flood < 0 || o.Flood > MaxFlood:
		return nil, fmt.Errorf("flood: %d is not from 0 to %d", o.Flood, MaxFlood)
	case len(o.Server) == 0:
		return nil, errors.New("there is no command to run a server with")
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	folder, err := os.MkdirTemp("", "carillon-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the server: %w", err)
	}
	defer os.RemoveAll(folder)
	defer debug.SetGCPercent(debug.SetGCPercent(generatorGC))
	r := &run{Options: o, log: slog.New(slog.DiscardHandler)}
	defer r.close()
	if err := r.prepare(ctx, folder); err != nil {
		return nil, err
	}
	if err := r.connectAgents(ctx); err != nil {
		return nil, err
	}
	if err := r.ramp(ctx); err != nil {
		return nil, err
	}
	return r.measure(ctx)
}

// run is one measurement under way.
type run struct {
	Options
	log       *slog.Logger
	content   *content
	server    *serverProcess
	generator *generator
	callers   *callers
	agents    []*agent
	calls     []*callRun // by index
	idle      load       // before the first agent
}

func (r *run) say(format string, args ...any) { fmt.Fprintf(r.Progress, format+"\n", args...) }

// prepare fills a store, starts a server on it and waits until it is quiet.
func (r *run) prepare(ctx context.Context, folder string) error {
	r.say("starting a server for %d agents", r.Calls)
	var err error
	if r.content, err = fill(ctx, folder, r.Calls, r.Record); err != nil {
		return fmt.Errorf("prepare the store: %w", err)
	}
	if r.server, err = startServer(ctx, r.Server, folder); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	if err := r.server.settle(ctx); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	if r.idle, err = r.load(ctx); err != nil {
		return err
	}
	if r.generator, err = startGenerator(); err != nil {
		return err
	}
	if r.callers, err = newCallers(r.generator, r.server.sip); err != nil {
		return err
	}
	for i := range r.Calls {
		c, err := r.callers.new(i)
		if err != nil {
			return err
		}
		r.calls = append(r.calls, c)
	}
	return nil
}

// connectAgents has all agents sign in and be ready.
func (r *run) connectAgents(ctx context.Context) error {
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(connectors)
	for i := range r.Calls {
		a := newAgent(i, r.generator, r.match)
		r.agents = append(r.agents, a)
		group.Go(func() error {
			if err := a.connect(ctx, r.server.http, r.content.cookies[i]); err != nil {
				return fmt.Errorf("agent %d: %w", i, err)
			}
			return nil
		})
	}
	err := group.Wait()
	r.say("%d agents are ready after %.1f s", r.Calls, time.Since(began).Seconds())
	return err
}

// match finds the call that an agent is offered, by the caller's number.
func (r *run) match(from string) *callRun {
	i, ok := indexOf(from)
	if !ok || i >= len(r.calls) {
		return nil
	}
	return r.calls[i]
}

// ramp begins all calls, evenly in time, and waits until all are through.
func (r *run) ramp(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	next := time.Now()
	for i, c := range r.calls {
		next = next.Add(rampEvery)
		select {
		case <-time.After(time.Until(next)):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), group.Wait())
		}
		group.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, callTime)
			defer cancel()
			if err := c.begin(ctx); err != nil {
				return fmt.Errorf("call %d: %w", i, err)
			}
			return nil
		})
	}
	err := group.Wait()
	r.say("%d calls are up", r.Calls)
	return err
}

// measure watches the calls for the window and returns what it has seen.
func (r *run) measure(ctx context.Context) (*Report, error) {
	if err := sleep(ctx, min(settleTime, r.Duration)); err != nil {
		return nil, err
	}
	if r.Flood > 0 {
		if err := r.collect(ctx); err != nil {
			return nil, err
		}
	}
	runtime.GC()
	var strangers *flood
	if r.Flood > 0 {
		var err error
		if strangers, err = startFlood(ctx, r.server.sip, r.Flood); err != nil {
			return nil, err
		}
		defer strangers.end()
	}
	end := r.generator.window.open(r.Duration)
	before, err := r.load(ctx)
	if err != nil {
		return nil, err
	}
	if err := sleep(ctx, end-mediaNow()); err != nil {
		return nil, err
	}
	after, err := r.load(ctx)
	if err != nil {
		return nil, err
	}
	if err := sleep(ctx, lastTime); err != nil {
		return nil, err
	}
	report := r.report(before, after)
	if strangers != nil {
		return report, r.floodOver(ctx, report, strangers, before)
	}
	return report, nil
}

// collect waits until the server has collected its garbage some times. That it
// is asked makes the garbage.
func (r *run) collect(ctx context.Context) error {
	const count = "go_gc_duration_seconds_count"
	first, err := gauge(ctx, r.server.http, count)
	for limit := time.Now().Add(collectTime); err == nil && time.Now().Before(limit); {
		var now float64
		if now, err = gauge(ctx, r.server.http, count); now >= first+collections {
			break
		}
	}
	return err
}

// floodOver ends the flood and adds to the report what it has done.
func (r *run) floodOver(ctx context.Context, p *Report, strangers *flood, before load) error {
	took := mediaNow() - before.at
	answered, challenged := strangers.end()
	p.Flood = &Flood{
		PerSecond: float64(strangers.sent) / took.Seconds(), Sent: strangers.sent, Answered: answered, Challenged: challenged,
		RSSBeforeMB: float64(before.resident) / 1e6,
	}
	for waited := time.Duration(0); ; waited += recoverPace {
		now, err := resident(r.server.pid())
		if err != nil {
			return err
		}
		p.Flood.RSSAfterMB, p.Flood.RecoveredS = float64(now)/1e6, waited.Seconds()
		p.Flood.GrownPct = 100 * (float64(now) - float64(before.resident)) / float64(before.resident)
		if p.Flood.GrownPct <= maxGrownPct || waited >= recoverTime {
			break
		}
		if err := sleep(ctx, recoverPace); err != nil {
			return err
		}
	}
	p.judgeFlood(r.Flood)
	return nil
}

// close hangs up, signs out and ends the server.
func (r *run) close() {
	if r.callers != nil {
		r.callers.close()
	}
	for _, a := range r.agents {
		a.close()
	}
	if r.generator != nil {
		r.generator.close()
	}
	if r.server != nil {
		r.server.stop()
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
