package media

import (
	"context"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Everything timed runs once per FrameTime. Tasks are dealt to phases that are
// a quarter of it apart, so that the players of many calls do not send all
// their packets at the same instant.
const (
	pacerPhases = 4
	phaseTime   = FrameTime / pacerPhases
)

// pacerStall is how late the pacer may be and still catch up. After a longer
// stall it leaves the lost ticks out: a receiver's jitter buffer copes better
// with a gap than with a burst.
const pacerStall = 200 * time.Millisecond

// Task is something that a Pacer does every FrameTime.
type Task interface {
	// Tick does what is due at now, on the clock of Now. It runs in the pacer's
	// goroutine and must not block. It returns false to be removed.
	Tick(now time.Duration) (more bool)
}

// Pacer calls tasks every FrameTime from one goroutine. A process has one: call
// Run once, in a goroutine of its own. All methods are safe from any goroutine
// and from within Tick.
type Pacer struct {
	// OnFault is told of a task that panicked, which is then removed: one call's
	// fault must not end the others. It is set before Run; nil tells nobody.
	OnFault func(fault any, stack []byte)

	wake chan struct{}

	mu     sync.Mutex // never held while a task runs
	places map[Task]*place
	phases [pacerPhases][]*place

	running []*place // the phase under way; Run's goroutine only

	ticks    atomic.Uint64
	skipped  atomic.Uint64
	last     atomic.Int64
	worst    atomic.Int64
	lateness [len(latenessBounds) + 1]atomic.Uint64
}

// place is where a task stands in the pacer.
type place struct {
	task         Task
	phase, index int
	addedAgain   bool // Add came while the task was in
	removed      atomic.Bool
}

// latenessBounds are the upper bounds of the histogram of PacerStats.
var latenessBounds = [...]time.Duration{
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond,
	20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, pacerStall,
}

// NewPacer returns a pacer without tasks.
func NewPacer() *Pacer {
	return &Pacer{wake: make(chan struct{}, 1), places: make(map[Task]*place)}
}

// Add has t called every FrameTime, first within one FrameTime from now. A task
// that is in already stays in once. t must be comparable, as pointers are.
func (p *Pacer) Add(t Task) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if in := p.places[t]; in != nil {
		in.addedAgain = true
		return
	}
	phase := 0
	for i := range p.phases {
		if len(p.phases[i]) < len(p.phases[phase]) {
			phase = i
		}
	}
	in := &place{task: t, phase: phase, index: len(p.phases[phase])}
	p.phases[phase] = append(p.phases[phase], in)
	p.places[t] = in
	if len(p.places) == 1 {
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
}

// Remove takes t out. It does not wait: a Tick that has begun goes on.
func (p *Pacer) Remove(t Task) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if in := p.places[t]; in != nil {
		p.take(in)
	}
}

// take removes a place by moving the last one of its phase there.
func (p *Pacer) take(in *place) {
	in.removed.Store(true)
	delete(p.places, in.task)
	tasks := p.phases[in.phase]
	last := len(tasks) - 1
	tasks[in.index] = tasks[last]
	tasks[in.index].index = in.index
	tasks[last] = nil
	p.phases[in.phase] = tasks[:last]
}

// Run calls the tasks until ctx ends.
func (p *Pacer) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	due := Now()
	for phase := 0; ; phase = (phase + 1) % pacerPhases {
		if p.idle() {
			select {
			case <-ctx.Done():
				return
			case <-p.wake:
				due = Now()
			}
		}
		wait, planned := due-Now(), due
		if wait < -pacerStall {
			p.skipped.Add(uint64(-wait / phaseTime))
			due -= wait
		}
		// A timer also when nothing is to wait for, so that ctx is looked at.
		timer.Reset(max(0, wait))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		p.noteLateness(Now() - planned)
		p.tick(phase, due)
		due += phaseTime
	}
}

func (p *Pacer) idle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.places) == 0
}

func (p *Pacer) tick(phase int, due time.Duration) {
	p.mu.Lock()
	p.running = append(p.running[:0], p.phases[phase]...)
	for _, in := range p.running {
		in.addedAgain = false
	}
	p.mu.Unlock()
	for _, in := range p.running {
		if in.removed.Load() || p.run(in.task, due) {
			continue
		}
		p.mu.Lock()
		// A task that found nothing more to do may have been given something,
		// and been added for it, before it is taken out here.
		if !in.removed.Load() && !in.addedAgain {
			p.take(in)
		}
		p.mu.Unlock()
	}
	clear(p.running)
}

// run ticks a task. One that panics is done.
func (p *Pacer) run(t Task, due time.Duration) (more bool) {
	defer func() {
		if fault := recover(); fault != nil {
			more = false
			if p.OnFault != nil {
				p.OnFault(fault, debug.Stack())
			}
		}
	}()
	return t.Tick(due)
}

func (p *Pacer) noteLateness(late time.Duration) {
	late = max(0, late)
	p.ticks.Add(1)
	p.last.Store(int64(late))
	if late > time.Duration(p.worst.Load()) {
		p.worst.Store(int64(late))
	}
	i := 0
	for i < len(latenessBounds) && late > latenessBounds[i] {
		i++
	}
	p.lateness[i].Add(1)
}

// Lateness is how much later than due the pacer ran: at worst since the start,
// and the last time. Much of it means that the process gets too little CPU.
func (p *Pacer) Lateness() (worst, last time.Duration) {
	return time.Duration(p.worst.Load()), time.Duration(p.last.Load())
}

// PacerStats are counts since the start of the pacer.
type PacerStats struct {
	Tasks   int                      // now in the pacer
	Ticks   uint64                   // phases that ran
	Skipped uint64                   // phases left out after stalls
	Late    map[time.Duration]uint64 // phases by lateness: at most the key; the rest is Ticks minus their sum
}

// Stats returns the pacer's counts.
func (p *Pacer) Stats() PacerStats {
	p.mu.Lock()
	s := PacerStats{Tasks: len(p.places), Late: make(map[time.Duration]uint64, len(latenessBounds))}
	p.mu.Unlock()
	s.Ticks, s.Skipped = p.ticks.Load(), p.skipped.Load()
	for i, bound := range latenessBounds {
		s.Late[bound] = p.lateness[i].Load()
	}
	return s
}
