// Package phone is a telephone without a person: it calls and is called over
// SIP, plays, listens, presses keys and tells what happened. It serves trials from the
// command line, load tests and the tests of the SIP gateway.
package phone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw"
	"github.com/carillon-cc/carillon/sipgw/dialog"
)

// Config is a telephone's own side.
type Config struct {
	// Local is the address that the telephone has. Required. Its sound has a
	// port of the same address.
	Local netip.Addr
	// Port is the UDP port for SIP; 0 chooses one.
	Port uint16
	// Pacer drives what is played. When nil the telephone runs one.
	Pacer *media.Pacer
	// Ports opens the RTP ports. When nil the system chooses them.
	Ports *media.Ports
	Log   *slog.Logger // nil: nothing is logged
	// OnCall is told of each call that comes to the telephone; it, or somebody
	// later, answers or refuses. When nil all are refused with 480.
	OnCall func(r *Ring)
}

// Phone is a telephone with any number of lines. Its methods are safe from any
// goroutine.
type Phone struct {
	cfg    Config
	socket *net.UDPConn
	local  netip.AddrPort
	ua     *sipgo.UserAgent
	client *sipgo.Client

	ctx   context.Context
	stop  context.CancelFunc
	tasks sync.WaitGroup
	// requests are those whose outcome does not matter, such as BYE.
	requests sync.WaitGroup
	leaving  bool // Close waits for them; p.mu

	mu    sync.Mutex
	calls map[dialog.ID]*Call
	lines map[*Call]struct{}
	rings map[*Ring]struct{}
}

// New makes a telephone. Close gives back what it uses.
func New(cfg Config) (*Phone, error) {
	if !cfg.Local.IsValid() || cfg.Local.IsUnspecified() {
		return nil, errors.New("phone: Local must be an address of this machine")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Ports == nil {
		cfg.Ports = media.NewPorts(cfg.Local, 0, 0)
	}
	p := &Phone{cfg: cfg, calls: make(map[dialog.ID]*Call), lines: make(map[*Call]struct{}), rings: make(map[*Ring]struct{})}
	var err error
	p.socket, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(cfg.Local, cfg.Port)))
	if err != nil {
		return nil, fmt.Errorf("phone: opening its SIP port: %w", err)
	}
	at := p.socket.LocalAddr().(*net.UDPAddr).AddrPort()
	p.local = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	p.ctx, p.stop = context.WithCancel(context.Background())
	if err := p.start(); err != nil {
		p.stop()
		_ = p.socket.Close()
		return nil, fmt.Errorf("phone: starting SIP: %w", err)
	}
	return p, nil
}

func (p *Phone) start() error {
	quiet := sipgw.QuietLog(p.cfg.Log)
	var err error
	p.ua, err = sipgo.NewUA(
		sipgo.WithUserAgent("Carillon-phone"),
		sipgo.WithUserAgentHostname(p.local.Addr().String()),
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerLogger(quiet)),
		sipgo.WithUserAgentTransactionLayerOptions(
			sip.WithTransactionLayerLogger(quiet),
			sip.WithTransactionLayerUnhandledResponseHandler(func(*sip.Response) {}),
		),
	)
	if err != nil {
		return err
	}
	if p.client, err = sipgo.NewClient(p.ua, sipgo.WithClientLogger(quiet)); err != nil {
		return err
	}
	server, err := sipgo.NewServer(p.ua, sipgo.WithServerLogger(quiet))
	if err != nil {
		return err
	}
	p.handle(server)
	socket := &announced{UDPConn: p.socket, ready: make(chan struct{}), ctx: p.ctx}
	p.tasks.Go(func() { _ = server.ServeUDP(socket) })
	<-socket.ready
	if p.cfg.Pacer == nil {
		p.cfg.Pacer = media.NewPacer()
		p.tasks.Go(func() { p.cfg.Pacer.Run(p.ctx) })
	}
	return nil
}

// announced is a socket that tells when it is read for the first time: before,
// sipgo does not know it and would open another for a request. It reads nothing
// more once its context has ended.
type announced struct {
	*net.UDPConn
	once  sync.Once
	ready chan struct{}
	ctx   context.Context
}

// ReadFrom reads a datagram.
func (a *announced) ReadFrom(b []byte) (int, net.Addr, error) {
	a.once.Do(func() { close(a.ready) })
	for {
		n, from, err := a.UDPConn.ReadFrom(b)
		if err != nil || a.ctx.Err() == nil {
			return n, from, err
		}
	}
}

// Addr is where the telephone speaks SIP over UDP.
func (p *Phone) Addr() netip.AddrPort { return p.local }

// farewell is how long Close waits for peers to take a BYE or CANCEL.
const farewell = 2 * time.Second

// Close hangs up what is left, gives the peers a moment to notice, and releases
// the telephone.
func (p *Phone) Close() {
	p.mu.Lock()
	lines := make([]*Call, 0, len(p.lines))
	for c := range p.lines {
		lines = append(lines, c)
	}
	rings := slices.Collect(maps.Keys(p.rings))
	p.mu.Unlock()
	for _, r := range rings {
		_ = r.Refuse(Reply{Status: sip.StatusTemporarilyUnavailable})
	}
	for _, c := range lines {
		c.Hangup()
	}
	for _, c := range lines {
		c.finish(Ending{By: ByUs, Reason: "closed"})
	}
	p.mu.Lock()
	p.leaving = true
	p.mu.Unlock()
	limit := time.AfterFunc(farewell, p.stop)
	p.requests.Wait()
	limit.Stop()
	p.stop()
	time.Sleep(sipgw.Settle)
	_ = p.socket.Close()
	_ = p.ua.Close()
	p.tasks.Wait()
}

// handle registers what peers may ask of the telephone.
func (p *Phone) handle(server *sipgo.Server) {
	within := func(do func(c *Call, req *sip.Request, tx sip.ServerTransaction)) sipgo.RequestHandler {
		return func(original *sip.Request, tx sip.ServerTransaction) {
			req := original.Clone()
			if c := p.find(req); c != nil {
				do(c, req, tx)
				return
			}
			if req.Method != sip.ACK {
				_ = tx.Respond(sip.NewResponseFromRequest(req, sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist", nil))
			}
		}
	}
	server.OnBye(within((*Call).onBye))
	server.OnInfo(within((*Call).onInfo))
	offer := within((*Call).onOffer)
	server.OnInvite(func(original *sip.Request, tx sip.ServerTransaction) {
		if _, within := dialog.RequestID(original); within {
			offer(original, tx)
			return
		}
		p.onCall(original.Clone(), tx)
	})
	server.OnUpdate(within((*Call).onOffer))
	server.OnNotify(within((*Call).onNotify))
	server.OnAck(within((*Call).onAck))
	server.OnOptions(func(original *sip.Request, tx sip.ServerTransaction) {
		req := original.Clone()
		if _, inCall := dialog.RequestID(req); inCall && p.find(req) == nil {
			_ = tx.Respond(sip.NewResponseFromRequest(req, sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist", nil))
			return
		}
		_ = tx.Respond(sip.NewResponseFromRequest(req, sip.StatusOK, "OK", nil))
	})
}

func (p *Phone) find(req *sip.Request) *Call {
	id, ok := dialog.RequestID(req)
	if !ok {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[id]
}

// resolve finds the address that a URI names.
func resolve(ctx context.Context, uri sip.Uri, want4 bool) (netip.AddrPort, error) {
	port := uri.Port
	if port == 0 {
		port = sip.DefaultUdpPort
	}
	if port < 0 || port > 65535 {
		return netip.AddrPort{}, fmt.Errorf("port %d is out of range", port)
	}
	host := strings.Trim(uri.Host, "[]")
	ip, err := netip.ParseAddr(host)
	if err == nil {
		return netip.AddrPortFrom(ip.Unmap(), uint16(port)), nil
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("looking up %s: %w", host, err)
	}
	for _, ip := range ips {
		if ip.Unmap().Is4() == want4 {
			return netip.AddrPortFrom(ip.Unmap(), uint16(port)), nil
		}
	}
	return netip.AddrPort{}, fmt.Errorf("%s has no address of the telephone's kind", host)
}

// LocalFor is the address of this machine that a URI's peer sees.
func LocalFor(ctx context.Context, uri string) (netip.Addr, error) {
	target, err := ParseURI(uri)
	if err != nil {
		return netip.Addr{}, err
	}
	to, err := resolve(ctx, target, true)
	if err != nil {
		return netip.Addr{}, err
	}
	// Nothing is sent: connecting a UDP socket asks for the route alone.
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return netip.Addr{}, fmt.Errorf("finding the way to %s: %w", to, err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}

// ParseURI reads a SIP URI. The scheme may be left out.
func ParseURI(text string) (sip.Uri, error) {
	if !strings.HasPrefix(strings.ToLower(text), "sip:") {
		if strings.HasPrefix(strings.ToLower(text), "sips:") {
			return sip.Uri{}, fmt.Errorf("URI %q: encrypted SIP is not spoken by this telephone", text)
		}
		text = "sip:" + text
	}
	var uri sip.Uri
	if err := sip.ParseUri(text, &uri); err != nil || uri.Host == "" || strings.ContainsAny(text, " \t\r\n<>\"") {
		return sip.Uri{}, fmt.Errorf("URI %q cannot be called: want sip:number@host[:port]", text)
	}
	if t, ok := uri.UriParams.Get("transport"); ok && !strings.EqualFold(t, "udp") && !strings.EqualFold(t, "tcp") {
		return sip.Uri{}, fmt.Errorf("URI %q cannot be called: the transport must be udp or tcp", text)
	}
	return uri, nil
}
