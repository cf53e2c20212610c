package trunk

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// askDownOften is how many times as often those that are down are asked.
const askDownOften = 3

// Fault is what is wrong with the certificate of an endpoint, "" for nothing that
// is known.
type Fault string

// The faults of certificates.
const (
	FaultName      Fault = "name"      // it is for another name
	FaultExpired   Fault = "expired"   // it has ended, or not begun
	FaultAuthority Fault = "authority" // nobody whom we trust signed it
)

// TargetState is how one endpoint of a trunk does, for people.
type TargetState struct {
	Name   string        `json:"name"`
	Known  bool          `json:"known"` // it was asked
	Up     bool          `json:"up"`
	RTT    time.Duration `json:"rtt,omitempty"`    // of the last answer
	Status int           `json:"status,omitempty"` // of the last answer, 0 for none
	Reason string        `json:"reason,omitempty"` // what it said, or why it was not heard
	Fault  Fault         `json:"fault,omitempty"`  // of its certificate, where it was not heard for that
	Since  time.Time     `json:"since,omitzero"`   // of Up
}

// Health is how the endpoints of one trunk do. Its methods may be called by any
// goroutine.
type Health struct {
	every time.Duration // between two questions
	mu    sync.Mutex
	order []Endpoint
	known map[Endpoint]*pulse
}

type pulse struct {
	state  TargetState
	next   time.Time // when it is asked again
	heard  time.Time // when a request was last answered, or not
	asking bool
	lost   bool // the connection ended while it was asked
	// answers says that it answered the question once. Some never do, although
	// they work.
	answers bool
}

// NewHealth makes the health of no endpoints. every is how often an endpoint is
// asked.
func NewHealth(every time.Duration) *Health {
	return &Health{every: every, known: make(map[Endpoint]*pulse)}
}

// Set replaces the endpoints; those that stay keep what is known of them.
func (h *Health) Set(endpoints []Endpoint) {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := make(map[Endpoint]*pulse, len(endpoints))
	for _, e := range endpoints {
		p := h.known[e]
		if p == nil {
			p = &pulse{state: TargetState{Name: e.String()}}
		}
		known[e] = p
	}
	h.order, h.known = slices.Clone(endpoints), known
}

// Due takes the endpoints that are to be asked now. Each must be reported by
// Heard with asked set.
func (h *Health) Due(now time.Time) []Endpoint {
	h.mu.Lock()
	defer h.mu.Unlock()
	var due []Endpoint
	for _, e := range h.order {
		if p := h.known[e]; !p.asking && !now.Before(p.next) {
			p.asking = true
			due = append(due, e)
		}
	}
	return due
}

// Alive tells whether an answer means that its sender can take calls. Any does,
// also a refusal, but for those by which it says that it cannot.
func Alive(status int) bool { return status != 0 && status != 408 && status != 503 }

// Heard notes how a request to an endpoint went; rtt is 0 where it was not
// measured. asked says that the request was the one of Due. changed tells whether
// the endpoint went up or down, or is known now; back that it was down and is
// up again.
func (h *Health) Heard(e Endpoint, now time.Time, status int, reason string, rtt time.Duration, asked bool) (changed, back bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.known[e]
	if p == nil {
		return false, false
	}
	p.heard = now
	if status != 0 {
		p.state.Fault = ""
	}
	up := Alive(status)
	changed = !p.state.Known || p.state.Up != up
	back = p.state.Known && !p.state.Up && up
	if changed {
		p.state.Since = now
	}
	p.state.Known, p.state.Up, p.state.Status, p.state.Reason = true, up, status, reason
	if rtt > 0 {
		p.state.RTT = rtt
	}
	every := h.every
	if !up {
		every /= askDownOften
	}
	next := now.Add(every - rand.N(every/5+1))
	if asked {
		if p.lost {
			next = now.Add(lostPause)
		}
		p.asking, p.lost = false, false
		p.answers = p.answers || status != 0
		p.next = next
	} else if changed && next.Before(p.next) {
		p.next = next
	}
	return changed, back
}

// Blame notes what is wrong with the certificate of an endpoint; "" for nothing.
func (h *Health) Blame(e Endpoint, f Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.known[e]; p != nil {
		p.state.Fault = f
	}
}

// Skip takes back a question of Due that says nothing.
func (h *Health) Skip(e Endpoint, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.known[e]; p != nil {
		p.asking, p.lost = false, false
		p.next = now.Add(h.every)
	}
}

// Deaf tells whether an endpoint never answered a question.
func (h *Health) Deaf(e Endpoint) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.known[e]
	return p != nil && !p.answers
}

// lostPause is how soon after an answer an endpoint is asked at the earliest
// because its connection ended: some close every connection.
const lostPause = 2 * time.Second

// Lost has the endpoints behind a connection that has ended asked soon, and tells
// whether there are any. It is where a provider's fall is noticed first.
func (h *Health) Lost(transport string, peer netip.AddrPort, now time.Time) (found bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for e, p := range h.known {
		if e.Transport != transport || e.Peer != peer {
			continue
		}
		at := now
		if soonest := p.heard.Add(lostPause); soonest.After(now) {
			at = soonest
		}
		switch {
		case p.asking: // the answer may have come all the same
			p.lost = true
		case at.Before(p.next):
			p.next, found = at, true
		}
	}
	return found
}

// AskSoon has all endpoints asked again at once.
func (h *Health) AskSoon() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.known {
		p.next = time.Time{}
	}
}

// Order are the endpoints, those that are down last.
func (h *Health) Order() []Endpoint {
	h.mu.Lock()
	defer h.mu.Unlock()
	ordered := slices.Clone(h.order)
	down := func(e Endpoint) int {
		if s := h.known[e].state; s.Known && !s.Up {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(ordered, func(a, b Endpoint) int { return down(a) - down(b) })
	return ordered
}

// States is how the endpoints do, in their order.
func (h *Health) States() []TargetState {
	h.mu.Lock()
	defer h.mu.Unlock()
	states := make([]TargetState, len(h.order))
	for i, e := range h.order {
		states[i] = h.known[e].state
	}
	return states
}
