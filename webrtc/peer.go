package webrtc

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/srtp/v3"

	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/webrtc/internal/dtlsrtp"
)

// State is how a browser's connection is.
type State int32

// The states of a Peer. Lost comes back to connected when the browser is heard
// again; closed is the end.
const (
	StateConnecting State = iota
	StateConnected
	StateLost
	StateClosed
)

var stateNames = [...]string{"connecting", "connected", "lost", "closed"}

// String is the state's name, for logs.
func (s State) String() string { return stateNames[s] }

const (
	// lostAfter is how long a connected browser may be silent. Browsers check
	// the connection every 2 to 6 s (RFC 7675 §5.1), also when nobody talks.
	lostAfter = 7 * time.Second
	// stillTime is the most that counts of the time between two ticks as silence of
	// the browser. More of it shows that this machine stood still: what the browser
	// sent meanwhile is yet to be read.
	stillTime = 100 * time.Millisecond
	// handshakeTime is how long DTLS may take after the first check.
	handshakeTime = 10 * time.Second
	// connectTime is how long a browser may take to its first check and
	// through the handshake.
	connectTime = 30 * time.Second
	// lingerTime is how long after the handshake the browser may ask for its
	// last flight again, if no sound shows before that it has got it.
	lingerTime = 15 * time.Second
	// maxBindings is how many addresses of a browser are known at a time. Those
	// that were seen first are forgotten first.
	maxBindings = 16
)

// ErrOtherBrowser is returned by Restart when the offer comes from another
// connection of the browser: it needs a new Peer.
var ErrOtherBrowser = errors.New("offer: not of the same connection")

// PeerOptions are what the maker of a Peer may choose.
type PeerOptions struct {
	// OnState is told of every change after connecting, in order. It runs in
	// any goroutine, must not block and must not call the Peer's methods.
	OnState func(State)
	// Codec is what the browser should send at first; NoCodec is PCMA.
	Codec media.Codec
}

// Peer is one browser's connection. Its methods are safe from any goroutine.
type Peer struct {
	engine  *Engine
	id      string
	options PeerOptions
	lines   []*Line
	session uint64
	ctx     context.Context // of the handshake, whose goroutine begins with the first check
	cancel  context.CancelFunc
	created time.Duration
	client  bool // who begins the DTLS handshake
	pipe    *dtlsrtp.Pipe
	own     outlet // of the pipe's writer, under ownMu
	ownMu   sync.Mutex

	state   atomic.Int32
	stateMu sync.Mutex // makes OnState's calls come in order
	path    atomic.Pointer[path]
	heard   atomic.Int64  // when the browser was last heard, on the clock of media.Now
	proven  atomic.Bool   // something encrypted came: the handshake is over on both sides
	joined  time.Duration // when the handshake was over on ours; the pacer's after that

	// The last tick, what heard was then, and for how long it has been that: the pacer's.
	ticked, known, silent time.Duration

	mu          sync.Mutex // never held while anything waits
	offer       *offer
	version     uint64
	first       media.Codec // stands first in answers: what the browser is to send
	credentials *credentials
	former      *credentials // valid until the restart has reached the browser
	bindings    [maxBindings]*binding
	bound       int // how many were ever bound
	shaking     bool
	profile     string

	inbound inbound
	reports reports
}

// NewPeer takes a browser's offer and returns the connection and the answer to
// it, with all candidates in it. The offer is not trusted: an error says what is
// wrong with it.
func (e *Engine) NewPeer(sdp string, options PeerOptions) (*Peer, string, error) {
	o, err := parseOffer(sdp)
	if err != nil {
		return nil, "", err
	}
	if options.Codec == media.NoCodec {
		options.Codec = media.PCMA
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &Peer{
		engine: e, options: options, offer: o, ctx: ctx, cancel: cancel, created: media.Now(),
		id: fmt.Sprintf("browser-%d", e.serial.Add(1)),
		// Browsers leave the choice to us. As the server we choose the SRTP
		// profile; Chromium as the server takes the dearer one, and connecting
		// takes as long either way.
		client:  o.setup == "passive",
		session: rand.Uint64() >> 1, // RFC 8829 §5.2.1: the top bit is zero
		first:   options.Codec,
	}
	p.pipe = dtlsrtp.NewPipe(p.sendDTLS)
	for i := range o.media {
		p.lines = append(p.lines, newLine(p, i, &o.media[i]))
	}
	p.credentials = newCredentials(p, o.ufrag)

	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		cancel()
		return nil, "", ErrClosed
	}
	e.users[p.credentials.ufrag] = p.credentials
	e.peers[p] = struct{}{}
	e.config.Pacer.Add(p)
	return p, p.answer(), nil
}

// Restart takes a further offer of the same connection: with new ICE credentials
// it is an ICE restart, with others a change of encodings or directions. An
// encoding that has come to stand first is what the browser wants to send, and
// stands first in the answer: so a page changes it in browsers whose
// RTCRtpSender.setParameters does not (Firefox). The sound goes on where it was
// until the browser has found its new way.
func (p *Peer) Restart(sdp string) (string, error) {
	o, err := parseOffer(sdp)
	if err != nil {
		return "", err
	}
	p.engine.mu.Lock()
	defer p.engine.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.State() == StateClosed {
		return "", ErrClosed
	}
	if o.fingerprint != p.offer.fingerprint || len(o.media) != len(p.offer.media) {
		return "", ErrOtherBrowser
	}
	for i := range o.media {
		if o.media[i].mid != p.offer.media[i].mid {
			return "", ErrOtherBrowser
		}
	}
	for i := range o.media {
		p.lines[i].formats.Store(newFormats(o.media[i].codecs))
		p.lines[i].sends.Store(o.media[i].receives)
	}
	if wants := o.media[0].preferred(); wants != p.offer.media[0].preferred() {
		p.first = wants
	}
	if o.ufrag != p.offer.ufrag || o.pwd != p.offer.pwd {
		if p.former != nil {
			delete(p.engine.users, p.former.ufrag)
		}
		p.former = p.credentials
		p.credentials = newCredentials(p, o.ufrag)
		p.engine.users[p.credentials.ufrag] = p.credentials
	}
	p.offer = o
	p.version++
	return p.answer(), nil
}

func (p *Peer) answer() string {
	a := answer{
		offer: p.offer, ufrag: p.credentials.ufrag, pwd: p.credentials.pwd, setup: "passive",
		session: p.session, version: p.version, cname: p.id, first: p.first,
		print: p.engine.certificate.Fingerprint.String(), addresses: p.engine.addresses, port: p.engine.addr.Port(), tcp: true,
	}
	if p.client {
		a.setup = "active"
	}
	for _, l := range p.lines {
		a.ssrcs = append(a.ssrcs, l.ssrc)
	}
	return a.String()
}

// ID names the peer in logs; it is unique in the engine.
func (p *Peer) ID() string { return p.id }

// State is how the connection is now.
func (p *Peer) State() State { return State(p.state.Load()) }

// Lines is how many lines the connection has.
func (p *Peer) Lines() int { return len(p.lines) }

// Line returns a line of the connection: 0 is the main one, which talks both
// ways, the others only send to the browser. It is nil beyond Lines.
func (p *Peer) Line(i int) *Line {
	if i < 0 || i >= len(p.lines) {
		return nil
	}
	return p.lines[i]
}

// addBinding notes that the browser was seen at an address. It is false when
// the peer is closed.
func (p *Peer) addBinding(b *binding) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.State() == StateClosed {
		return false
	}
	place := &p.bindings[p.bound%maxBindings]
	p.bound++
	// The binding in use stays, however many came after it.
	if *place != nil && (*place).path == p.path.Load() {
		place = &p.bindings[p.bound%maxBindings]
		p.bound++
	}
	if *place != nil {
		(*place).peer.Store(nil)
	}
	*place = b
	return true
}

// checked takes note of a valid check that came by way of known. Until the
// browser nominates a path, sound goes to the first; the last nominated wins
// (RFC 8445 §8.1.1 lets a pair be replaced only by a restart, but Firefox
// nominates all and Chrome what it switches to).
func (p *Peer) checked(c *credentials, known *path, nominated bool, now time.Duration) {
	p.heard.Store(int64(now))
	current := p.path.Load()
	if current == known && p.settled(c) {
		return
	}
	p.mu.Lock()
	var replaced *credentials
	switch {
	case c == p.former && current != nil:
		// A check of before the restart changes nothing.
	case nominated || current == nil:
		p.path.Store(known)
		if c == p.credentials && p.former != nil {
			replaced, p.former = p.former, nil
		}
	}
	start := !p.shaking && p.State() != StateClosed
	p.shaking = true
	p.mu.Unlock()
	if replaced != nil {
		p.engine.forget(replaced)
	}
	if start {
		p.engine.work.Go(p.handshake)
	}
}

// settled tells whether c is the only generation of credentials and the
// handshake has begun, so that a check on the path in use is no news.
func (p *Peer) settled(c *credentials) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shaking && p.former == nil && c == p.credentials
}

func (e *Engine) forget(c *credentials) {
	e.mu.Lock()
	delete(e.users, c.ufrag)
	e.mu.Unlock()
}

// Close ends the connection. It does not wait for the network and may be called
// more than once.
func (p *Peer) Close() { p.end(nil) }

func (p *Peer) end(why error) {
	if !p.setState(StateClosed) {
		return
	}
	if why != nil {
		p.engine.config.Log.Warn("browser media connection failed", "peer", p.id, "error", why)
	}
	p.cancel()
	_ = p.pipe.Close()
	p.engine.config.Pacer.Remove(p)
	p.engine.mu.Lock()
	p.mu.Lock()
	delete(p.engine.peers, p)
	delete(p.engine.users, p.credentials.ufrag)
	if p.former != nil {
		delete(p.engine.users, p.former.ufrag)
	}
	for _, b := range p.bindings {
		if b != nil {
			b.peer.Store(nil)
		}
	}
	p.mu.Unlock()
	p.engine.mu.Unlock()
}

// setState changes the state and tells the owner and the lines. It is false when
// there was nothing to change, or nothing to change any more.
func (p *Peer) setState(s State) bool {
	p.stateMu.Lock()
	defer p.stateMu.Unlock()
	if was := p.State(); was == s || was == StateClosed {
		return false
	}
	p.state.Store(int32(s))
	p.engine.config.Log.Debug("browser media connection", "peer", p.id, "state", s.String())
	if p.options.OnState != nil {
		p.options.OnState(s)
	}
	if s == StateLost || s == StateClosed {
		for _, l := range p.lines {
			l.tellGone()
		}
	}
	return true
}

// Tick watches over the connection; the pacer calls it.
func (p *Peer) Tick(now time.Duration) bool {
	p.silent += min(now-p.ticked, stillTime)
	p.ticked = now
	if heard := time.Duration(p.heard.Load()); heard != p.known {
		p.known, p.silent = heard, 0
	}
	switch p.State() {
	case StateConnecting:
		if now-p.created > connectTime {
			// The owner's callback and the engine's lock are not for the pacer.
			p.engine.work.Go(func() { p.end(errors.New("no connectivity")) })
			return false
		}
	case StateConnected:
		if p.silent > lostAfter {
			p.setState(StateLost)
		}
		if !p.pipe.Closed() && (p.proven.Load() || now-p.joined > lingerTime) {
			_ = p.pipe.Close() // and with it DTLS's goroutines end
		}
		p.report(now)
	case StateLost:
		if p.silent < lostAfter {
			p.setState(StateConnected)
		}
	case StateClosed:
		return false
	}
	return true
}

// sendDTLS writes a datagram of the handshake.
func (p *Peer) sendDTLS(b []byte) {
	p.ownMu.Lock()
	defer p.ownMu.Unlock()
	if to := p.path.Load(); to != nil {
		to.send(&p.own, b)
	}
}

func (p *Peer) receiveDTLS(b []byte) { p.pipe.Deliver(b) }

// handshake agrees on the keys and opens the lines.
func (p *Peer) handshake() {
	ctx, cancel := context.WithTimeout(p.ctx, handshakeTime)
	defer cancel()
	p.mu.Lock()
	other := p.offer.fingerprint
	p.mu.Unlock()
	keys, err := dtlsrtp.Handshake(ctx, p.pipe, p.client, p.engine.certificate, other)
	if err == nil {
		err = p.install(keys)
	}
	if err != nil {
		p.end(err)
		return
	}
	p.joined = media.Now()
	p.setState(StateConnected)
}

// install gives each direction and line its SRTP context.
func (p *Peer) install(keys *dtlsrtp.Keys) error {
	in, err := keys.Inbound()
	if err != nil {
		return fmt.Errorf("making the SRTP context: %w", err)
	}
	var out *srtp.Context
	for _, l := range p.lines {
		if out, err = keys.Outbound(); err != nil {
			return fmt.Errorf("making the SRTP context: %w", err)
		}
		l.open(out)
	}
	if out, err = keys.Outbound(); err != nil {
		return fmt.Errorf("making the SRTCP context: %w", err)
	}
	p.reports.open(out)
	p.inbound.open(in)
	p.mu.Lock()
	p.profile = keys.Profile()
	p.mu.Unlock()
	return nil
}
