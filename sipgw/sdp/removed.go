package sdp

import (
	"net/netip"
	"strings"
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
	var b strings.Builder
	for i := range offer.Lines {
		offer.Lines[i].refuse(&b)
	}
	former.Direction, former.Held, former.Remote = Inactive, true, netip.AddrPort{}
	return w.finish(local.Addr(), b.String()), former
}

// refuse writes the answer to a line that is not used (RFC 3264 §6).
func (l *Line) refuse(b *strings.Builder) {
	b.WriteString("m=" + l.Kind + " 0 " + l.Protocol + " " + strings.Join(l.Listed, " ") + "\r\n")
}
