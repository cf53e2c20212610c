package sipgw

import (
	"net/netip"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw/sdp"
)

// agree puts into effect what an offer and its answer settled. l.mu is held, or
// nobody else knows the leg yet.
func (l *leg) agree(a sdp.Agreement) {
	// Either law is taken in whatever was agreed: some peers switch without a
	// word, and a table turns one into the other.
	types := map[uint8]media.Codec{0: media.PCMU, 8: media.PCMA, a.PayloadType: a.Codec}
	if a.EventType != 0 {
		types[a.EventType] = media.TelephoneEvent
	}
	l.port.SetPayloadTypes(types)
	if l.agreed.Codec != a.Codec || l.agreed.PayloadType != a.PayloadType {
		l.output.SetCodec(a.Codec, a.PayloadType)
	}
	if a.EventType != 0 {
		l.output.SetPayloadType(media.TelephoneEvent, a.EventType)
	}
	if a.Remote.IsValid() {
		l.port.SetRemote(a.Remote)
	}
	if !a.Sends() || !a.Remote.IsValid() {
		l.port.SetRemote(netip.AddrPort{}) // quiet, and where the peer is stays known
	}
	l.agreed = a
}

// tellHold tells the listener when the caller's telephone put us on hold or
// took us back, and has silence count or not.
func (l *leg) tellHold() {
	l.mu.Lock()
	held, silent := l.agreed.Held, l.agreed.Direction == sdp.Inactive
	changed := held != l.held && l.state == answered
	if changed {
		l.held = held
	}
	l.mu.Unlock()
	if !changed {
		return
	}
	l.quietSince()
	l.post(call.Held{Leg: l.self, On: held, Silent: silent})
}

// quietSince restarts the time in which the caller must be heard, or suspends
// it while the caller holds us.
func (l *leg) quietSince() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.agreed.Held {
		l.quiet.Store(0)
		return
	}
	l.quiet.Store(int64(max(1, media.Now())))
}

// Tick is for the pacer: it keeps the line alive and finds out when the caller
// is lost.
func (l *leg) Tick(now time.Duration) (more bool) {
	if !l.talking.Load() {
		return false
	}
	l.keepAlive.Tick(now)
	quiet := time.Duration(l.quiet.Load())
	if quiet != 0 && now-max(quiet, l.port.LastHeard()) > l.gateway.cfg.Timers.MediaTimeout || l.sessionExpired(now) {
		// Not in the pacer's time: it takes locks and tells others.
		go l.end(call.Cause{By: l.party, Reason: call.ReasonMediaTimeout}, true)
		return false
	}
	return true
}
