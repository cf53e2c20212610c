package trunk

import (
	"context"
	"sync"
	"time"
)

// Runner keeps one registration alive. Its fields are set before Run; its other
// methods may be called by any goroutine.
type Runner struct {
	// Endpoints are where to register at present, in order.
	Endpoints func() []Endpoint
	// Register sends a REGISTER to an endpoint and waits for what comes of it.
	// expires is 0 to end the registration.
	Register func(ctx context.Context, at Endpoint, expires time.Duration) Outcome
	// Changed is called after each try, by Run's goroutine.
	Changed func()
	// Farewell bounds the end of the registration when Run's context ends.
	Farewell time.Duration

	mu   sync.Mutex
	r    *Registration
	at   Endpoint // of the last success
	soon chan struct{}
}

// NewRunner makes a runner of a registration that asks for expires, 0 for the
// default.
func NewRunner(expires time.Duration) *Runner {
	return &Runner{r: NewRegistration(time.Now(), expires), soon: make(chan struct{}, 1)}
}

// noEndpointPause is how often endpoints are looked for where there are none.
const noEndpointPause = time.Second

// Run registers, again and again, until ctx ends; then it ends the registration.
func (n *Runner) Run(ctx context.Context) {
	for {
		n.mu.Lock()
		at, place, expires := n.r.Next()
		n.mu.Unlock()
		if wait := time.Until(at); wait > 0 {
			if !n.wait(ctx, wait) {
				n.leave(ctx)
				return
			}
			continue // it may be planned anew
		}
		endpoints := n.Endpoints()
		if len(endpoints) == 0 {
			if !n.wait(ctx, noEndpointPause) {
				n.leave(ctx)
				return
			}
			continue
		}
		to := endpoints[place%len(endpoints)]
		outcome := n.Register(ctx, to, expires)
		if ctx.Err() != nil {
			n.leave(ctx)
			return
		}
		n.mu.Lock()
		n.r.Done(time.Now(), outcome, len(endpoints))
		if outcome.Status >= 200 && outcome.Status < 300 {
			n.at = to
		}
		n.mu.Unlock()
		n.Changed()
	}
}

// wait waits for a while, or until the registration is to be renewed sooner. It
// returns false when ctx ended.
func (n *Runner) wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-n.soon:
	}
	return ctx.Err() == nil
}

// leave ends the registration where there is one.
func (n *Runner) leave(ctx context.Context) {
	n.mu.Lock()
	known := n.r.State(time.Now()).Phase == Registered
	at := n.at
	n.mu.Unlock()
	if !known {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), n.Farewell)
	defer cancel()
	n.Register(ctx, at, 0)
}

// Soon renews the registration at once.
func (n *Runner) Soon() {
	n.mu.Lock()
	n.r.Soon(time.Now())
	n.mu.Unlock()
	select {
	case n.soon <- struct{}{}:
	default:
	}
}

// Lost renews a registration whose connection has ended.
func (n *Runner) Lost() {
	n.mu.Lock()
	n.r.Lost(time.Now())
	n.mu.Unlock()
	select {
	case n.soon <- struct{}{}:
	default:
	}
}

// State is how the registration stands.
func (n *Runner) State() RegistrationState {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.r.State(time.Now())
}

// At is the endpoint that took the last registration.
func (n *Runner) At() Endpoint {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.at
}
