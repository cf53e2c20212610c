package web

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Wrong passwords are what is counted. A source may try 10 at once and then one
// every 6 s; a login 20 and then one every 3 s from everywhere together. Who
// has signed in from a source before is not held up by what strangers try
// elsewhere, so that nobody can lock a known user out.
const (
	sourceBurst   = 10
	sourceRefill  = 6 * time.Second
	loginBurst    = 20
	loginRefill   = 3 * time.Second
	throttleLimit = 20_000 // entries of each map
)

// throttle slows the guessing of passwords down. It is safe for concurrent use.
type throttle struct {
	now     func() time.Time
	mu      sync.Mutex
	sources map[string]*rate.Limiter
	logins  map[string]*rate.Limiter
	known   map[[2]string]struct{} // login and source of those who signed in
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{
		now: now, sources: map[string]*rate.Limiter{}, logins: map[string]*rate.Limiter{},
		known: map[[2]string]struct{}{},
	}
}

// wait is how long this source has to wait before it may try this login, 0 if
// it need not.
func (t *throttle) wait(source, login string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	wait := untilToken(t.sources[source], now)
	if _, known := t.known[[2]string{login, source}]; !known {
		wait = max(wait, untilToken(t.logins[login], now))
	}
	return wait
}

// failed counts a wrong password.
func (t *throttle) failed(source, login string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	count(t.sources, source, sourceBurst, sourceRefill, now)
	if _, known := t.known[[2]string{login, source}]; !known {
		count(t.logins, login, loginBurst, loginRefill, now)
	}
}

// succeeded remembers that this login belongs to this source.
func (t *throttle) succeeded(source, login string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	makeRoom(t.known)
	t.known[[2]string{login, source}] = struct{}{}
}

func count(m map[string]*rate.Limiter, key string, burst int, refill time.Duration, now time.Time) {
	l := m[key]
	if l == nil {
		makeRoom(m)
		l = rate.NewLimiter(rate.Every(refill), burst)
		m[key] = l
	}
	l.AllowN(now, 1)
}

// makeRoom drops any entry of a full map: memory stays bounded whatever comes,
// and a flood of sources costs no search for the entry that matters least.
func makeRoom[K comparable, V any](m map[K]V) {
	if len(m) < throttleLimit {
		return
	}
	for k := range m {
		delete(m, k)
		return
	}
}

func untilToken(l *rate.Limiter, now time.Time) time.Duration {
	if l == nil {
		return 0
	}
	missing := 1 - l.TokensAt(now)
	if missing <= 0 {
		return 0
	}
	return time.Duration(missing / float64(l.Limit()) * float64(time.Second))
}

// connectionSource is the address that a request came from; of IPv6 the /64,
// which is what one household or host has.
func connectionSource(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		if prefix, err := addr.Prefix(64); err == nil {
			return prefix.String()
		}
	}
	return addr.String()
}
