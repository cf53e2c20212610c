// Package media carries and makes sound: codecs, RTP packets and ports, the
// pacer that drives everything timed, prompts, recordings and digits. It knows
// nothing of calls, SIP or browsers.
package media

import "time"

// FrameTime is how much sound Carillon's own sources put into a packet.
const FrameTime = 20 * time.Millisecond

// FrameSamples is FrameTime at the 8 kHz clock that G.711 and, for historical
// reasons (RFC 3551 §4.5.2), G.722 count in.
const FrameSamples = 160

// Source tells streams apart. Every producer of packets (a leg, a player, a
// mixer) has its own, unique in the process, from NewSource. An output that
// sees another Source than in the packet before starts a new stretch of its
// timeline there.
type Source uint64

// Packet is one RTP packet on its way from a source to its sinks, in the
// encoding in which it came. It and its payload belong to the writer and are
// valid only during the call of WritePacket: a sink that keeps sound copies it.
type Packet struct {
	Source    Source
	Codec     Codec
	Marker    bool
	Sequence  uint16
	Timestamp uint32 // in units of the codec's RTP clock
	Payload   []byte
	Arrived   time.Duration // when it was received or made, on the clock of Now
}

// Sink takes packets. WritePacket never blocks, allocates nothing in the
// ordinary case and may be called from any goroutine; it must not keep p or
// p.Payload.
type Sink interface {
	WritePacket(p *Packet)
}
