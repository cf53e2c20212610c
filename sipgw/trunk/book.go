package trunk

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/carillon-cc/carillon/ccs"
)

// Endpoint is one place where a provider is reached.
type Endpoint struct {
	Transport string // "UDP", "TCP" or "TLS"
	Peer      netip.AddrPort
	// Host is the target's name or address, for URIs and for the certificate
	// (RFC 5922 §4: the name that was looked up, not what SRV made of it).
	Host string
}

// String names the endpoint in logs and states: by its name, where it has one,
// and its address.
func (e Endpoint) String() string {
	at := fmt.Sprintf("%s/%s", e.Peer, strings.ToLower(e.Transport))
	if ip, err := netip.ParseAddr(e.Host); err == nil && ip.Unmap() == e.Peer.Addr() {
		return at
	}
	return e.Host + " " + at
}

// Resolver looks names up; *net.Resolver is one.
type Resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// How often names are looked up, and how long an answer may take.
const (
	refreshEvery  = time.Minute
	retryEvery    = 10 * time.Second
	kickEvery     = 5 * time.Second // at most, however often somebody asks
	lookupTimeout = 5 * time.Second
	lookupsAtOnce = 8
	maxEndpoints  = 16 // of one target
)

// ErrNoAddress says that a name has no address that we can reach.
var ErrNoAddress = errors.New("the name has no address that can be reached")

// Book knows the addresses of targets. Its methods may be called by any
// goroutine.
type Book struct {
	resolver Resolver
	usable   func(netip.Addr) bool
	changed  func()
	kick     chan struct{}

	mu      sync.Mutex
	entries map[ccs.TrunkTarget]*entry
}

// entry is what is known of a target. The last good answer stays while look-ups
// fail.
type entry struct {
	endpoints []Endpoint
	err       error // of the last look-up
	asked     bool
}

// NewBook makes a book. usable tells which addresses this machine can talk to;
// changed is called, without a lock held, when an answer differs from before.
func NewBook(r Resolver, usable func(netip.Addr) bool, changed func()) *Book {
	return &Book{resolver: r, usable: usable, changed: changed, kick: make(chan struct{}, 1), entries: make(map[ccs.TrunkTarget]*entry)}
}

// plain is a target as the book keeps it.
func plain(t ccs.TrunkTarget) ccs.TrunkTarget {
	t.Host = strings.ToLower(strings.TrimSuffix(t.Host, "."))
	if t.Transport == "" {
		t.Transport = ccs.UDP
	}
	return t
}

// Set replaces the targets that the book keeps up to date. Targets that are IP
// addresses are known at once, names when Run has looked them up.
func (b *Book) Set(targets []ccs.TrunkTarget) {
	b.mu.Lock()
	keep := make(map[ccs.TrunkTarget]*entry, len(targets))
	for _, t := range targets {
		t = plain(t)
		e := b.entries[t]
		if e == nil {
			e = &entry{}
			if endpoints, ok := literal(t); ok {
				e.endpoints, e.asked = endpoints, true
			}
		}
		keep[t] = e
	}
	b.entries = keep
	b.mu.Unlock()
	b.Kick()
}

// Endpoints are where a target is, the preferred ones first. Without any the
// error says why; it is nil while the first look-up is under way.
func (b *Book) Endpoints(t ccs.TrunkTarget) ([]Endpoint, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entries[plain(t)]
	if e == nil {
		return nil, nil
	}
	return e.endpoints, e.err
}

// Kick has names looked up again soon, because what they said did not work.
func (b *Book) Kick() {
	select {
	case b.kick <- struct{}{}:
	default:
	}
}

// Run looks names up until ctx ends.
func (b *Book) Run(ctx context.Context) {
	for ctx.Err() == nil {
		begun := time.Now()
		next := begun.Add(refreshEvery)
		if !b.Refresh(ctx) {
			next = begun.Add(retryEvery)
		}
		for pause := true; pause; {
			timer := time.NewTimer(time.Until(next))
			select {
			case <-ctx.Done():
				pause = false
			case <-timer.C:
				pause = false
			case <-b.kick:
				if soon := begun.Add(kickEvery); soon.Before(next) {
					next = soon
				}
				pause = !b.waiting()
			}
			timer.Stop()
		}
	}
}

// waiting tells whether there is a name that was never looked up.
func (b *Book) waiting() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.entries {
		if !e.asked {
			return true
		}
	}
	return false
}

// Refresh looks all names up, once. ok is false where a look-up failed.
func (b *Book) Refresh(ctx context.Context) (ok bool) {
	b.mu.Lock()
	targets := make([]ccs.TrunkTarget, 0, len(b.entries))
	for t := range b.entries {
		targets = append(targets, t)
	}
	b.mu.Unlock()
	var group errgroup.Group
	group.SetLimit(lookupsAtOnce)
	for _, t := range targets {
		if _, known := literal(t); known {
			continue
		}
		group.Go(func() error {
			endpoints, err := Resolve(ctx, b.resolver, t, b.usable)
			if ctx.Err() != nil {
				return err
			}
			if b.note(t, endpoints, err) {
				b.changed()
			}
			return err
		})
	}
	return group.Wait() == nil
}

// note keeps an answer and tells whether it differs from the last good one.
func (b *Book) note(t ccs.TrunkTarget, endpoints []Endpoint, err error) (changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entries[t]
	if e == nil {
		return false
	}
	changed = !e.asked
	e.asked, e.err = true, err
	if err == nil && !slices.Equal(e.endpoints, endpoints) {
		e.endpoints, changed = endpoints, true
	}
	return changed
}

// literal is the endpoint of a target that is an IP address.
func literal(t ccs.TrunkTarget) ([]Endpoint, bool) {
	ip, err := netip.ParseAddr(t.Host)
	if err != nil {
		return nil, false
	}
	return []Endpoint{{Transport: strings.ToUpper(string(t.Transport)), Peer: netip.AddrPortFrom(ip.Unmap(), portOf(t)), Host: t.Host}}, true
}

// portOf is the port of a target that SRV does not say one for.
func portOf(t ccs.TrunkTarget) uint16 {
	switch {
	case t.Port != 0:
		return uint16(t.Port)
	case t.Transport == ccs.TLS:
		return 5061
	}
	return 5060
}

// Resolve looks a target up (RFC 3263 §4.2): a name without a port by SRV, in
// the order of priority and weight (RFC 2782), then by its addresses.
func Resolve(ctx context.Context, r Resolver, t ccs.TrunkTarget, usable func(netip.Addr) bool) ([]Endpoint, error) {
	t = plain(t)
	if endpoints, ok := literal(t); ok {
		return endpoints, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	places := []*net.SRV{{Target: t.Host, Port: portOf(t)}}
	if t.Port == 0 {
		service, proto := "sip", string(t.Transport)
		if t.Transport == ccs.TLS {
			service, proto = "sips", "tcp"
		}
		_, records, err := r.LookupSRV(ctx, service, proto, t.Host)
		var dns *net.DNSError
		switch {
		case len(records) == 1 && records[0].Target == ".":
			return nil, fmt.Errorf("%s offers no SIP over %s: %w", t.Host, t.Transport, ErrNoAddress)
		case len(records) > 0:
			places = records
		case err != nil && !(errors.As(err, &dns) && dns.IsNotFound):
			return nil, fmt.Errorf("looking up SRV of %s: %w", t.Host, err)
		}
	}
	var endpoints []Endpoint
	var last error
	for _, place := range places {
		ips, err := r.LookupNetIP(ctx, "ip", strings.TrimSuffix(place.Target, "."))
		if err != nil {
			last = fmt.Errorf("looking up %s: %w", place.Target, err)
			continue
		}
		// The same order every time, or the answer would seem to change.
		slices.SortFunc(ips, netip.Addr.Compare)
		for _, ip := range ips {
			e := Endpoint{Transport: strings.ToUpper(string(t.Transport)), Peer: netip.AddrPortFrom(ip.Unmap(), place.Port), Host: t.Host}
			if usable(e.Peer.Addr()) && !slices.Contains(endpoints, e) && len(endpoints) < maxEndpoints {
				endpoints = append(endpoints, e)
			}
		}
	}
	switch {
	case len(endpoints) > 0:
		return endpoints, nil
	case last != nil:
		return nil, last
	}
	return nil, fmt.Errorf("%s port %s: %w", t.Host, strconv.Itoa(int(portOf(t))), ErrNoAddress)
}
