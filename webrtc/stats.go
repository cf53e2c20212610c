package webrtc

import (
	"net/netip"
	"time"
)

// PeerStats are the figures of a browser's connection.
type PeerStats struct {
	State   State
	Remote  netip.AddrPort // where the browser is; not for logs above debug level
	TCP     bool
	Profile string        // of SRTP
	Heard   time.Duration // when anything last came, on the clock of media.Now

	Received uint64        // packets of the microphone's stream
	Lost     int64         // packets of it that did not come
	Jitter   time.Duration // of it, as RFC 3550 §6.4.1 defines it
	Foreign  uint64        // packets of payload types that were not agreed on
	Bad      uint64        // packets that were not authentic, or replayed

	Sent     uint64  // packets to the browser, all lines
	Dropped  uint64  // packets that could not be sent on
	Downlink Quality // what the browser says of them
}

// Stats returns the connection's figures. It may wait for a packet that is being
// encrypted, and is not for the packet path.
func (p *Peer) Stats() PeerStats {
	s := PeerStats{State: p.State(), Heard: time.Duration(p.heard.Load())}
	if to := p.path.Load(); to != nil {
		s.Remote, s.TCP = to.remote, to.tcp != nil
	}
	p.mu.Lock()
	s.Profile = p.profile
	p.mu.Unlock()

	in := &p.inbound
	in.mu.Lock()
	s.Foreign, s.Bad = in.foreign, in.bad
	if current := in.current; current != nil {
		s.Received, s.Lost = uint64(current.received), int64(current.lost())
		s.Jitter = time.Duration(current.jitter>>4) * time.Second / time.Duration(max(current.clockRate, 1))
	}
	in.mu.Unlock()

	for _, l := range p.lines {
		l.mu.Lock()
		s.Sent += uint64(l.sent.Packets)
		l.mu.Unlock()
		s.Dropped += l.dropped.Load()
	}
	p.reports.heard.Lock()
	s.Downlink = p.reports.quality
	p.reports.heard.Unlock()
	return s
}
