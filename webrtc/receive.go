package webrtc

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"github.com/carillon-cc/carillon/media"
)

// maxStreams is how many SSRCs of a browser are told apart at a time, and
// maxSSRCs how many it may use in all: SRTP keeps state for each. A browser has
// one for each of its microphones' tracks.
const (
	maxStreams = 4
	maxSSRCs   = 1000
)

// inbound is what a browser sends.
type inbound struct {
	// mu is held while a packet is decrypted. Packets of one browser come on
	// one socket, so it is free but for the instant of a change of network, when
	// one of two packets is dropped.
	mu      sync.Mutex
	srtp    *srtp.Context // nil until the handshake is over
	header  rtp.Header    // scratch of srtp
	streams [maxStreams]stream
	next    int // place of the next new stream
	ssrcs   int
	current *stream // that was heard last, nil before the first
	foreign uint64  // packets of a payload type that was not agreed on
	bad     uint64  // packets that were not authentic, or replayed
	told    told    // scratch of receiveRTCP

	// What the streams that are forgotten or over leave behind, for Quality.
	receivedBefore uint64
	lostBefore     int64
}

func (in *inbound) open(c *srtp.Context) {
	in.mu.Lock()
	in.srtp = c
	in.mu.Unlock()
}

// stream is one SSRC of a browser, with what a receiver report tells of it
// (RFC 3550 §6.4.1, A.3, A.8).
type stream struct {
	source    media.Source // zero: the place is free
	ssrc      uint32
	received  uint32
	base      uint32 // extended sequence number of the first packet
	highest   uint32 // extended
	transit   uint32
	jitter    uint32 // of A.8: sixteen times the estimate
	clockRate uint32

	reportedExpected, reportedReceived uint32
	senderReport                       uint32        // middle 32 bits of the last one's NTP time
	senderReportAt                     time.Duration // zero: none yet
}

// receiveRTP decrypts a packet of the microphone and hands it to the call, in
// the goroutine that read it. b is used up.
func (p *Peer) receiveRTP(b []byte, now time.Duration, packet *media.Packet) {
	in := &p.inbound
	if !lockSoon(&in.mu) {
		return
	}
	codec := p.lines[0].formats.Load().codecs[b[1]&0x7f]
	source, clear, ok := in.decrypt(b, codec, now)
	in.mu.Unlock()
	if !ok {
		return
	}
	p.noteHeard(now)
	to := p.lines[0].listener.Load()
	if to == nil || to.Packets == nil {
		return
	}
	h, payload, ok := media.ParseRTP(clear)
	if !ok || len(payload) == 0 {
		return
	}
	*packet = media.Packet{
		Source: source, Codec: codec, Marker: h.Marker, Sequence: h.Sequence, Timestamp: h.Timestamp,
		Payload: payload, Arrived: now,
	}
	to.Packets.WritePacket(packet)
}

// noteHeard notes that something encrypted came.
func (p *Peer) noteHeard(now time.Duration) {
	p.heard.Store(int64(now))
	if !p.proven.Load() {
		p.proven.Store(true)
	}
}

// decrypt opens a packet in place and counts it.
func (in *inbound) decrypt(b []byte, codec media.Codec, now time.Duration) (media.Source, []byte, bool) {
	if in.srtp == nil {
		return 0, nil, false
	}
	if codec == media.NoCodec {
		in.foreign++
		return 0, nil, false
	}
	ssrc := binary.BigEndian.Uint32(b[8:])
	s := in.find(ssrc)
	if s == nil && in.ssrcs == maxSSRCs {
		in.bad++
		return 0, nil, false
	}
	clear, err := in.srtp.DecryptRTP(b, b, &in.header)
	if err != nil {
		in.bad++
		return 0, nil, false
	}
	if s == nil {
		s = in.begin(ssrc, in.header.SequenceNumber)
	}
	s.count(in.header.SequenceNumber, in.header.Timestamp, codec.ClockRate(), now)
	in.current = s
	return s.source, clear, true
}

func (in *inbound) find(ssrc uint32) *stream {
	for i := range in.streams {
		if s := &in.streams[i]; s.ssrc == ssrc && s.source != 0 {
			return s
		}
	}
	return nil
}

// begin takes the oldest stream's place for a new one.
func (in *inbound) begin(ssrc uint32, sequence uint16) *stream {
	s := &in.streams[in.next]
	in.next = (in.next + 1) % maxStreams
	if s.source != 0 {
		in.receivedBefore += uint64(s.received)
		in.lostBefore += int64(s.lost())
	}
	in.ssrcs++
	// One cycle above zero, so that a late packet does not go below it.
	first := 1<<16 | uint32(sequence)
	*s = stream{source: media.NewSource(), ssrc: ssrc, base: first, highest: first}
	return s
}

// count keeps the figures of RFC 3550 A.1 and A.8. The packet is authentic, so
// that the probation of A.1 is not needed.
func (s *stream) count(sequence uint16, timestamp, clockRate uint32, now time.Duration) {
	s.received++
	if step := int16(sequence - uint16(s.highest)); step > 0 {
		s.highest += uint32(step)
	}
	transit := uint32(now.Microseconds()*int64(clockRate)/1e6) - timestamp
	if s.clockRate == clockRate && s.received > 1 {
		d := int32(transit - s.transit)
		if d < 0 {
			d = -d
		}
		// A second is no jitter but a pause of the microphone.
		if uint32(d) < clockRate {
			s.jitter += uint32(d) - (s.jitter+8)>>4
		}
	}
	s.transit, s.clockRate = transit, clockRate
}

// lost is how many packets were lost so far. Duplicates are not counted as
// received: SRTP refuses them.
func (s *stream) lost() int32 {
	return int32(s.highest - s.base + 1 - s.received)
}
