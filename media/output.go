package media

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/carillon-cc/carillon/media/rtcp"
)

// sendSlack is the spare room behind a packet that is given to an Output's
// send function: SRTP adds up to 16 bytes of authentication tag (RFC 7714) and
// an optional key identifier.
const sendSlack = 64

// Output is the sending side of a leg. Any number of sources may write to it;
// it makes one RTP stream of them. It is a Sink and all its methods are safe
// from any goroutine. No writer ever waits for another: of two that write at
// the same instant, as happens when the source changes, one loses its packet.
type Output struct {
	send func([]byte)

	mu     sync.Mutex
	stream *Stream
	buffer [MaxPacket + sendSlack]byte
	only   Source // when not 0, packets of other sources are left out
	paused bool   // the receiver wants nothing
	sums   rtcp.Sent

	codec   atomic.Uint32
	time    atomic.Int64 // PacketTime
	written atomic.Int64 // when a packet came last that was no keep-alive

	sent, foreign, busy, late atomic.Uint64
}

// OutputStats are counts of packets since the output was made.
type OutputStats struct {
	Sent    uint64
	Foreign uint64 // left out: an encoding that the receiver does not take
	Busy    uint64 // left out: another source was writing
	Late    uint64 // left out: duplicates, and too late for their place
}

// NewOutput returns an output without a codec, which sends nothing. send is
// called for each packet, for one at a time; it must not keep the slice, but
// may change it and use up to 64 bytes of the capacity behind it.
func NewOutput(send func([]byte)) *Output {
	o := &Output{send: send, stream: NewStream()}
	o.written.Store(int64(Now()))
	return o
}

// SetCodec has sound sent as c with payload type pt (0 to 127) and no other
// encoding any more, except TelephoneEvent if its payload type is set.
func (o *Output) SetCodec(c Codec, pt uint8) {
	o.mu.Lock()
	defer o.mu.Unlock()
	events := o.stream.types[TelephoneEvent]
	o.stream.Forget()
	o.stream.types[TelephoneEvent] = events
	o.stream.SetPayloadType(c, pt)
	o.codec.Store(uint32(c))
}

// SetPayloadType has the receiver take c as payload type pt (0 to 127) besides
// what it takes already: TelephoneEvent, or another encoding that it can
// switch to at any packet.
func (o *Output) SetPayloadType(c Codec, pt uint8) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stream.SetPayloadType(c, pt)
}

// Codec is what SetCodec said last.
func (o *Output) Codec() Codec { return Codec(o.codec.Load()) }

// SetPacketTime says how much sound the receiver wants in a packet; 0 is
// FrameTime. It concerns what is made here: what comes from others goes out as
// it came.
func (o *Output) SetPacketTime(d time.Duration) { o.time.Store(int64(d)) }

// PacketTime is what SetPacketTime said last.
func (o *Output) PacketTime() time.Duration { return time.Duration(o.time.Load()) }

// SetSending says whether the receiver wants packets. What is written while it
// does not is left out as if it had never been: numbers count what was sent
// (RFC 3550 §5.1), and a gap of many would look like loss or, with SRTP, like
// another wrap of them.
func (o *Output) SetSending(sending bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if sending == o.paused {
		o.paused = !sending
		o.stream.rewriter.interrupt()
		o.written.Store(int64(Now()))
	}
}

// SSRC is the SSRC of all packets that go out.
func (o *Output) SSRC() uint32 { return o.stream.SSRC() }

// Takes tells whether the receiver takes c as it is.
func (o *Output) Takes(c Codec) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.stream.Takes(c)
}

// WritePacket sends p, or leaves it out and counts why.
func (o *Output) WritePacket(p *Packet) { o.write(p, p.Arrived) }

func (o *Output) write(p *Packet, written time.Duration) {
	if !o.mu.TryLock() {
		o.busy.Add(1)
		return
	}
	defer o.mu.Unlock()
	if o.paused || o.only != 0 && p.Source != o.only {
		return
	}
	h, packet, ok := o.stream.Prepare(o.buffer[:0], p)
	if !ok {
		if o.stream.accepted(p.Codec) == NoCodec {
			o.foreign.Add(1)
		} else {
			o.late.Add(1)
		}
		return
	}
	o.written.Store(int64(written))
	o.sent.Add(1)
	o.sums.Packets++
	o.sums.Octets += uint32(len(p.Payload))
	o.sums.Timestamp, o.sums.ClockRate, o.sums.At = h.Timestamp, p.Codec.ClockRate(), p.Arrived
	o.send(packet)
}

// account is what a sender report tells of the stream; ok is false while
// somebody writes.
func (o *Output) account() (sums rtcp.Sent, ok bool) {
	if !o.mu.TryLock() {
		return rtcp.Sent{}, false
	}
	defer o.mu.Unlock()
	return o.sums, true
}

// reserve lets only packets of s through, until it is called with 0.
func (o *Output) reserve(s Source) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.only = s
}

// Stats returns the output's counts.
func (o *Output) Stats() OutputStats {
	return OutputStats{Sent: o.sent.Load(), Foreign: o.foreign.Load(), Busy: o.busy.Load(), Late: o.late.Load()}
}
