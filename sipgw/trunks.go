package sipgw

import (
	"context"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw/dialog"
	"github.com/carillon-cc/carillon/sipgw/trunk"
)

// trunks are the providers of a gateway. Its methods may be called by any
// goroutine.
type trunks struct {
	gateway *Gateway
	book    *trunk.Book
	counts  *trunk.Counts
	alarms  alarms
	poke    chan struct{} // something changed that watch should look at

	tasks sync.WaitGroup // registrations, and requests under way

	// moving and admitting let one goroutine at a time put into effect what it has
	// read: what was read first must not be set last.
	moving, admitting sync.Mutex

	mu     sync.Mutex
	ctx    context.Context // of Run; nil before
	list   []*link         // in the order of SetTrunks
	told   map[string]TrunkState
	guests map[netip.Addr]int // whose answers a diagnosis waits for
	loaded bool               // the day's counts of before the start are in
}

// link is one trunk at work. A trunk that is edited gets a new link.
type link struct {
	trunk   *ccs.Trunk // not changed any more
	sources []netip.Prefix
	media   []netip.Prefix
	health  *trunk.Health
	since   time.Time

	// Of a trunk that registers.
	runner *trunk.Runner
	// token is the user of our Contact. Nobody can guess it; a call to it comes
	// through the registration.
	token  string
	callID string
	seq    uint32 // of the last REGISTER; the runner's goroutine only
	stop   context.CancelFunc
	done   chan struct{} // closed when the registration has ended
}

func newTrunks(g *Gateway) *trunks {
	t := &trunks{gateway: g, counts: trunk.NewCounts(), poke: make(chan struct{}, 1), told: make(map[string]TrunkState), guests: make(map[netip.Addr]int)}
	t.book = trunk.NewBook(g.cfg.Resolver, g.canReach, t.moved)
	return t
}

// canReach tells whether an address is of a kind that we have a socket of.
func (g *Gateway) canReach(ip netip.Addr) bool {
	for _, s := range g.sockets.udp {
		if s.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap().Is4() == ip.Is4() {
			return true
		}
	}
	return false
}

// SetTrunks replaces the trunks: new ones begin to work, changed ones begin
// anew, others are not touched. Calls that run go on. The trunks must have
// passed Check and must not be changed afterwards.
func (g *Gateway) SetTrunks(list []*ccs.Trunk) { g.trunks.set(list) }

func (t *trunks) set(list []*ccs.Trunk) {
	t.loadCounts()
	t.mu.Lock()
	before := make(map[string]*link, len(t.list))
	for _, l := range t.list {
		before[l.trunk.ID] = l
	}
	t.list = make([]*link, 0, len(list))
	var targets []ccs.TrunkTarget
	for _, config := range list {
		old := before[config.ID]
		if old != nil && reflect.DeepEqual(old.trunk, config) {
			delete(before, config.ID)
			t.list = append(t.list, old)
		} else {
			l := t.newLink(config, old)
			t.list = append(t.list, l)
			delete(before, config.ID)
			if old != nil {
				t.end(old)
			}
			t.begin(l, old)
		}
		if !config.Disabled {
			targets = append(targets, config.Targets...)
		}
	}
	for _, old := range before {
		t.end(old)
	}
	t.mu.Unlock()
	t.book.Set(targets)
	t.moved()
}

// newLink makes the link of a trunk. Of what it replaces, the health of targets
// that stay is kept.
func (t *trunks) newLink(config *ccs.Trunk, old *link) *link {
	l := &link{trunk: config, health: trunk.NewHealth(t.gateway.cfg.Timers.TrunkTest), since: time.Now(), done: make(chan struct{}), stop: func() {}}
	if old != nil {
		l.health = old.health
	}
	l.sources, l.media = t.networks(config.Sources), t.networks(config.MediaSources)
	if config.Register && !config.Disabled {
		l.token, l.callID = dialog.NewTag(), dialog.NewTag()
		l.runner = trunk.NewRunner(config.Expires.Duration())
		l.runner.Farewell = t.gateway.cfg.Timers.Farewell
		l.runner.Endpoints = l.health.Order
		l.runner.Register = func(ctx context.Context, at trunk.Endpoint, expires time.Duration) trunk.Outcome {
			return t.register(ctx, l, at, expires)
		}
		l.runner.Changed = func() {
			t.missed(l)
			t.look()
		}
	}
	return l
}

func (t *trunks) networks(texts []string) []netip.Prefix {
	var list []netip.Prefix
	for _, text := range texts {
		if p, err := ccs.ParseNetwork(text); err == nil {
			list = append(list, p)
		}
	}
	return list
}

// credentials are what proves to the trunk who we are.
func (l *link) credentials() credentials {
	return credentials{l.trunk.Username, l.trunk.Password}
}

// begin has a link register, once the one before it has ended. t.mu is held.
func (t *trunks) begin(l, before *link) {
	if l.runner == nil || t.ctx == nil {
		if l.runner == nil {
			close(l.done)
		}
		return
	}
	ctx, stop := context.WithCancel(t.ctx)
	l.stop = stop
	t.tasks.Go(func() {
		defer close(l.done)
		if before != nil {
			<-before.done
		}
		l.runner.Run(ctx)
	})
}

// end has a link end its registration. The answers to that are still let in.
// t.mu is held.
func (t *trunks) end(l *link) {
	l.stop()
	switch {
	case l.runner == nil:
	case t.ctx == nil:
		close(l.done) // it never began
	default:
		ip := l.runner.At().Peer.Addr()
		if !ip.IsValid() {
			return
		}
		t.guests[ip]++
		t.tasks.Go(func() {
			<-l.done
			t.dismiss(ip)
		})
	}
}

// dismiss takes a guest back.
func (t *trunks) dismiss(ip netip.Addr) {
	t.mu.Lock()
	if t.guests[ip]--; t.guests[ip] <= 0 {
		delete(t.guests, ip)
	}
	t.mu.Unlock()
	t.admit()
}

// run looks after the trunks until ctx ends, and ends their registrations.
func (t *trunks) run(ctx context.Context) {
	// Before the sockets are read sipgo would send from others.
	select {
	case <-t.gateway.ready:
	case <-ctx.Done():
		return
	}
	t.mu.Lock()
	t.ctx = ctx
	for _, l := range t.list {
		if l.runner != nil {
			t.begin(l, nil)
		}
	}
	t.mu.Unlock()
	t.tasks.Go(func() { t.book.Run(ctx) })
	t.watch(ctx)
	t.tasks.Wait()
}

// links are the trunks that are in use or disabled, in order.
func (t *trunks) links() []*link {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.list)
}

// link is the trunk with an id, or nil.
func (t *trunks) link(id string) *link {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.list {
		if l.trunk.ID == id {
			return l
		}
	}
	return nil
}

// endpoints are where a trunk is, in the order of its targets.
func (t *trunks) endpoints(config *ccs.Trunk) (all []trunk.Endpoint, err error) {
	for _, target := range config.Targets {
		found, failure := t.book.Endpoints(target)
		if failure != nil && err == nil {
			err = failure
		}
		for _, e := range found {
			if !slices.Contains(all, e) {
				all = append(all, e)
			}
		}
	}
	return all, err
}

// moved puts the present addresses of all trunks into effect.
func (t *trunks) moved() {
	t.move()
	t.admit()
	t.look()
}

// move gives each trunk its present addresses.
func (t *trunks) move() {
	t.moving.Lock()
	defer t.moving.Unlock()
	for _, l := range t.links() {
		if l.trunk.Disabled {
			continue
		}
		endpoints, _ := t.endpoints(l.trunk)
		l.health.Set(endpoints)
		if l.runner != nil && l.runner.State().Phase == trunk.Registered && !slices.Contains(endpoints, l.runner.At()) {
			l.runner.Soon()
		}
	}
}

// look has watch look at the trunks now.
func (t *trunks) look() {
	select {
	case t.poke <- struct{}{}:
	default:
	}
}

// admit tells the guard who may talk to us: the trunks' addresses, the allowed
// networks, and those whose answers a diagnosis waits for.
func (t *trunks) admit() {
	t.admitting.Lock()
	defer t.admitting.Unlock()
	var networks []network
	for _, l := range t.links() {
		if l.trunk.Disabled {
			continue
		}
		for _, e := range l.health.Order() {
			ip := e.Peer.Addr()
			networks = append(networks, network{prefix: netip.PrefixFrom(ip, ip.BitLen()), name: l.trunk.ID})
		}
		for _, p := range l.sources {
			networks = append(networks, network{prefix: p, name: l.trunk.ID})
		}
	}
	for _, p := range t.gateway.cfg.AllowedNetworks {
		networks = append(networks, network{prefix: p, name: p.String()})
	}
	t.mu.Lock()
	for ip := range t.guests {
		networks = append(networks, network{prefix: netip.PrefixFrom(ip, ip.BitLen()), guest: true})
	}
	t.mu.Unlock()
	t.gateway.acl.set(networks)
}
