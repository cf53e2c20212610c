package webrtc

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"

	"github.com/carillon-cc/carillon/media"
)

// reportInterval is how often reports are sent: RFC 3550 §6.2 recommends 5 s.
// The browser shows what they say in getStats.
const reportInterval = 5 * time.Second

// RTCP packet types, RFC 3550 §12.1.
const (
	typeSenderReport   = 200
	typeReceiverReport = 201
	typeDescription    = 202
)

// Sizes in bytes of the parts of RTCP packets, RFC 3550 §6.4 and §6.5.
const (
	rtcpHeader  = 8 // with the sender's SSRC
	senderInfo  = 20
	reportBlock = 24
	maxReport   = 512
)

// reports are the RTCP of a connection.
type reports struct {
	mu     sync.Mutex // only pacer and Stats meet here
	srtp   *srtp.Context
	header rtcp.Header
	out    outlet
	due    time.Duration
	told   [8]uint32 // packets that each line had sent at its last report
	buf    [maxReport]byte

	heard   sync.Mutex // readers and Stats; readers do not wait
	quality Quality
}

// Quality is what the browser told of the sound that we send it.
type Quality struct {
	Lost   float64       // part of the packets lost since the browser's report before, 0 to 1
	Jitter time.Duration // as RFC 3550 §6.4.1 defines it
	RTT    time.Duration // of the network and back; zero: not known yet
	At     time.Duration // of the report, on the clock of media.Now; zero: none came
}

func (r *reports) open(c *srtp.Context) {
	r.mu.Lock()
	r.srtp = c
	r.due = media.Now() + time.Second
	r.mu.Unlock()
}

// report sends what is due: for each line that sent something a sender report,
// and with the first packet a report about the microphone.
func (p *Peer) report(now time.Duration) {
	r := &p.reports
	if !r.mu.TryLock() {
		return
	}
	defer r.mu.Unlock()
	if r.srtp == nil || now < r.due {
		return
	}
	block, about := p.inbound.report(now)
	r.due = now + reportInterval
	reported := false
	for i, l := range p.lines {
		if !lockSoon(&l.mu) {
			continue
		}
		s := l.sent
		l.mu.Unlock()
		if s.packets == r.told[i] {
			continue
		}
		r.told[i] = s.packets
		b := appendSenderReport(r.buf[:0], l.ssrc, s, now)
		if about && !reported {
			b = appendBlock(b, block)
			reported = true
		}
		p.sendRTCP(b, l.ssrc)
	}
	if !reported {
		b := appendHead(r.buf[:0], typeReceiverReport, p.lines[0].ssrc)
		if about {
			b = appendBlock(b, block)
		}
		p.sendRTCP(b, p.lines[0].ssrc)
	}
}

// sendRTCP completes a compound packet, whose first packet is b, and sends it.
func (p *Peer) sendRTCP(b []byte, ssrc uint32) {
	r := &p.reports
	finish(b, 0)
	start := len(b)
	b = appendHead(b, typeDescription, ssrc)
	b[start] |= 1                     // one source
	b = append(b, 1, byte(len(p.id))) // CNAME, RFC 3550 §6.5.1
	b = append(b, p.id...)
	for ok := true; ok || len(b)%4 != 0; ok = false {
		b = append(b, 0) // at least one zero ends the list
	}
	finish(b, start)
	sealed, err := r.srtp.EncryptRTCP(nil, b, &r.header)
	if to := p.path.Load(); err == nil && to != nil {
		to.send(&r.out, sealed)
	}
}

func appendHead(b []byte, kind byte, ssrc uint32) []byte {
	b = append(b, 2<<6, kind, 0, 0)
	return binary.BigEndian.AppendUint32(b, ssrc)
}

// finish writes the length of the last packet of b, which begins at start.
func finish(b []byte, start int) {
	binary.BigEndian.PutUint16(b[start+2:], uint16((len(b)-start)/4-1))
}

// appendSenderReport writes the report of RFC 3550 §6.4.1. Its RTP timestamp is
// what the stream's clock shows at the report's time.
func appendSenderReport(b []byte, ssrc uint32, s sent, now time.Duration) []byte {
	b = appendHead(b, typeSenderReport, ssrc)
	b = binary.BigEndian.AppendUint64(b, ntpTime(time.Now()))
	since := now - time.Duration(s.at)
	b = binary.BigEndian.AppendUint32(b, s.timestamp+uint32(since.Microseconds()*int64(s.clockRate)/1e6))
	b = binary.BigEndian.AppendUint32(b, s.packets)
	return binary.BigEndian.AppendUint32(b, s.octets)
}

// block is a report about a stream that we receive (RFC 3550 §6.4.1).
type block struct {
	ssrc     uint32
	fraction uint8 // lost, in 1/256
	lost     int32
	highest  uint32
	jitter   uint32
	last     uint32 // the sender's report that this one follows,
	delay    uint32 // and how long after it, in 1/65536 s
}

// appendBlock adds a report block to the first packet, which has none so far.
func appendBlock(b []byte, r block) []byte {
	b[0] |= 1
	b = binary.BigEndian.AppendUint32(b, r.ssrc)
	lost := uint32(min(max(r.lost, -1<<23), 1<<23-1)) & 0xffffff
	b = binary.BigEndian.AppendUint32(b, uint32(r.fraction)<<24|lost)
	b = binary.BigEndian.AppendUint32(b, r.highest)
	b = binary.BigEndian.AppendUint32(b, r.jitter)
	b = binary.BigEndian.AppendUint32(b, r.last)
	return binary.BigEndian.AppendUint32(b, r.delay)
}

// report describes the stream that was heard last.
func (in *inbound) report(now time.Duration) (block, bool) {
	in.mu.Lock() // held by others for the time of a decryption at most
	defer in.mu.Unlock()
	s := in.current
	if s == nil {
		return block{}, false
	}
	expected := s.highest - s.base + 1
	newExpected, newReceived := expected-s.reportedExpected, s.received-s.reportedReceived
	s.reportedExpected, s.reportedReceived = expected, s.received
	b := block{ssrc: s.ssrc, lost: s.lost(), highest: s.highest, jitter: s.jitter >> 4, last: s.senderReport}
	if newExpected > 0 && newReceived < newExpected {
		b.fraction = uint8(min((newExpected-newReceived)<<8/newExpected, 255))
	}
	if s.senderReportAt > 0 {
		b.delay = uint32((now - s.senderReportAt) * 65536 / time.Second)
	}
	return b, true
}

// receiveRTCP takes a browser's reports. b is used up.
func (p *Peer) receiveRTCP(b []byte, now time.Duration) {
	in := &p.inbound
	if !lockSoon(&in.mu) {
		return
	}
	defer in.mu.Unlock()
	if in.srtp == nil {
		return
	}
	clear, err := in.srtp.DecryptRTCP(b, b, nil)
	if err != nil {
		in.bad++
		return
	}
	p.noteHeard(now)
	forEachReport(clear,
		func(ssrc uint32, ntp uint64) {
			if s := in.find(ssrc); s != nil {
				s.senderReport, s.senderReportAt = uint32(ntp>>16), now
			}
		},
		func(about block) { p.takeBlock(about, now) })
}

// takeBlock keeps what the browser says of one of our streams.
func (p *Peer) takeBlock(b block, now time.Duration) {
	r := &p.reports
	if !p.hasSSRC(b.ssrc) || !r.heard.TryLock() {
		return
	}
	defer r.heard.Unlock()
	clockRate := time.Duration(p.lines[0].Codec().ClockRate())
	r.quality.Lost = float64(b.fraction) / 256
	r.quality.Jitter = time.Duration(b.jitter) * time.Second / clockRate
	r.quality.At = now
	if b.last != 0 {
		// RFC 3550 §6.4.1: the time now, less that of our report and the delay.
		// A clock that was moved gives nonsense, which is left out.
		rtt := int32(uint32(ntpTime(time.Now())>>16) - b.last - b.delay)
		if rtt >= 0 && rtt < 10<<16 {
			r.quality.RTT = time.Duration(rtt) * time.Second / 65536
		}
	}
}

// forEachReport reads a compound packet as far as it is well formed.
func forEachReport(b []byte, sender func(ssrc uint32, ntp uint64), about func(block)) {
	for len(b) >= rtcpHeader {
		length := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
		if b[0]>>6 != 2 || length > len(b) || length < rtcpHeader {
			return
		}
		packet := b[:length]
		b = b[length:]
		blocks := packet[rtcpHeader:]
		switch packet[1] {
		case typeSenderReport:
			if len(blocks) < senderInfo {
				return
			}
			sender(binary.BigEndian.Uint32(packet[4:]), binary.BigEndian.Uint64(blocks))
			blocks = blocks[senderInfo:]
		case typeReceiverReport:
		default:
			continue
		}
		for range packet[0] & 0x1f {
			if len(blocks) < reportBlock {
				return
			}
			loss := binary.BigEndian.Uint32(blocks[4:])
			about(block{
				ssrc: binary.BigEndian.Uint32(blocks), fraction: uint8(loss >> 24), lost: int32(loss<<8) >> 8,
				highest: binary.BigEndian.Uint32(blocks[8:]), jitter: binary.BigEndian.Uint32(blocks[12:]),
				last: binary.BigEndian.Uint32(blocks[16:]), delay: binary.BigEndian.Uint32(blocks[20:]),
			})
			blocks = blocks[reportBlock:]
		}
	}
}

// ntpTime is t in seconds since 1900, in 32.32 fixed point (RFC 3550 §4).
func ntpTime(t time.Time) uint64 {
	const from1900 = 2208988800
	return uint64(t.Unix()+from1900)<<32 | uint64(t.Nanosecond())<<32/1e9
}
