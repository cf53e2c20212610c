package media

import (
	"math/rand/v2"
	"time"
)

// maxSequenceStep is how far a stream may jump and still be the same one;
// RFC 3550 A.1 calls it MAX_DROPOUT.
const maxSequenceStep = 3000

// maxSecondsBack is how far a source's timestamp may go back; further means
// that it began to count anew.
const maxSecondsBack = 10

// lateWindow is how many sequence numbers back a late packet may fill its gap.
const lateWindow = 64

// Rewriter gives the packets of changing sources one SSRC and one continuous
// sequence and timeline, as a receiver expects from a single sender. What a
// source lost stays missing and what it reordered stays reordered, so that the
// receiver can conceal it.
//
// One sequence number is never used for two packets: SRTP's keystream depends
// on it (RFC 3711 §9.1).
//
// A Rewriter is not safe for concurrent use.
type Rewriter struct {
	ssrc      uint32
	sequence  uint16        // the newest that went out
	timestamp uint32        // the newest that went out
	newest    time.Duration // when the packet of that timestamp came
	lasts     uint32        // how long it sounds, on the clock of clockRate

	source     Source
	clockRate  uint32
	inSequence uint16 // of the newest packet of source
	offset     uint32 // to add to the source's timestamps
	// used has bit n set when the sequence number n before the newest must not
	// be used: it went out already, or lies before the source's first packet.
	used uint64
}

// lasts is how long p sounds on a clock. Of sound of which that is not known at
// a glance it is a frame.
func (p *Packet) lasts(clockRate uint32) uint32 {
	if p.Codec.telephone() {
		return uint32(len(p.Payload))
	}
	return clockRate / uint32(time.Second/FrameTime)
}

// NewRewriter returns a Rewriter with a random SSRC and random starts. The
// sequence begins in the lower half, so that a receiver that misses the first
// packets does not miscount the wraps, on which SRTP depends (RFC 3711 §3.3.1).
func NewRewriter() *Rewriter {
	return &Rewriter{
		ssrc:      rand.Uint32(),
		sequence:  uint16(rand.Uint32() >> 17),
		timestamp: rand.Uint32(),
		newest:    Now(),
	}
}

// SSRC is the SSRC of every packet that goes out.
func (r *Rewriter) SSRC() uint32 { return r.ssrc }

// Rewrite returns the header that p goes out with, all but the payload type.
// clockRate is that of p's codec in Hz. ok is false when p must not go out: it
// is a duplicate, or too late for its place.
func (r *Rewriter) Rewrite(p *Packet, clockRate uint32) (h Header, ok bool) {
	step := int16(p.Sequence - r.inSequence)
	timestamp := p.Timestamp + r.offset
	progress := int32(timestamp - r.timestamp)
	switch {
	case p.Source != r.source || clockRate != r.clockRate ||
		step > maxSequenceStep || step < -maxSequenceStep || progress < -maxSecondsBack*int32(clockRate):
		return r.begin(p, clockRate), true
	case step > 0:
		r.sequence += uint16(step)
		r.used = r.used<<step | 1 // a shift by 64 or more gives 0
		r.inSequence = p.Sequence
		// The packets of a digit all have the timestamp of its start (RFC 4733
		// §2.2.1): they do not move the timeline.
		if progress > 0 {
			r.timestamp, r.newest, r.lasts = timestamp, p.Arrived, p.lasts(clockRate)
		}
		return Header{Marker: p.Marker, Sequence: r.sequence, Timestamp: timestamp, SSRC: r.ssrc}, true
	case step <= -lateWindow || r.used&(1<<-step) != 0:
		return Header{}, false
	default:
		r.used |= 1 << -step
		return Header{Marker: p.Marker, Sequence: r.sequence + uint16(step), Timestamp: timestamp, SSRC: r.ssrc}, true
	}
}

// interrupt has the next packet begin anew, whoever it is from.
func (r *Rewriter) interrupt() { r.source = 0 }

// begin continues the timeline with the first packet of another source. The
// time in which nothing came is a jump of the timestamp with a marker, which
// is how a sender shows silence (RFC 3551 §4.1).
func (r *Rewriter) begin(p *Packet, clockRate uint32) Header {
	frame := clockRate / uint32(time.Second/FrameTime)
	frames := max(1, (p.Arrived-r.newest+FrameTime/2)/FrameTime)
	step := uint32(frames) * frame
	if clockRate == r.clockRate {
		step = max(step, r.lasts) // the last packet is not talked into
	}
	r.lasts = p.lasts(clockRate)
	r.sequence++
	r.timestamp += step
	r.newest = p.Arrived
	r.source, r.clockRate, r.inSequence = p.Source, clockRate, p.Sequence
	r.offset = r.timestamp - p.Timestamp
	r.used = ^uint64(0)
	return Header{Marker: true, Sequence: r.sequence, Timestamp: r.timestamp, SSRC: r.ssrc}
}
