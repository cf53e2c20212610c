package media

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carillon-cc/carillon/media/rtcp"
)

// ErrNoRemote says that there is nowhere to send to.
var ErrNoRemote = errors.New("the peer's media address is not known or on hold")

// PortConfig says whom a port trusts.
type PortConfig struct {
	// Symmetric lets the peer be elsewhere than its SDP says, as behind NAT: the
	// first source that sends properly is taken and held.
	Symmetric bool
	// Allowed limits where such a peer may be. Empty means anywhere.
	Allowed []netip.Prefix
}

// Port is the UDP ports for the sound of one leg: an even one for RTP and the
// odd one above for RTCP. Its methods are safe from any goroutine.
type Port struct {
	sockets socketPair
	ports   *Ports
	poller  *poller

	codecs atomic.Pointer[[128]Codec]
	target atomic.Pointer[netip.AddrPort] // where to send; nil for nowhere
	seal   atomic.Pointer[sealing]        // nil: packets go out as they are
	open   atomic.Pointer[Opener]         // nil: packets come as they are

	mu      sync.Mutex // held for an instant only
	latch   latch
	nowhere bool // SDP gave no address to send to
	muted   bool // SDP said not to send sound
	control controlPath

	closed sync.Once

	// reading is held while a packet is read and handled.
	reading sync.Mutex
	handler func(h Header, pkt *Packet) // nil when the port is closed
	packet  Packet
	track   reception

	received, sent, bad, foreign, relatched atomic.Uint64
	lost                                    atomic.Int64
	jitter                                  atomic.Int64
	heard                                   atomic.Int64
	remote                                  remoteReports
}

// PortStats are what a port has seen since it was opened.
type PortStats struct {
	Received  uint64 // packets that were accepted
	Sent      uint64
	Bad       uint64         // not RTP, not authentic, or a payload type that was not negotiated
	Foreign   uint64         // from a source that is not the peer
	Relatched uint64         // how often the peer's stream was found anew
	Lost      int64          // by RFC 3550 A.3; below 0 when packets came twice
	Jitter    time.Duration  // by RFC 3550 A.8
	LastHeard time.Duration  // as LastHeard
	Remote    netip.AddrPort // where packets are sent to; the zero value for nowhere
}

func newPort(pair socketPair, cfg PortConfig, of *Ports) *Port {
	p := &Port{sockets: pair, ports: of}
	p.latch.symmetric, p.latch.allowed = cfg.Symmetric, cfg.Allowed
	p.codecs.Store(new([128]Codec))
	return p
}

// Local is the port's own address. Its IP is unspecified when Ports was bound
// so.
func (p *Port) Local() netip.AddrPort { return p.sockets.local }

// SetPayloadTypes says what the peer may send: the negotiated payload types (0
// to 127) and their encodings. Packets of all others are dropped.
func (p *Port) SetPayloadTypes(types map[uint8]Codec) {
	table := new([128]Codec)
	for pt, codec := range types {
		table[pt&0x7f] = codec
	}
	p.codecs.Store(table)
}

// SetRemote sets the peer's address from SDP. An unspecified address or port 0
// means that the peer wants nothing sent (RFC 3264 §8.4, §6); what was known of
// it stays. Another address than before makes the port look for the peer anew.
func (p *Port) SetRemote(remote netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.nowhere = !remote.IsValid() || remote.Addr().IsUnspecified() || remote.Port() == 0
	if !p.nowhere {
		remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
		if remote != p.latch.remote {
			p.control.heard = netip.AddrPort{}
		}
		p.latch.setRemote(remote, Now())
	}
	p.aim()
}

// SetSending says whether the peer takes sound, by the direction of SDP. Reports
// go to it either way (RFC 3264 §5.1).
func (p *Port) SetSending(sending bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.muted = !sending
	p.aim()
}

// SetSymmetric changes PortConfig.Symmetric, for a call that trusts only the
// address of the SDP until it is answered.
func (p *Port) SetSymmetric(symmetric bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latch.symmetric = symmetric
	p.aim()
}

// aim publishes where to send. p.mu is held.
func (p *Port) aim() {
	to := p.latch.target()
	if p.nowhere || !to.IsValid() {
		p.target.Store(nil)
		p.control.target.Store(nil)
		return
	}
	p.control.aim(to, p.latch.symmetric)
	if p.muted {
		p.target.Store(nil)
		return
	}
	p.target.Store(&to)
}

// Send sends an RTP packet to the peer, encrypted if there is a Sealer: then b
// is changed, and sendSlack bytes of its capacity are used. It returns
// ErrNoRemote when there is nowhere to send to, and else what the socket says;
// errors do no harm to the port.
func (p *Port) Send(b []byte) error {
	to := p.target.Load()
	if to == nil {
		return ErrNoRemote
	}
	if s := p.seal.Load(); s != nil {
		var err error
		if b, err = s.rtp(b); err != nil {
			return err
		}
	}
	if err := p.sockets.rtp.send(b, *to); err != nil {
		return fmt.Errorf("sending RTP: %w", err)
	}
	p.sent.Add(1)
	return nil
}

// Receive starts to read. handler is called for each packet of the peer, for
// one at a time, in a goroutine that reads many ports: it must not block. The
// packet follows the rules of Sink. Call it once.
func (p *Port) Receive(handler func(h Header, pkt *Packet)) {
	p.reading.Lock()
	p.handler = handler
	p.reading.Unlock()
	p.poller.watch(p)
}

// read takes a datagram of the RTP socket, or of the RTCP one if control is set.
// It is for the poller.
func (p *Port) read(in *inbox, control bool, now time.Duration) {
	p.reading.Lock()
	defer p.reading.Unlock()
	if p.handler == nil {
		return
	}
	s := p.sockets.rtp
	if control {
		s = p.sockets.rtcp
	}
	b, from, ok := s.receive(in)
	switch {
	case !ok:
	case control || p.isControl(b):
		p.readControl(b, from, control, now)
	default:
		p.readSound(b, from, now)
	}
}

// isControl tells RTCP from RTP. Where a payload type was agreed on that looks
// like RTCP, there is none.
func (p *Port) isControl(b []byte) bool {
	return rtcp.Is(b) && p.codecs.Load()[b[1]&0x7f] == NoCodec
}

// readSound takes an RTP packet. p.reading is held.
func (p *Port) readSound(b []byte, from netip.AddrPort, now time.Duration) {
	if open := p.open.Load(); open != nil {
		var err error
		if b, err = (*open).OpenRTP(b); err != nil {
			p.bad.Add(1)
			return
		}
	}
	h, payload, ok := ParseRTP(b)
	codec := p.codecs.Load()[h.PayloadType]
	silence := codec == NoCodec && isComfortNoise(h.PayloadType)
	if !ok || codec == NoCodec && !silence {
		p.bad.Add(1)
		return
	}
	source := p.judge(from, h, now)
	if source == 0 {
		p.foreign.Add(1)
		return
	}
	p.packet = Packet{
		Source: source, Codec: codec, Marker: h.Marker,
		Sequence: h.Sequence, Timestamp: h.Timestamp, Payload: payload, Arrived: now,
	}
	p.received.Add(1)
	p.heard.Store(int64(now))
	p.track.note(&p.packet, h.SSRC)
	p.lost.Store(p.track.lost())
	p.jitter.Store(int64(p.track.jitter))
	if !silence {
		p.handler(h, &p.packet)
	}
}

// isComfortNoise tells the static payload types of comfort noise: 13 (RFC 3389),
// and 19, which it had before. Such a packet says that the peer lives and is
// silent; there is no sound in it.
func isComfortNoise(pt uint8) bool { return pt == 13 || pt == 19 }

func (p *Port) judge(from netip.AddrPort, h Header, now time.Duration) Source {
	p.mu.Lock()
	defer p.mu.Unlock()
	source, locked := p.latch.judge(from, h, now)
	if locked {
		p.relatched.Add(1)
		p.aim()
	}
	return source
}

// LastHeard is when a packet of the peer came last, on the clock of Now; 0 for
// never. Reports count: a telephone that is muted or detects silence may send
// nothing else.
func (p *Port) LastHeard() time.Duration { return time.Duration(p.heard.Load()) }

// Stats returns what the port has seen.
func (p *Port) Stats() PortStats {
	s := PortStats{
		Received: p.received.Load(), Sent: p.sent.Load(), Bad: p.bad.Load(), Foreign: p.foreign.Load(),
		Relatched: p.relatched.Load(), Lost: p.lost.Load(), Jitter: time.Duration(p.jitter.Load()), LastHeard: p.LastHeard(),
	}
	if to := p.target.Load(); to != nil {
		s.Remote = *to
	}
	return s
}

// Close closes the port; when it returns, the handler is not called any more.
// So it must not be called from a handler. It may be called more than once.
func (p *Port) Close() {
	p.closed.Do(func() {
		p.ports.pollers.leave(p)
		p.reading.Lock()
		p.handler = nil
		p.reading.Unlock()
		p.sockets.close()
		p.ports.release(int(p.sockets.local.Port()))
	})
}
