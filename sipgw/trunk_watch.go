package sipgw

import (
	"context"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw/trunk"
)

// The times of watching.
const (
	watchEvery = time.Second
	askTimeout = 4 * time.Second  // for the answer to an OPTIONS
	countEvery = 30 * time.Second // for the day's counts while there are none
	// sleptFor is by how much the wall clock must outrun the other for the
	// machine to have slept.
	sleptFor = 10 * time.Second
)

// watch asks targets whether they live, notices that the machine slept, and tells
// what changed, until ctx ends.
func (t *trunks) watch(ctx context.Context) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	last, counted := time.Now(), time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-t.poke:
		}
		now := time.Now()
		if slept(last, now) {
			t.awoke()
		}
		last = now
		if now.Sub(counted) > countEvery {
			counted = now
			t.tasks.Go(t.loadCounts) // the store may take its time
		}
		t.ask(ctx, now)
		t.tell()
	}
}

// slept tells whether the machine slept between two readings of the clock: the
// monotonic clock stands still meanwhile, the wall clock does not.
func slept(before, after time.Time) bool { return sleptBetween(before, after, after.Sub(before)) }

// sleptBetween is slept where the monotonic clock ran for a known time.
func sleptBetween(before, after time.Time, ran time.Duration) bool {
	return after.Round(0).Sub(before.Round(0))-ran > sleptFor
}

// awoke begins anew after the machine slept: what was agreed may be forgotten.
func (t *trunks) awoke() {
	t.book.Kick()
	for _, l := range t.links() {
		l.health.AskSoon()
		if l.runner != nil {
			l.runner.Soon()
		}
	}
}

// ask sends an OPTIONS to each endpoint that is due.
func (t *trunks) ask(ctx context.Context, now time.Time) {
	for _, l := range t.links() {
		if l.trunk.Disabled {
			continue
		}
		for _, e := range l.health.Due(now) {
			t.tasks.Go(func() {
				begun := time.Now()
				status, reason, fault := t.gateway.ask(ctx, t.options(l.trunk, e), e, askTimeout)
				l.health.Blame(e, fault)
				switch {
				case ctx.Err() != nil:
				case status != 0:
					t.note(l, e, status, reason, time.Since(begun), true)
				case l.holds(e) && l.health.Deaf(e):
					l.health.Skip(e, time.Now())
				default:
					t.book.Kick()
					t.note(l, e, 0, reason, 0, true)
				}
			})
		}
	}
}

// holds tells whether an endpoint took our registration, and its refresh if
// there was one. Then that it answers no OPTIONS means nothing.
func (l *link) holds(e trunk.Endpoint) bool {
	if l.runner == nil || l.runner.At() != e {
		return false
	}
	s := l.runner.State()
	return s.Phase == trunk.Registered && s.Status/100 == 2
}

// options makes the OPTIONS that asks whether an endpoint lives.
func (t *trunks) options(config *ccs.Trunk, e trunk.Endpoint) *sip.Request {
	host := domainOf(config, e)
	from := sip.Uri{Scheme: "sip", User: accountOf(config), Host: host}
	to := sip.Uri{Scheme: "sip", Host: host}
	r := t.gateway.outside(sip.OPTIONS, to, from, to, e)
	r.AppendHeader(sip.NewHeader("Accept", sdpType))
	return r
}
