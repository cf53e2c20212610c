package media

import (
	"time"

	"github.com/carillon-cc/carillon/media/rtcp"
)

// reception measures how well a peer's packets arrive.
type reception struct {
	source   Source
	highest  uint32 // sequence number of the newest packet, with its wraps
	base     uint32
	count    int64 // of packets of source
	before   int64 // lost in earlier streams
	rate     uint32
	began    time.Duration
	transit  uint32        // of the packet before, in units of rate
	measured bool          // transit is set
	jitter   time.Duration // RFC 3550 A.8

	ssrc                               uint32
	reportedExpected, reportedReceived int64
	senderReport                       uint32        // as rtcp.Block.Last
	senderReportAt                     time.Duration // 0: none yet
}

func (r *reception) note(p *Packet, ssrc uint32) {
	step := int16(p.Sequence - uint16(r.highest))
	// A sender that begins to count anew has lost nothing (RFC 3550 A.1).
	if p.Source != r.source || step > maxSequenceStep || step < -maxSequenceStep {
		r.before = r.lost()
		r.ssrc, r.reportedExpected, r.reportedReceived, r.senderReportAt = ssrc, 0, 0, 0
		r.source, r.count, r.rate = p.Source, 0, 0
		r.base = 1<<16 + uint32(p.Sequence)
		r.highest, step = r.base, 0
	}
	r.count++
	if step > 0 {
		r.highest += uint32(step)
	}
	if p.Codec == TelephoneEvent || p.Codec == NoCodec {
		return // all packets of a digit have the same timestamp; silence has its own pace
	}
	rate := p.Codec.ClockRate()
	if rate != r.rate {
		r.rate, r.began, r.measured = rate, p.Arrived, false
	}
	// The difference of two transit times does not depend on where the clocks
	// started; it is taken modulo the timestamp's 32 bits.
	transit := uint32((p.Arrived-r.began).Microseconds()*int64(rate)/1e6) - p.Timestamp
	if difference := int64(int32(transit - r.transit)); r.measured {
		d := time.Duration(max(difference, -difference)) * time.Second / time.Duration(rate)
		if d < time.Second { // more is a jump of the timestamp, not of the network
			r.jitter += (d - r.jitter) / 16
		}
	}
	r.transit, r.measured = transit, true
}

// lost is the number of packets that did not come (RFC 3550 A.3).
func (r *reception) lost() int64 {
	if r.count == 0 {
		return r.before
	}
	return r.before + r.expected() - r.count
}

// expected is how many packets of the present stream should have come.
func (r *reception) expected() int64 { return int64(r.highest-r.base) + 1 }

// report describes the present stream and begins the next stretch of what the
// fraction lost counts. ok is false before the first packet.
func (r *reception) report(now time.Duration) (b rtcp.Block, ok bool) {
	if r.count == 0 {
		return rtcp.Block{}, false
	}
	expected := r.expected()
	newExpected, newReceived := expected-r.reportedExpected, r.count-r.reportedReceived
	r.reportedExpected, r.reportedReceived = expected, r.count
	b = rtcp.Block{
		SSRC: r.ssrc, Lost: int32(expected - r.count), Highest: r.highest,
		Jitter: uint32(r.jitter * time.Duration(r.rate) / time.Second),
	}
	if newExpected > 0 && newReceived < newExpected {
		b.Fraction = uint8(min((newExpected-newReceived)<<8/newExpected, 255))
	}
	if r.senderReportAt != 0 {
		b.Last, b.Delay = r.senderReport, rtcp.DelaySince(now-r.senderReportAt)
	}
	return b, true
}
