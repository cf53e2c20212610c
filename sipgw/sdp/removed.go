package sdp

import (
	"net/netip"
	"slices"
)

// Removed tells whether an offer within a call takes its sound away: it has
// lines of sound, and all of them have port 0 (RFC 3264 §8.2).
func (d *Description) Removed() bool {
	removed := false
	for i := range d.Lines {
		if d.Lines[i].Kind != "audio" {
			continue
		}
		if d.Lines[i].Port != 0 {
			return false
		}
		removed = true
	}
	return removed
}

// AnswerRemoved writes the answer to an offer that takes the sound away, which
// leaves the call without any until the next offer.
func (w *Writer) AnswerRemoved(offer *Description, former Agreement, local netip.AddrPort) ([]byte, Agreement) {
	at := slices.IndexFunc(offer.Lines, func(l Line) bool { return l.Kind == "audio" })
	w.session = offer.slot(at, former.EventType)
	former.Direction, former.Held, former.Remote = Inactive, true, netip.AddrPort{}
	return w.finish(local.Addr(), w.session.before+offer.Lines[at].refusal()+w.session.behind), former
}
