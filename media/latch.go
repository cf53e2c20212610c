package media

import (
	"net/netip"
	"time"
)

// The times of the latch. A stream that was silent for relatchAfter may be
// replaced by another source; a sender may change its SSRC once the old one was
// silent for ssrcSilence.
const (
	relatchAfter = 2 * time.Second
	ssrcSilence  = 100 * time.Millisecond
)

// latch decides whose packets belong to a call. The address in SDP is often
// not the one that packets come from, because of NAT; and whoever finds an
// open port must not be able to listen to or talk into a call. So the first
// source that behaves like the peer is taken and then held.
//
// A latch is not safe for concurrent use.
type latch struct {
	symmetric bool           // the peer may be elsewhere than its SDP says
	allowed   []netip.Prefix // where it may be then; empty means anywhere
	remote    netip.AddrPort // by SDP; the zero value while unknown

	locked    flow // whose packets are taken; none while its source is 0
	lastHeard time.Duration

	// What may become locked: the SDP address has the first place for itself,
	// so that a flood from elsewhere cannot keep it out.
	candidates [4]flow
	next       int

	left      netip.AddrPort // whom the peer moved away from by SDP
	leftUntil time.Duration
}

// flow is one RTP stream as the network shows it.
type flow struct {
	from     netip.AddrPort
	ssrc     uint32
	sequence uint16
	source   Source
}

// setRemote notes the address of an SDP. Another one than before makes the
// latch look for the peer anew, and not where it was.
func (l *latch) setRemote(remote netip.AddrPort, now time.Duration) {
	if remote == l.remote {
		return
	}
	if l.locked.source != 0 && l.locked.from != remote {
		l.left, l.leftUntil = l.locked.from, now+relatchAfter
	}
	l.remote = remote
	l.release()
}

// release forgets who the peer is.
func (l *latch) release() {
	l.locked = flow{}
	l.candidates = [len(l.candidates)]flow{}
}

// target is where to send.
func (l *latch) target() netip.AddrPort {
	if l.symmetric && l.locked.source != 0 {
		return l.locked.from
	}
	return l.remote
}

// judge decides on a packet with a negotiated payload type. It returns the
// Source that the packet belongs to, or 0 when it is foreign. locked is true
// when this packet made the latch hold another stream than before.
func (l *latch) judge(from netip.AddrPort, h Header, now time.Duration) (source Source, locked bool) {
	held := l.locked.source != 0
	if held && from == l.locked.from && h.SSRC == l.locked.ssrc {
		l.lastHeard = now
		return l.locked.source, false
	}
	declared := from == l.remote || !l.symmetric && from.Addr() == l.remote.Addr()
	if !l.eligible(from, declared, now) {
		return 0, false
	}
	if held && !l.yields(from, declared, now) {
		return 0, false
	}
	c, consecutive := l.consider(from, h, declared)
	if consecutive {
		l.locked, l.lastHeard = *c, now
		l.candidates = [len(l.candidates)]flow{}
		return l.locked.source, true
	}
	if declared && !held {
		return c.source, false
	}
	return 0, false
}

// eligible tells whether a source may be the peer at all.
func (l *latch) eligible(from netip.AddrPort, declared bool, now time.Duration) bool {
	switch {
	case declared:
		return true
	case !l.symmetric || from == l.left && now < l.leftUntil:
		return false
	case len(l.allowed) == 0:
		return true
	}
	for _, prefix := range l.allowed {
		if prefix.Contains(from.Addr()) {
			return true
		}
	}
	return false
}

// yields tells whether the held stream gives way to one from elsewhere, or to
// one with another SSRC from the same place.
func (l *latch) yields(from netip.AddrPort, declared bool, now time.Duration) bool {
	silent := now - l.lastHeard
	switch {
	case silent > relatchAfter:
		return true
	case from == l.locked.from:
		return silent > ssrcSilence
	default: // the peer shows up where it said it would be
		return declared && l.locked.from != l.remote && l.symmetric
	}
}

// consider notes a packet of a source that may become the peer, and tells
// whether it follows directly on the one before.
func (l *latch) consider(from netip.AddrPort, h Header, declared bool) (c *flow, consecutive bool) {
	for i := range l.candidates {
		c = &l.candidates[i]
		if c.source != 0 && c.from == from && c.ssrc == h.SSRC {
			consecutive = h.Sequence == c.sequence+1
			c.sequence = h.Sequence
			return c, consecutive
		}
	}
	c = &l.candidates[0]
	if !declared {
		l.next = l.next%(len(l.candidates)-1) + 1
		c = &l.candidates[l.next]
	}
	*c = flow{from: from, ssrc: h.SSRC, sequence: h.Sequence, source: NewSource()}
	return c, false
}
