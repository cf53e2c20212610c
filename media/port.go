package media

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
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

// Port is one UDP port for the RTP of one leg. Its methods are safe from any
// goroutine.
type Port struct {
	conn    *net.UDPConn
	local   netip.AddrPort
	release func()

	codecs atomic.Pointer[[128]Codec]
	target atomic.Pointer[netip.AddrPort] // where to send; nil for nowhere

	mu    sync.Mutex // held for an instant only
	latch latch
	quiet bool // SDP said not to send

	reader sync.WaitGroup
	closed sync.Once
	track  reception // the reader's only

	received, sent, bad, foreign, relatched atomic.Uint64
	lost                                    atomic.Int64
	jitter                                  atomic.Int64
	heard                                   atomic.Int64
}

// PortStats are what a port has seen since it was opened.
type PortStats struct {
	Received  uint64 // packets that were accepted
	Sent      uint64
	Bad       uint64         // not RTP, or a payload type that was not negotiated
	Foreign   uint64         // from a source that is not the peer
	Relatched uint64         // how often the peer's stream was found anew
	Lost      int64          // by RFC 3550 A.3; below 0 when packets came twice
	Jitter    time.Duration  // by RFC 3550 A.8
	LastHeard time.Duration  // when a packet was accepted last, on the clock of Now; 0 for never
	Remote    netip.AddrPort // where packets are sent to; the zero value for nowhere
}

func newPort(conn *net.UDPConn, cfg PortConfig, release func()) *Port {
	p := &Port{conn: conn, local: localAddr(conn), release: release}
	p.latch.symmetric, p.latch.allowed = cfg.Symmetric, cfg.Allowed
	p.codecs.Store(new([128]Codec))
	return p
}

// Local is the port's own address. Its IP is unspecified when Ports was bound
// so.
func (p *Port) Local() netip.AddrPort { return p.local }

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
	p.quiet = !remote.IsValid() || remote.Addr().IsUnspecified() || remote.Port() == 0
	if !p.quiet {
		p.latch.setRemote(netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port()), Now())
	}
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

// Relatch forgets where the peer was found, to find it anew.
func (p *Port) Relatch() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latch.release()
	p.aim()
}

// aim publishes where to send. p.mu is held.
func (p *Port) aim() {
	to := p.latch.target()
	if p.quiet || !to.IsValid() {
		p.target.Store(nil)
		return
	}
	p.target.Store(&to)
}

// Send sends an RTP packet to the peer. It returns ErrNoRemote when there is
// nowhere to send to, and else what the socket says; errors do no harm to the
// port.
func (p *Port) Send(b []byte) error {
	to := p.target.Load()
	if to == nil {
		return ErrNoRemote
	}
	if _, err := p.conn.WriteToUDPAddrPort(b, *to); err != nil {
		return fmt.Errorf("sending RTP: %w", err)
	}
	p.sent.Add(1)
	return nil
}

// Receive starts to read. handler is called for each packet of the peer, in
// the port's one reading goroutine; the packet follows the rules of Sink. Call
// it once.
func (p *Port) Receive(handler func(h Header, pkt *Packet)) {
	p.reader.Go(func() { p.read(handler) })
}

func (p *Port) read(handler func(h Header, pkt *Packet)) {
	var (
		buffer   [MaxPacket]byte
		pkt      Packet
		failures int
	)
	for {
		n, from, err := p.conn.ReadFromUDPAddrPort(buffer[:])
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			// What the network says of an earlier packet (ECONNREFUSED and the
			// like) passes; what does not must not keep the processor busy.
			if failures++; failures > 10 {
				time.Sleep(FrameTime)
			}
			continue
		}
		failures = 0
		now := Now()
		h, payload, ok := ParseRTP(buffer[:n])
		codec := p.codecs.Load()[h.PayloadType]
		if !ok || codec == NoCodec {
			p.bad.Add(1)
			continue
		}
		source := p.judge(netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), h, now)
		if source == 0 {
			p.foreign.Add(1)
			continue
		}
		pkt = Packet{
			Source: source, Codec: codec, Marker: h.Marker,
			Sequence: h.Sequence, Timestamp: h.Timestamp, Payload: payload, Arrived: now,
		}
		p.received.Add(1)
		p.heard.Store(int64(now))
		p.track.note(&pkt)
		p.lost.Store(p.track.lost())
		p.jitter.Store(int64(p.track.jitter))
		handler(h, &pkt)
	}
}

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
// never.
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

// Close closes the port and waits for its reader; so it must not be called from
// the handler. It may be called more than once.
func (p *Port) Close() {
	p.closed.Do(func() {
		_ = p.conn.Close()
		p.reader.Wait()
		p.release()
	})
}
