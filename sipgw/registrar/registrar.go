// Package registrar keeps where the telephones of each line are: the bindings of
// RFC 3261 §10.3. It works in memory alone, and says what of it has to be stored
// for the next start.
package registrar

import (
	"cmp"
	"container/heap"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// How long a binding lasts. A telephone behind a NAT comes back sooner, because
// what the NAT remembers of a UDP flow is as short-lived.
const (
	MinExpires    = 60 * time.Second
	MaxExpires    = time.Hour
	maxNATExpires = 3 * time.Minute
)

// Flow is how a telephone is reached: from our socket to where its messages come
// from, which is not where it believes to be when there is a NAT between.
type Flow struct {
	Transport string // "UDP", "TCP" or "TLS"
	Local     netip.AddrPort
	Peer      netip.AddrPort
}

// Binding is one telephone of a line.
type Binding struct {
	URI       sip.Uri // its Contact, as it gave it
	Flow      Flow
	UserAgent string
	Since     time.Time // when it came; refreshing does not change it
	Expires   time.Time
	NAT       bool // its Contact is not where its messages come from
	Q         string

	line     string
	key      string        // of Registration
	granted  time.Duration // how long a refreshing lasts
	kept     time.Time     // when it ends by what is stored of it; zero where nothing is
	instance string
	callID   string
	seq      uint32
	index    int // in the heap
	shard    uint32
}

// Registrar keeps the bindings of all lines. Its methods may be called by any
// goroutine.
type Registrar struct {
	changed func(line string, registered bool)

	mu     sync.RWMutex
	lines  map[string][]*Binding // the longest there first
	flows  map[flowKey]int       // how many bindings use a flow: a telephone may have several lines
	queue  expiries
	timer  *time.Timer
	shards uint32
	closed bool
	// unsaved are the sheets that what is stored of lacks something.
	unsaved [Sheets]bool
	news    []news

	telling sync.Mutex // keeps what is told in order
}

// flowKey tells flows apart: a peer reaches us through one of our sockets.
type flowKey struct {
	transport string
	peer      netip.AddrPort
}

func (f Flow) key() flowKey { return flowKey{f.Transport, f.Peer} }

type news struct {
	line       string
	registered bool
}

// New makes a registrar. changed is told when a line gets its first telephone or
// loses its last, in order, by whichever goroutine made the change; it may call
// Bindings but only posts. It may be nil.
func New(changed func(line string, registered bool)) *Registrar {
	if changed == nil {
		changed = func(string, bool) {}
	}
	return &Registrar{changed: changed, lines: make(map[string][]*Binding), flows: make(map[flowKey]int)}
}

// Bindings are a line's telephones, the longest there first.
func (r *Registrar) Bindings(line string) []Binding {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.copies(line)
}

func (r *Registrar) copies(line string) []Binding {
	all := make([]Binding, len(r.lines[line]))
	for i, b := range r.lines[line] {
		all[i] = *b
	}
	return all
}

// Knows tells whether a telephone is behind a flow.
func (r *Registrar) Knows(transport string, peer netip.AddrPort) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.flows[flowKey{transport, peer}] > 0
}

// Has tells whether a telephone of a line is behind a flow.
func (r *Registrar) Has(line, transport string, peer netip.AddrPort) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.ContainsFunc(r.lines[line], func(b *Binding) bool { return b.Flow.key() == flowKey{transport, peer} })
}

// Count is how many bindings there are.
func (r *Registrar) Count() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.queue)
}

// Behind appends the flows of telephones behind a NAT over UDP, those of one of
// n shards, so that a caller can spread what it sends them over time.
func (r *Registrar) Behind(shard, n uint32, flows []Flow) []Flow {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, b := range r.queue {
		if b.NAT && b.Flow.Transport == "UDP" && b.shard%n == shard {
			flows = append(flows, b.Flow)
		}
	}
	return flows
}

// Keep drops all bindings but those that keep tells to keep, by their line and
// the key of their registration.
func (r *Registrar) Keep(keep func(line, key string) bool) {
	r.change(func() {
		for line, all := range r.lines {
			left := slices.DeleteFunc(slices.Clone(all), func(b *Binding) bool { return !keep(line, b.key) })
			if len(left) < len(all) {
				r.replace(line, left)
			}
		}
	})
}

// Lost drops the bindings whose connection was closed.
func (r *Registrar) Lost(transport string, peer netip.AddrPort) {
	lost := flowKey{transport, peer}
	r.change(func() {
		var lines []string
		for _, b := range r.queue {
			if b.Flow.key() == lost {
				lines = append(lines, b.line)
			}
		}
		for _, line := range lines {
			r.replace(line, slices.DeleteFunc(slices.Clone(r.lines[line]), func(b *Binding) bool { return b.Flow.key() == lost }))
		}
	})
}

// Close drops everything and tells nobody.
func (r *Registrar) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.lines, r.flows, r.queue = nil, nil, nil
	if r.timer != nil {
		r.timer.Stop()
	}
}

// change does something under the lock and then tells what came of it.
func (r *Registrar) change(do func()) {
	r.mu.Lock()
	if !r.closed {
		do()
		r.schedule()
	}
	r.mu.Unlock()

	r.telling.Lock()
	defer r.telling.Unlock()
	r.mu.Lock()
	all := r.news
	r.news = nil
	r.mu.Unlock()
	for _, n := range all {
		r.changed(n.line, n.registered)
	}
}

// replace gives a line new bindings. r.mu is held.
func (r *Registrar) replace(line string, bindings []*Binding) {
	before := r.lines[line]
	for _, b := range before {
		heap.Remove(&r.queue, b.index)
		if r.flows[b.Flow.key()]--; r.flows[b.Flow.key()] == 0 {
			delete(r.flows, b.Flow.key())
		}
	}
	for _, b := range bindings {
		heap.Push(&r.queue, b)
		r.flows[b.Flow.key()]++
	}
	slices.SortStableFunc(bindings, func(a, b *Binding) int { return cmp.Compare(a.Since.UnixNano(), b.Since.UnixNano()) })
	if len(bindings) == 0 {
		delete(r.lines, line)
	} else {
		r.lines[line] = bindings
	}
	if outdates(before, bindings) {
		r.unsaved[sheetOf(line)] = true
	}
	if (len(before) == 0) != (len(bindings) == 0) {
		r.news = append(r.news, news{line, len(bindings) > 0})
	}
}
