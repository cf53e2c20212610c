package sipgw

import (
	"net/netip"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw/sdp"
	"github.com/carillon-cc/carillon/sipgw/srtp"
)

// agree puts into effect what an offer and its answer settled. l.mu is held, or
// nobody else knows the leg yet.
func (l *leg) agree(a sdp.Agreement) {
	// Either law is taken in whatever was agreed: some peers switch without a
	// word, and a table turns one into the other.
	types := map[uint8]media.Codec{0: media.PCMU, 8: media.PCMA}
	if a.EventType != 0 {
		// Peers that number anew in their answer send by either description.
		types[a.EventType], types[a.OwnEventType] = media.TelephoneEvent, media.TelephoneEvent
	}
	types[a.PayloadType], types[a.OwnPayloadType] = a.Codec, a.Codec
	if err := srtp.Rekey(l.port, l.agreed.Keys, a.Keys); err != nil {
		// Nothing may go out as it is where encryption was agreed on.
		l.log.Error("a call's sound could not be encrypted", "err", err)
		l.port.SetRemote(netip.AddrPort{})
		return
	}
	l.port.SetPayloadTypes(types)
	if l.agreed.Codec != a.Codec || l.agreed.PayloadType != a.PayloadType {
		l.output.SetCodec(a.Codec, a.PayloadType)
	}
	if a.EventType != 0 {
		l.output.SetPayloadType(media.TelephoneEvent, a.EventType)
	}
	// Where keys can be told as events, what sounds like one is none.
	l.inband.Store(a.EventType == 0)
	l.output.SetPacketTime(time.Duration(a.FrameTime) * time.Millisecond)
	l.port.SetControl(a.Control, a.Mux)
	l.port.SetRemote(a.Remote)
	l.port.SetSending(a.Sends())
	l.output.SetSending(a.Sends())
	l.agreed = a
}

// tellAgreed tells the listener what the peer changed: the encoding, and whether
// its telephone put us on hold or took us back, which has silence count or not.
// l.mu must not be held.
func (l *leg) tellAgreed() {
	l.mu.Lock()
	held, silent, codec := l.agreed.Held, l.agreed.Direction == sdp.Inactive, l.agreed.Codec
	live := l.state == answered
	heldChanged := live && (held != l.held || silent != l.silence)
	// What is sent before the answer depends on the encoding, too.
	codecChanged := (live || l.progress.Load()) && codec != l.told
	if heldChanged {
		l.silence = silent
		l.held = held
	}
	if codecChanged {
		codecChanged = l.told != media.NoCodec
		l.told = codec
	}
	l.mu.Unlock()
	if codecChanged {
		l.post(call.CodecChanged{Leg: l.self})
	}
	if heldChanged {
		l.quietSince()
		l.post(call.Held{Leg: l.self, On: held, Silent: silent})
	}
}

// quietSince restarts the time in which the peer must be heard, or suspends it
// while the peer holds us.
func (l *leg) quietSince() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.agreed.Held {
		l.quiet.clear()
		return
	}
	l.quiet.set(media.Now())
}

// silent tells whether the peer has sent nothing for too long: no sound, comfort
// noise or RTCP.
func (l *leg) silent(now time.Duration) bool {
	since, counts := l.quiet.time()
	if heard := l.port.LastHeard(); heard != 0 {
		since = max(since, heard)
	}
	return counts && now-since > l.gateway.cfg.Timers.MediaTimeout
}

// Tick is for the pacer: it keeps the line alive and has done what is due. What
// takes locks or waits is not done in the pacer's time.
func (l *leg) Tick(now time.Duration) (more bool) {
	if !l.talking.Load() {
		if l.hearing.Load() {
			// What opens the way through a NAT of ours for the network's sound.
			l.keepAlive.Tick(now)
			return true
		}
		return false
	}
	l.keepAlive.Tick(now)
	l.reporter.Tick(now)
	if l.sessionEnd.take(now) {
		l.gateway.background(func() {
			l.end(call.Cause{By: l.party, Reason: call.ReasonNotRefreshed, Status: sip.StatusRequestTimeout}, true)
		})
	}
	if l.proposeAt.take(now) {
		l.gateway.background(l.propose)
	}
	if l.silent(now) && !l.probing.Swap(true) {
		l.gateway.background(l.probe)
	}
	return true
}
