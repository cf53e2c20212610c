package webrtc

import (
	"sync"
	"time"

	pionrtcp "github.com/pion/rtcp"
	"github.com/pion/srtp/v3"

	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/media/rtcp"
)

// reports are the RTCP of a connection. The browser shows what ours say in
// getStats.
type reports struct {
	mu     sync.Mutex // only pacer and Stats meet here
	srtp   *srtp.Context
	header pionrtcp.Header
	out    outlet
	due    time.Duration
	told   [8]uint32 // packets that each line had sent at its last report
	buf    [rtcp.MaxSize]byte

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
	r.due = now + rtcp.Interval
	reported := false
	for i, l := range p.lines {
		if !lockSoon(&l.mu) {
			continue
		}
		s := l.sent
		l.mu.Unlock()
		if s.Packets == r.told[i] {
			continue
		}
		r.told[i] = s.Packets
		b := rtcp.AppendSenderReport(r.buf[:0], l.ssrc, s, now, time.Now())
		if about && !reported {
			b = rtcp.AppendBlock(b, block)
			reported = true
		}
		p.sendRTCP(b, l.ssrc)
	}
	if !reported {
		b := rtcp.AppendReceiverReport(r.buf[:0], p.lines[0].ssrc)
		if about {
			b = rtcp.AppendBlock(b, block)
		}
		p.sendRTCP(b, p.lines[0].ssrc)
	}
}

// sendRTCP completes a compound packet, whose first packet is b, and sends it.
func (p *Peer) sendRTCP(b []byte, ssrc uint32) {
	r := &p.reports
	sealed, err := r.srtp.EncryptRTCP(nil, rtcp.AppendDescription(b, ssrc, p.id), &r.header)
	if to := p.path.Load(); err == nil && to != nil {
		to.send(&r.out, sealed)
	}
}

// report describes the stream that was heard last.
func (in *inbound) report(now time.Duration) (rtcp.Block, bool) {
	in.mu.Lock() // held by others for the time of a decryption at most
	defer in.mu.Unlock()
	s := in.current
	if s == nil {
		return rtcp.Block{}, false
	}
	expected := s.highest - s.base + 1
	newExpected, newReceived := expected-s.reportedExpected, s.received-s.reportedReceived
	s.reportedExpected, s.reportedReceived = expected, s.received
	b := rtcp.Block{SSRC: s.ssrc, Lost: s.lost(), Highest: s.highest, Jitter: s.jitter >> 4, Last: s.senderReport}
	if newExpected > 0 && newReceived < newExpected {
		b.Fraction = uint8(min((newExpected-newReceived)<<8/newExpected, 255))
	}
	if s.senderReportAt > 0 {
		b.Delay = rtcp.DelaySince(now - s.senderReportAt)
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
	in.told = told{peer: p, now: now}
	rtcp.Read(clear, &in.told)
}

// told takes what the browser's reports say. inbound.mu is held.
type told struct {
	peer *Peer
	now  time.Duration
}

// SenderReport notes when the browser told the time.
func (t *told) SenderReport(ssrc uint32, ntp uint64) {
	if s := t.peer.inbound.find(ssrc); s != nil {
		s.senderReport, s.senderReportAt = uint32(ntp>>16), t.now
	}
}

// ReportBlock keeps what the browser says of one of our streams.
func (t *told) ReportBlock(b rtcp.Block) {
	p := t.peer
	r := &p.reports
	if !p.hasSSRC(b.SSRC) || !r.heard.TryLock() {
		return
	}
	defer r.heard.Unlock()
	clockRate := time.Duration(p.lines[0].Codec().ClockRate())
	r.quality.Lost = float64(b.Fraction) / 256
	r.quality.Jitter = time.Duration(b.Jitter) * time.Second / clockRate
	r.quality.At = t.now
	if rtt, ok := rtcp.RoundTrip(b, time.Now()); ok {
		r.quality.RTT = rtt
	}
	for _, l := range p.lines {
		if l.ssrc == b.SSRC {
			l.remoteLost.Store(int64(b.Lost))
		}
	}
}
