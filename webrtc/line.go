package webrtc

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/media/rtcp"
)

// sealRoom is room for what SRTP adds to a packet at most, in bytes.
const sealRoom = 32

// maxPayload is the longest payload that is sent on, in bytes: with all headers
// it fits into a datagram of any network.
const maxPayload = 1200

// Line is one voice of a browser's connection, and a leg of calls: a call takes
// it with Listen and gives it back with Hangup. Line 0 also carries the
// microphone. Its methods are safe from any goroutine.
type Line struct {
	peer    *Peer
	id      string
	ssrc    uint32
	formats atomic.Pointer[formats]
	codec   atomic.Uint32 // a media.Codec
	sends   atomic.Bool   // the browser takes sound on this line

	listener atomic.Pointer[call.Listener]
	listenMu sync.Mutex // keeps Gone from being told twice or not at all

	dropped    atomic.Uint64
	remoteLost atomic.Int64 // packets of ours that the browser did not get
	usage      usage

	// mu guards what follows. Who finds it taken drops the packet: two writers
	// meet only at the instant of a switch between sources.
	mu       sync.Mutex
	rewriter *media.Rewriter
	srtp     *srtp.Context // nil until the handshake is over
	header   rtp.Header    // scratch of srtp
	convert  media.Converter
	out      outlet
	buf      [12 + maxPayload + sealRoom]byte
	sent     rtcp.Sent
}

var (
	_ call.Leg             = (*Line)(nil)
	_ call.QualityReporter = (*Line)(nil)
)

func newLine(p *Peer, i int, m *offeredMedia) *Line {
	l := &Line{peer: p, id: fmt.Sprintf("%s/%d", p.id, i), rewriter: media.NewRewriter()}
	l.sends.Store(m.receives)
	// SSRCs of one connection must differ: the keystream depends on them.
	for p.hasSSRC(l.rewriter.SSRC()) {
		l.rewriter = media.NewRewriter()
	}
	l.ssrc = l.rewriter.SSRC()
	l.formats.Store(newFormats(m.codecs))
	l.codec.Store(uint32(p.options.Codec))
	return l
}

func (p *Peer) hasSSRC(ssrc uint32) bool {
	for _, l := range p.lines {
		if l.ssrc == ssrc {
			return true
		}
	}
	return false
}

// ID names the line; it is unique in the engine.
func (l *Line) ID() string { return l.id }

// Codec is what the browser should send now.
func (l *Line) Codec() media.Codec { return media.Codec(l.codec.Load()) }

// SetCodec changes what Codec says. The page is told by whoever talks to it.
func (l *Line) SetCodec(c media.Codec) { l.codec.Store(uint32(c)) }

// Offers tells whether the browser and we agreed on a codec.
func (l *Line) Offers(c media.Codec) bool {
	return l.formats.Load().takes(c)
}

// Listen takes the line for a call. If the browser is lost or gone already, the
// call is told at once.
func (l *Line) Listen(to call.Listener) {
	l.listenMu.Lock()
	defer l.listenMu.Unlock()
	if to.Packets == nil && to.Events == nil {
		l.listener.Store(nil)
		l.usage.end(l)
		return
	}
	if l.listener.Load() == nil {
		l.usage.begin(l)
	}
	l.listener.Store(&to)
	if s := l.peer.State(); s == StateLost || s == StateClosed {
		l.release(&to)
	}
}

// tellGone tells the call that the browser is lost.
func (l *Line) tellGone() {
	l.listenMu.Lock()
	defer l.listenMu.Unlock()
	if to := l.listener.Load(); to != nil {
		l.release(to)
	}
}

// release ends the line's part in the call: the browser may come back, but then
// the call has to take the line anew.
func (l *Line) release(to *call.Listener) {
	l.listener.Store(nil)
	l.usage.end(l)
	if to.Events != nil {
		to.Events(call.Gone{Leg: l, Cause: call.Cause{By: call.ByAgent, Reason: call.ReasonAgentLost}})
	}
}

// Hangup gives the line back: the call hears no more of it, and the connection
// stays for the next call.
func (l *Line) Hangup(call.Cause) { l.Listen(call.Listener{}) }

// WritePacket sends a packet to the browser, in the payload type that it gave
// the packet's codec. Sound of telephones whose codec was not agreed on is
// converted into one that was; packets of other codecs are dropped.
func (l *Line) WritePacket(p *media.Packet) {
	if l.peer.State() != StateConnected || !l.sends.Load() {
		return
	}
	to := l.peer.path.Load()
	formats := l.formats.Load()
	codec := p.Codec.CarriedAs(formats.takes)
	if to == nil || codec == media.NoCodec || len(p.Payload) > maxPayload || !lockSoon(&l.mu) {
		l.dropped.Add(1)
		return
	}
	defer l.mu.Unlock()
	if l.srtp == nil {
		return
	}
	clockRate := codec.ClockRate()
	h, ok := l.rewriter.Rewrite(p, clockRate)
	if !ok {
		l.dropped.Add(1)
		return
	}
	h.PayloadType = formats.types[codec]
	packet := append(media.AppendHeader(l.buf[:0], h), p.Payload...)
	if codec != p.Codec {
		l.convert.Convert(packet[len(packet)-len(p.Payload):], p.Payload, p.Source, p.Codec, codec)
	}
	// Encrypted in place: the buffer has room for what SRTP adds.
	sealed, err := l.srtp.EncryptRTP(packet, packet, &l.header)
	if err != nil || !to.send(&l.out, sealed) {
		l.dropped.Add(1)
		return
	}
	l.sent.Packets++
	l.sent.Octets += uint32(len(p.Payload))
	l.sent.Timestamp, l.sent.ClockRate, l.sent.At = h.Timestamp, clockRate, p.Arrived
}

// takes tells whether codec c was agreed on.
func (f *formats) takes(c media.Codec) bool { return int(c) < len(f.has) && f.has[c] }

func (l *Line) open(c *srtp.Context) {
	l.mu.Lock()
	l.srtp = c
	l.mu.Unlock()
}
