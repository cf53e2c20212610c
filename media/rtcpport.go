package media

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/carillon-cc/carillon/media/rtcp"
)

// controlPath is where a port's reports go. Port.mu guards it, but for target.
type controlPath struct {
	mux    bool           // they share the RTP's way (RFC 5761)
	told   netip.AddrPort // by a=rtcp (RFC 3605)
	heard  netip.AddrPort // where the peer's came from
	target atomic.Pointer[netip.AddrPort]
}

// aim publishes where reports go to a peer whose RTP goes to to. A peer behind
// NAT is answered where its reports come from.
func (c *controlPath) aim(to netip.AddrPort, symmetric bool) {
	switch {
	case c.mux:
	case symmetric && c.heard.IsValid():
		to = c.heard
	case c.told.IsValid():
		to = c.told
	case to.Port() == 65535:
		c.target.Store(nil)
		return
	default:
		to = netip.AddrPortFrom(to.Addr(), to.Port()+1)
	}
	c.target.Store(&to)
}

// SetControl says where the peer wants RTCP by its SDP: at told, or with the RTP
// if mux is set. The zero told is the port above its RTP.
func (p *Port) SetControl(told netip.AddrPort, mux bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if told.IsValid() {
		told = netip.AddrPortFrom(told.Addr().Unmap(), told.Port())
	}
	if told.IsValid() && (told.Addr().IsUnspecified() || told.Port() == 0) {
		told = netip.AddrPort{}
	}
	p.control.told, p.control.mux = told, mux
	p.aim()
}

// remoteReports is what the peer says of the packets that it is sent.
type remoteReports struct {
	ssrc atomic.Uint32 // the stream of ours that is asked about
	lost atomic.Int64  // packets, since the start
	rtt  atomic.Int64
}

// sendControl sends a compound packet, which is changed where it is encrypted.
func (p *Port) sendControl(b []byte) error {
	to := p.control.target.Load()
	if to == nil {
		return ErrNoRemote
	}
	if s := p.seal.Load(); s != nil {
		var err error
		if b, err = s.rtcp(b); err != nil {
			return err
		}
	}
	p.mu.Lock()
	s := p.sockets.rtcp
	if p.control.mux {
		s = p.sockets.rtp
	}
	p.mu.Unlock()
	if err := s.send(b, *to); err != nil {
		return fmt.Errorf("sending RTCP: %w", err)
	}
	return nil
}

// readControl takes a compound packet, which came to the RTCP socket if control
// is set. p.reading is held.
func (p *Port) readControl(b []byte, from netip.AddrPort, control bool, now time.Duration) {
	if open := p.open.Load(); open != nil {
		var err error
		if b, err = (*open).OpenRTCP(b); err != nil {
			p.bad.Add(1)
			return
		}
	}
	if !p.reportsFrom(from, control) {
		p.foreign.Add(1)
		return
	}
	if !rtcp.Read(b, (*portReports)(p)) {
		p.bad.Add(1)
		return
	}
	p.heard.Store(int64(now))
}

// reportsFrom tells whether reports may come from there, and notes the way back.
// They do no more than inform, so the peer's host is enough.
func (p *Port) reportsFrom(from netip.AddrPort, control bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if from.Addr() != p.latch.target().Addr() && from.Addr() != p.latch.remote.Addr() && from.Addr() != p.control.told.Addr() {
		return false
	}
	if control && from != p.control.heard {
		p.control.heard = from
		p.aim()
	}
	return true
}

// portReports takes what a peer's reports say. Port.reading is held.
type portReports Port

// SenderReport notes when the peer told the time.
func (p *portReports) SenderReport(ssrc uint32, ntp uint64) {
	if p.track.count > 0 && ssrc == p.track.ssrc {
		p.track.senderReport, p.track.senderReportAt = uint32(ntp>>16), Now()
	}
}

// ReportBlock notes what the peer says of our stream.
func (p *portReports) ReportBlock(b rtcp.Block) {
	if b.SSRC != p.remote.ssrc.Load() {
		return
	}
	p.remote.lost.Store(int64(b.Lost))
	if rtt, ok := rtcp.RoundTrip(b, time.Now()); ok {
		p.remote.rtt.Store(int64(rtt))
	}
}
