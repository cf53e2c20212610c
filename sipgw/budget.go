package sipgw

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// What strangers may ask of us. A site whose telephones all start at once sends
// two requests for each.
const (
	strangerRate  = 20.0 // messages a second from one source
	strangerBurst = 200.0
	// challengeRate bounds what is answered to datagrams that may have a forged
	// source, from all sources together.
	challengeRate  = 1000.0
	challengeBurst = 1000.0
)

// bucket lets through a rate and, after a pause, a burst.
type bucket struct {
	tokens float64
	at     time.Time
}

func (b *bucket) refill(now time.Time, rate, burst float64) {
	if b.at.IsZero() {
		b.tokens = burst
	} else {
		b.tokens = min(burst, b.tokens+rate*now.Sub(b.at).Seconds())
	}
	b.at = now
}

// take takes one out of the bucket if it can.
func (b *bucket) take(now time.Time, rate, burst float64) bool {
	b.refill(now, rate, burst)
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// The budgets of sources are kept in a table of fixed size, 1 MB: the memory of
// a flood is bounded by forgetting the source that was heard longest ago.
const (
	budgetWays = 4
	budgetSets = 1 << 12
)

// budgets are the budgets of strangers by their source.
type budgets struct {
	seed   maphash.Seed
	mu     sync.Mutex
	slots  [][budgetWays]budget
	global bucket
}

type budget struct {
	source netip.Addr
	bucket bucket
}

func newBudgets() *budgets {
	return &budgets{seed: maphash.MakeSeed(), slots: make([][budgetWays]budget, budgetSets)}
}

// take tells whether a source may be listened to once more.
func (t *budgets) take(source netip.Addr) bool {
	source = sourceOf(source)
	set := &t.slots[maphash.Comparable(t.seed, source)%budgetSets]
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	oldest := &set[0]
	for i := range set {
		s := &set[i]
		if s.source == source {
			return s.bucket.take(now, strangerRate, strangerBurst)
		}
		if s.bucket.at.Before(oldest.bucket.at) {
			oldest = s
		}
	}
	*oldest = budget{source: source}
	return oldest.bucket.take(now, strangerRate, strangerBurst)
}

// challenge tells whether one more datagram of unproved source may be answered.
func (t *budgets) challenge() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.global.take(time.Now(), challengeRate, challengeBurst)
}

// sourceOf is what counts as one source: in IPv6 whoever has one address has the
// network.
func sourceOf(ip netip.Addr) netip.Addr {
	if ip = ip.Unmap(); ip.Is6() {
		p, _ := ip.Prefix(64)
		return p.Addr()
	}
	return ip
}
