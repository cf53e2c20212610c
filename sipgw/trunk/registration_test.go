package trunk

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// provider answers REGISTERs as a test says and writes down when they came.
type provider struct {
	mu     sync.Mutex
	start  time.Time
	answer func(n int, at Endpoint, expires time.Duration) Outcome
	times  []time.Duration // since start
	log    []string        // endpoint and expires of each
}

func (p *provider) register(_ context.Context, at Endpoint, expires time.Duration) Outcome {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.times = append(p.times, time.Since(p.start))
	p.log = append(p.log, fmt.Sprintf("%s %v", at.Host, expires))
	return p.answer(len(p.times), at, expires)
}

func (p *provider) asked() []time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.times)
}

var (
	first  = Endpoint{Transport: "UDP", Peer: netip.MustParseAddrPort("192.0.2.1:5060"), Host: "a"}
	second = Endpoint{Transport: "UDP", Peer: netip.MustParseAddrPort("192.0.2.2:5060"), Host: "b"}
)

// run has a runner register with a provider for a while and ends it.
func run(t *testing.T, expires, howLong time.Duration, p *provider, endpoints ...Endpoint) *Runner {
	t.Helper()
	p.start = time.Now()
	n := NewRunner(expires)
	n.Endpoints = func() []Endpoint { return endpoints }
	n.Register, n.Changed, n.Farewell = p.register, func() {}, time.Second
	ctx, cancel := context.WithTimeout(t.Context(), howLong)
	defer cancel()
	n.Run(ctx)
	return n
}

func granted(d time.Duration) Outcome { return Outcome{Status: 200, Phrase: "OK", Granted: d} }

func TestRegistrationIsRefreshedBeforeItEndsAndEndedAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{answer: func(int, Endpoint, time.Duration) Outcome { return granted(100 * time.Second) }}
		run(t, 0, 400*time.Second, p, first)
		for i := 1; i < len(p.times)-1; i++ {
			if gap := p.times[i] - p.times[i-1]; gap < 80*time.Second || gap > 85*time.Second {
				t.Errorf("refreshed after %v of 100 s", gap)
			}
		}
		if len(p.times) < 5 || p.log[0] != "a 10m0s" || p.log[len(p.log)-1] != "a 0s" {
			t.Errorf("registered %v", p.log)
		}
	})
}

func TestTooBriefRegistrationIsAskedForAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{answer: func(n int, _ Endpoint, expires time.Duration) Outcome {
			if expires != 0 && expires < 30*time.Minute {
				return Outcome{Status: 423, MinExpires: 30 * time.Minute}
			}
			return granted(0)
		}}
		run(t, time.Minute, 10*time.Minute, p, first)
		if got := strings.Join(p.log, ","); got != "a 1m0s,a 30m0s,a 0s" || p.times[1] != 0 {
			t.Errorf("registered %s at %v", got, p.times)
		}
	})
}

func TestProviderThatNeverIsContentWith423IsNotAskedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{answer: func(_ int, _ Endpoint, expires time.Duration) Outcome {
			return Outcome{Status: 423, MinExpires: expires + time.Second}
		}}
		run(t, 0, time.Minute, p, first)
		if len(p.times) > 12 {
			t.Errorf("asked %d times within a minute", len(p.times))
		}
	})
}

func TestRefusedAccountIsLeftAloneForAnHour(t *testing.T) {
	for _, status := range []int{401, 403, 404, 407} {
		synctest.Test(t, func(t *testing.T) {
			p := &provider{answer: func(int, Endpoint, time.Duration) Outcome { return Outcome{Status: status, Phrase: "No"} }}
			n := run(t, 0, 2*time.Hour-time.Second, p, first, second)
			if len(p.times) != 4 {
				t.Fatalf("%d: asked %d times in two hours, at %v", status, len(p.times), p.times)
			}
			if gap := p.times[3] - p.times[2]; gap < time.Hour || gap > 63*time.Minute {
				t.Errorf("%d: asked again after %v", status, gap)
			}
			if s := n.State(); s.Phase != Refused || s.Status != status || s.Phrase != "No" {
				t.Errorf("%d: state %+v", status, s)
			}
		})
	}
}

func TestAccountThatIsTakenAgainIsRegisteredAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{answer: func(n int, _ Endpoint, _ time.Duration) Outcome {
			if n <= 3 {
				return Outcome{Status: 403}
			}
			return granted(time.Hour)
		}}
		p.start = time.Now()
		n := NewRunner(0)
		n.Endpoints = func() []Endpoint { return []Endpoint{first} }
		n.Register, n.Changed, n.Farewell = p.register, func() {}, time.Second
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { n.Run(ctx); close(done) }()
		time.Sleep(30 * time.Minute)
		if n.State().Phase != Refused {
			t.Errorf("after three refusals: %v", n.State())
		}
		n.Soon() // a lost connection is no reason to ask again
		time.Sleep(time.Minute)
		if asked := p.asked(); len(asked) != 3 {
			t.Errorf("asked at %v", asked)
		}
		time.Sleep(time.Hour)
		if n.State().Phase != Registered {
			t.Errorf("after the account was opened: %v", n.State())
		}
		cancel()
		<-done
	})
}

func TestNextTargetIsTakenAtOnceAndThenWithGrowingPauses(t *testing.T) {
	for _, status := range []int{0, 408, 500, 503} {
		synctest.Test(t, func(t *testing.T) {
			p := &provider{answer: func(int, Endpoint, time.Duration) Outcome {
				return Outcome{Status: status, Err: errors.New("no answer")}
			}}
			run(t, 0, time.Hour, p, first, second)
			if p.log[0] != "a 10m0s" || p.log[1] != "b 10m0s" || p.times[1] != 0 || p.log[2] != "a 10m0s" {
				t.Errorf("%d: asked %v at %v", status, p.log[:3], p.times[:3])
			}
			pause := time.Duration(0)
			for i := 2; i < len(p.times); i += 2 {
				next := p.times[i] - p.times[i-1]
				if next < pause*11/10 && next < lastRetry*4/5 || next > lastRetry {
					t.Errorf("%d: pause %v after one of %v", status, next, pause)
				}
				pause = next
			}
			if most := len(p.times); most > 50 {
				t.Errorf("%d: asked %d times in an hour", status, most)
			}
		})
	}
}

func TestProviderThatAsksToBeLeftAloneIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{answer: func(int, Endpoint, time.Duration) Outcome {
			return Outcome{Status: 503, RetryAfter: 20 * time.Minute}
		}}
		run(t, 0, 30*time.Minute, p, first)
		if len(p.times) != 2 || p.times[1] != 20*time.Minute {
			t.Errorf("asked at %v", p.times)
		}
	})
}

func TestRegistrationHoldsUntilItsEndWhileItCannotBeRefreshed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{answer: func(n int, _ Endpoint, _ time.Duration) Outcome {
			if n == 1 {
				return granted(100 * time.Second)
			}
			return Outcome{Err: errors.New("no answer")}
		}}
		p.start = time.Now()
		n := NewRunner(0)
		n.Endpoints = func() []Endpoint { return []Endpoint{first} }
		n.Register, n.Changed, n.Farewell = p.register, func() {}, time.Second
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { n.Run(ctx); close(done) }()
		time.Sleep(95 * time.Second)
		if s := n.State(); s.Phase != Registered || s.Status != 0 {
			t.Errorf("at 95 of 100 s: %v", s)
		}
		time.Sleep(6 * time.Second)
		if s := n.State(); s.Phase != Registering {
			t.Errorf("after its end: %v", s)
		}
		cancel()
		<-done
		if last := p.log[len(p.log)-1]; last == "a 0s" {
			t.Error("what was over was ended")
		}
	})
}

func TestLostConnectionIsRegisteredAnewAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{answer: func(int, Endpoint, time.Duration) Outcome { return granted(time.Hour) }}
		p.start = time.Now()
		n := NewRunner(0)
		n.Endpoints = func() []Endpoint { return []Endpoint{first} }
		n.Register, n.Changed, n.Farewell = p.register, func() {}, time.Second
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { n.Run(ctx); close(done) }()
		time.Sleep(time.Minute)
		n.Lost()
		synctest.Wait()
		// A provider that closes every connection is not asked all the time.
		for range 4 {
			n.Lost()
			n.Lost()
			time.Sleep(800 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		if asked := p.asked(); !slices.Equal(asked, []time.Duration{0, time.Minute, time.Minute + 2*time.Second, time.Minute + 4*time.Second}) {
			t.Errorf("registered at %v", asked)
		}
		cancel()
		<-done
	})
}

func TestEndpointsThatAreNotKnownYetAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{start: time.Now(), answer: func(int, Endpoint, time.Duration) Outcome { return granted(time.Hour) }}
		n := NewRunner(0)
		n.Endpoints = func() []Endpoint {
			if time.Since(p.start) < 10*time.Second {
				return nil
			}
			return []Endpoint{first}
		}
		n.Register, n.Changed, n.Farewell = p.register, func() {}, time.Second
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		n.Run(ctx)
		if len(p.times) != 2 || p.times[0] != 10*time.Second {
			t.Errorf("registered at %v", p.times)
		}
	})
}
