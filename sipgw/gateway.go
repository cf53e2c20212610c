package sipgw

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw/dialog"
	"github.com/carillon-cc/carillon/sipgw/digest"
	"github.com/carillon-cc/carillon/sipgw/registrar"
)

// Gateway takes calls over SIP. Its methods are safe from any goroutine.
type Gateway struct {
	cfg            Config
	log            *slog.Logger
	acl            *acl
	guard          *guard
	registrar      *registrar.Registrar
	wrongPasswords wrongPasswords
	reopen         []ccs.Binding // of before the start, whose connections Run opens
	// dialled are the connections that we open, by their transport.
	dialled map[string]*dialled
	names   sync.Map // of TLS peers: string by netip.AddrPort
	sockets *sockets
	ua      *sipgo.UserAgent
	server  *sipgo.Server
	client  *sipgo.Client
	trunks  *trunks

	accept   func(context.Context, Incoming)
	ctx      context.Context // of Run; ends with it
	ready    chan struct{}   // closed when sipgo reads the sockets: before, it would send through others
	draining atomic.Bool
	panics   atomic.Uint64
	total    atomic.Uint64

	mu       sync.Mutex
	legs     map[dialog.ID]*leg
	ringing  map[*leg]struct{}      // called and not answered: they have no dialog yet
	arrivals map[arrival]*leg       // by their INVITE
	hasty    map[arrival]chan *leg  // CANCELs that came before their INVITE
	attempts map[dialog.ID]*attempt // INVITEs of ours under way, by Call-ID and our tag
	// astray are legs of lines whose telephones have lost their connection, with
	// the requests of ours that wait for another.
	astray map[*leg][]chan struct{}
	calls  sync.WaitGroup // INVITE handlers that run accept, and legs that are called
	// byes are requests of ours under way. They end with sending.
	byes     sync.WaitGroup
	leaving  bool // Run waits for them
	sending  context.Context
	stopSend context.CancelFunc
}

// arrival tells INVITEs apart: the same one may come by another way, as from a
// proxy that forks (RFC 3261 §8.2.2.2).
type arrival struct {
	callID, tag string
	seq         uint32
}

// Stats are counts since the gateway was made.
type Stats struct {
	Calls    int    // running now
	Total    uint64 // taken
	Dropped  uint64 // datagrams and connections of strangers
	Panics   uint64 // faults in handlers that were caught
	RTPPorts int    // open now
	// Registered are the telephones of lines now. Challenges are requests that
	// were asked for a password, Failures wrong ones, Throttled what was not even
	// looked at because its source had sent too much.
	Registered                      int
	Challenges, Failures, Throttled uint64
}

// New opens the sockets of a gateway. Nothing is read before Run.
func New(cfg Config) (*Gateway, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	at, err := cfg.bindAddresses()
	if err != nil {
		return nil, err
	}
	secure, err := cfg.secureAddresses()
	if err != nil {
		return nil, err
	}
	g := &Gateway{cfg: cfg, log: cfg.Log, acl: newACL(cfg.AllowLoopback), legs: make(map[dialog.ID]*leg), ringing: make(map[*leg]struct{}), ready: make(chan struct{}), arrivals: make(map[arrival]*leg), hasty: make(map[arrival]chan *leg), attempts: make(map[dialog.ID]*attempt), astray: make(map[*leg][]chan struct{})}
	g.registrar = registrar.New(cfg.OnLines)
	g.guard = newGuard(g.acl, g.registrar, digest.NewServer(ccs.LineRealm))
	g.guard.shift = cfg.shift
	if g.sockets, err = openSockets(at, secure, g.guard, cfg.TLS); err != nil {
		return nil, err
	}
	if err := g.startSIP(); err != nil {
		_ = g.sockets.close()
		return nil, fmt.Errorf("starting SIP: %w", err)
	}
	g.dialled = map[string]*dialled{"TCP": newDialled(g.Addr()), "TLS": newDialled(g.Addr())}
	g.trunks = newTrunks(g)
	g.guard.lost = g.trunks.lost
	g.trunks.admit()
	g.sending, g.stopSend = context.WithCancel(context.Background())
	return g, nil
}

func (g *Gateway) startSIP() error {
	quiet := QuietLog(g.log)
	var err error
	g.ua, err = sipgo.NewUA(
		sipgo.WithUserAgent("Carillon"),
		sipgo.WithUserAgentHostname(g.sockets.address().Addr().String()),
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerLogger(quiet)),
		sipgo.WithUserAgentTransactionLayerOptions(
			sip.WithTransactionLayerLogger(quiet),
			sip.WithTransactionLayerUnhandledResponseHandler(g.onStrayResponse),
		),
	)
	if err != nil {
		return err
	}
	if g.client, err = sipgo.NewClient(g.ua, sipgo.WithClientLogger(quiet)); err != nil {
		return err
	}
	g.client.TxRequester = requester{g}
	if g.server, err = sipgo.NewServer(g.ua, sipgo.WithServerLogger(quiet)); err != nil {
		return err
	}
	g.server.OnInvite(g.shielded(checked(g.onInvite)))
	g.server.OnAck(g.shielded(g.onAck))
	g.server.OnBye(g.shielded(checked(g.onBye)))
	g.server.OnCancel(g.shielded(g.onCancel))
	g.server.OnUpdate(g.shielded(checked(g.onUpdate)))
	g.server.OnInfo(g.shielded(checked(g.onInfo)))
	g.server.OnOptions(g.shielded(checked(g.onOptions)))
	g.server.OnRefer(g.shielded(checked(g.onRefer)))
	g.server.OnRegister(g.shielded(checked(g.onRegister)))
	g.server.OnNoRoute(g.shielded(checked(g.onOther)))
	return nil
}

// Addr is the first address that SIP is spoken on, over UDP and TCP.
func (g *Gateway) Addr() netip.AddrPort { return g.sockets.address() }

// AddrTLS is the first address that SIP over TLS is spoken on; the zero value
// where it is not.
func (g *Gateway) AddrTLS() netip.AddrPort { return g.sockets.secure() }

// Drain refuses new calls with 503 from now on. Running calls go on.
func (g *Gateway) Drain() { g.draining.Store(true) }

// Stats returns the gateway's counts.
func (g *Gateway) Stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	return Stats{
		Calls: len(g.legs) + len(g.ringing), Total: g.total.Load(), Dropped: g.acl.dropped.Load(),
		Panics: g.panics.Load(), RTPPorts: g.cfg.Ports.InUse(),
		Registered: g.registrar.Count(), Challenges: g.guard.challenges.Load(),
		Failures: g.guard.failures.Load(), Throttled: g.guard.throttled.Load(),
	}
}

// Run takes calls until ctx ends. accept is called for each call, in a
// goroutine of its own, and returns when the call is over; its context ends
// with ctx. Run then ends the calls that are left, waits for accept to return
// for all of them, closes everything and returns nil. It may be called once.
func (g *Gateway) Run(ctx context.Context, accept func(ctx context.Context, in Incoming)) error {
	g.ctx, g.accept = ctx, accept
	var readers, reading sync.WaitGroup
	for _, s := range g.sockets.udp {
		reading.Add(1)
		readers.Go(func() { g.readUDP(s, &readers, sync.OnceFunc(reading.Done)) })
	}
	readers.Go(func() {
		reading.Wait()
		close(g.ready)
	})
	for _, l := range g.sockets.tcp {
		readers.Go(func() { _ = g.server.ServeTCP(l) })
	}
	for _, l := range g.sockets.tls {
		readers.Go(func() { _ = g.server.ServeTLS(l) })
	}
	readers.Go(func() { _ = g.server.ServeTCP(g.dialled["TCP"]) })
	readers.Go(func() { _ = g.server.ServeTLS(g.dialled["TLS"]) })
	readers.Go(func() { g.keepAlive(ctx) })
	readers.Go(func() { g.reopenAll(ctx) })
	var trunks sync.WaitGroup
	trunks.Go(func() { g.trunks.run(ctx) })
	<-ctx.Done()
	g.Drain()
	for _, l := range g.all() {
		l.end(call.Cause{By: call.BySystem, Reason: call.ReasonShutdown}, true)
	}
	g.calls.Wait()
	g.mu.Lock()
	g.leaving = true
	g.mu.Unlock()
	farewell := time.AfterFunc(g.cfg.Timers.Farewell, g.stopSend)
	g.byes.Wait()
	farewell.Stop()
	trunks.Wait()
	g.acl.closed.Store(true)
	time.Sleep(Settle)
	g.Close()
	readers.Wait()
	return nil
}

// Settle is how long a socket stays open after the last request was read from
// it. sipgo answers in goroutines that nobody can wait for, and opens a socket
// that nobody closes to answer with, where it finds ours closed.
const Settle = 50 * time.Millisecond

// Close closes the sockets of a gateway that was never run; Run does it itself.
func (g *Gateway) Close() {
	g.stopSend()
	g.registrar.Close()
	_ = g.sockets.close()
	for _, d := range g.dialled {
		_ = d.Close()
	}
	_ = g.ua.Close()
}

// add makes a leg known. It fails, with the status to refuse with, where the
// call is one that we have already or there is no room.
func (g *Gateway) add(l *leg) (status, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.draining.Load() {
		return statusOf(call.ReasonShutdown), false
	}
	if _, merged := g.arrivals[l.arrival]; merged {
		return status{code: sip.StatusLoopDetected, phrase: "Loop Detected"}, false
	}
	if g.full() {
		return statusOf(call.ReasonBusy), false
	}
	g.know(l)
	g.arrivals[l.arrival] = l
	g.cancelledBefore(l)
	g.total.Add(1)
	g.calls.Add(1)
	return status{}, true
}

// full tells whether there is no room for another call. g.mu is held.
func (g *Gateway) full() bool {
	return g.cfg.MaxCalls > 0 && len(g.legs)+len(g.ringing) >= g.cfg.MaxCalls
}

// addCalled makes a leg known that is about to be called. It fails with the
// reason where we take no more calls.
func (g *Gateway) addCalled(l *leg) (call.Reason, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.draining.Load() {
		return call.ReasonShutdown, false
	}
	if g.full() {
		return call.ReasonBusy, false
	}
	g.ringing[l] = struct{}{}
	g.calls.Add(1)
	return "", true
}

// confirm makes the dialog of a leg known that was called and is answered.
// l.mu is held, so that the end of the leg comes after it.
func (g *Gateway) confirm(l *leg) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.ringing, l)
	g.know(l)
}

// know notes the dialog of a leg, and that its peer is in a call. g.mu is held.
func (g *Gateway) know(l *leg) {
	g.legs[l.dialog.ID()] = l
	_, peer := l.dialog.Way()
	l.at = peer.Addr()
	g.guard.talking.add(l.at)
}

func (g *Gateway) remove(l *leg) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.ringing, l)
	if l.dialog != nil && g.legs[l.dialog.ID()] == l {
		delete(g.legs, l.dialog.ID())
		g.guard.talking.remove(l.at)
		if _, peer := l.dialog.Way(); l.line != "" {
			g.guard.befriend(peer) // whose answer to our BYE is still to come
		}
	}
	delete(g.arrivals, l.arrival)
}

// all lists the legs, those included that are called and not answered.
func (g *Gateway) all() []*leg {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.AppendSeq(slices.Collect(maps.Values(g.legs)), maps.Keys(g.ringing))
}

// find returns the leg whose dialog a request belongs to, or nil.
func (g *Gateway) find(req *sip.Request) *leg {
	id, ok := dialog.RequestID(req)
	if !ok {
		return nil
	}
	return g.leg(id)
}

// leg returns the leg that has a dialog, or nil.
func (g *Gateway) leg(id dialog.ID) *leg {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.legs[id]
}

// background does something for a leg that must not be done in the pacer's or
// a handler's time. Run waits for it at its end, when no more is begun.
func (g *Gateway) background(do func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.leaving {
		return
	}
	g.byes.Go(func() {
		defer g.contain("a task", nil)
		do()
	})
}

// send does a request of ours in the background and does not care for the
// outcome: for BYE any outcome is the end of the dialog.
func (g *Gateway) send(req *sip.Request) {
	g.byes.Go(func() {
		ctx, cancel := context.WithTimeout(g.sending, 64*g.cfg.Timers.T1)
		defer cancel()
		if res, err := g.client.Do(ctx, req, dialog.Built); err != nil {
			g.log.Debug("a SIP request was not answered", "method", string(req.Method), "err", err)
		} else if res.StatusCode >= 300 {
			g.log.Debug("a SIP request was refused", "method", string(req.Method), "status", res.StatusCode)
		}
	})
}
