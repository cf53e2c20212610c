package trunk

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Phase says how a registration stands.
type Phase string

// The phases of a registration.
const (
	Registering Phase = "registering" // not yet, or not any more
	Registered  Phase = "registered"
	// Refused says that the provider does not know the account or the password
	// and was asked often enough: the next try is in an hour.
	Refused Phase = "refused"
)

// The times of registrations.
const (
	DefaultExpires = 10 * time.Minute
	maxExpires     = 24 * time.Hour
	firstRetry     = 2 * time.Second
	lastRetry      = 5 * time.Minute
	slowRetry      = time.Hour
	maxRefusals    = 3
	maxTooBrief    = 3 // 423 in a row
)

// Outcome is what came of one REGISTER.
type Outcome struct {
	Endpoint string
	// Status is the SIP status of the final response, after the challenge was
	// answered; 0 where none came.
	Status int
	Phrase string
	// Granted is how long a 2xx says that the registration lasts, 0 where it
	// does not say.
	Granted time.Duration
	// MinExpires is the shortest registration that a 423 allows.
	MinExpires time.Duration
	// RetryAfter is how long the provider asks to be left alone.
	RetryAfter time.Duration
	Err        error // what went wrong where Status is 0
}

// RegistrationState is how a registration stands, for people.
type RegistrationState struct {
	Phase    Phase
	Since    time.Time // of the phase
	Until    time.Time // of the last registration; zero where there was none
	Status   int       // the last answer, 0 for none
	Phrase   string
	Endpoint string // of the last try
	Next     time.Time
}

// Registration decides when and where to register. It does nothing itself: its
// owner, one goroutine, waits until Next, registers, and tells Done. The random
// parts keep trunks from asking all at once after a failure of the provider.
type Registration struct {
	wish     time.Duration // what is asked for
	expires  time.Duration // what is asked for now, at least what a 423 wants
	state    RegistrationState
	next     time.Time
	place    int // index of the endpoint for the next try
	tried    int // endpoints tried in this round
	rounds   int // that failed, one after the other
	refusals int
	brief    int
	lost     time.Time // for when the last lost connection had a REGISTER sent
	jitter   func(most time.Duration) time.Duration
}

// NewRegistration makes a registration that is due at once. expires is what to
// ask for, 0 for the default.
func NewRegistration(now time.Time, expires time.Duration) *Registration {
	if expires == 0 {
		expires = DefaultExpires
	}
	return &Registration{
		wish: expires, expires: expires, next: now,
		state: RegistrationState{Phase: Registering, Since: now},
		jitter: func(most time.Duration) time.Duration {
			return rand.N(most + 1)
		},
	}
}

// Next is when the next REGISTER is due, to which of the endpoints, counted
// from 0 and taken modulo their number, and for how long.
func (r *Registration) Next() (at time.Time, place int, expires time.Duration) {
	return r.next, r.place, r.expires
}

// Soon makes the next REGISTER due at once: the machine slept, or the provider's
// addresses changed.
func (r *Registration) Soon(now time.Time) {
	if r.state.Phase != Refused {
		r.next = now
	}
}

// Lost makes the next REGISTER due at once because the connection of the last one
// has ended, but not more often than every 2 s: some providers close every
// connection. One that failed has its time for the next try already.
func (r *Registration) Lost(now time.Time) {
	if r.state.Phase != Registered || r.state.Status/100 != 2 {
		return
	}
	at := now
	if soonest := r.lost.Add(firstRetry); soonest.After(now) {
		at = soonest
	}
	if at.Before(r.next) {
		r.next, r.lost = at, at
	}
}

// Done takes what came of a REGISTER. endpoints is how many there are.
func (r *Registration) Done(now time.Time, o Outcome, endpoints int) {
	r.state.Status, r.state.Phrase, r.state.Endpoint = o.Status, o.Phrase, o.Endpoint
	if o.Status == 0 && o.Err != nil {
		r.state.Phrase = o.Err.Error()
	}
	switch {
	case o.Status >= 200 && o.Status < 300:
		r.succeeded(now, o.Granted)
		return
	case o.Status == 423 && o.MinExpires > r.expires && o.MinExpires <= maxExpires && r.brief < maxTooBrief:
		r.brief++
		r.expires = o.MinExpires
		r.next = now
		return
	case o.Status == 401, o.Status == 403, o.Status == 404, o.Status == 407:
		r.refused(now)
		return
	}
	r.failed(now, o.RetryAfter, endpoints)
}

func (r *Registration) succeeded(now time.Time, granted time.Duration) {
	if granted <= 0 || granted > maxExpires {
		granted = r.expires
	}
	r.enter(now, Registered)
	r.state.Until = now.Add(granted)
	r.place, r.tried, r.rounds, r.refusals, r.brief = 0, 0, 0, 0, 0
	// At 85 % there is time for some retries before it ends.
	r.next = now.Add(granted*85/100 - r.jitter(min(granted/20, 30*time.Second)))
}

func (r *Registration) refused(now time.Time) {
	r.refusals++
	if r.refusals >= maxRefusals {
		r.enter(now, Refused)
		r.state.Until = time.Time{}
		r.next = now.Add(slowRetry + r.jitter(slowRetry/20))
		return
	}
	r.lapse(now)
	r.rounds++
	r.next = now.Add(r.backOff())
}

func (r *Registration) failed(now time.Time, retryAfter time.Duration, endpoints int) {
	r.lapse(now)
	r.place++
	r.tried++
	if r.tried < endpoints {
		r.next = now
		return
	}
	r.place, r.tried = 0, 0
	r.rounds++
	r.next = now.Add(max(r.backOff(), min(retryAfter, slowRetry)))
}

// lapse notes that a registration which could not be refreshed is over. Before
// its end the provider still knows us.
func (r *Registration) lapse(now time.Time) {
	if r.state.Phase == Registered && !now.Before(r.state.Until) {
		r.enter(now, Registering)
	}
}

// backOff is how long to wait after a failed round: 2 s, twice as long after
// each, at most 5 min, and up to a fifth less.
func (r *Registration) backOff() time.Duration {
	wait := lastRetry
	if r.rounds < 9 {
		wait = min(firstRetry<<(r.rounds-1), lastRetry)
	}
	return wait - r.jitter(wait/5)
}

func (r *Registration) enter(now time.Time, p Phase) {
	if r.state.Phase != p {
		r.state.Phase, r.state.Since = p, now
	}
}

// State is how the registration stands at a moment.
func (r *Registration) State(now time.Time) RegistrationState {
	r.lapse(now)
	s := r.state
	s.Next = r.next
	return s
}

// String is for logs.
func (s RegistrationState) String() string {
	return fmt.Sprintf("%s (%d %s)", s.Phase, s.Status, s.Phrase)
}
