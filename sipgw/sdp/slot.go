package sdp

import "strings"

// slot is the place that the sound has among the m-lines of a session. Once a
// line is there, every description has it, refused or not, in its order: an
// offer of ours too (RFC 3264 §8).
type slot struct {
	before, behind string // the lines about it, all refused
	protocol       string // of the line of sound, as the peer wrote it last
	event          uint8  // the peer's payload type of telephone-event, 0 for none
}

// slot is where an answer to the description has the sound: in line at.
func (d *Description) slot(at int, event uint8) slot {
	s := slot{protocol: d.Lines[at].Protocol, event: event}
	for i := range d.Lines {
		switch {
		case i < at:
			s.before += d.Lines[i].refusal()
		case i > at:
			s.behind += d.Lines[i].refusal()
		}
	}
	return s
}

// refusal is the answer to a line that is not used (RFC 3264 §6).
func (l *Line) refusal() string {
	return "m=" + l.Kind + " 0 " + l.Protocol + " " + strings.Join(l.Listed, " ") + "\r\n"
}

// profile is the transport that an offer names: the one in use where it can stay.
func (s slot) profile(encrypted bool) string {
	if encrypts, spoken := profiles[strings.ToUpper(s.protocol)]; spoken && encrypts == encrypted {
		return s.protocol
	}
	if encrypted {
		return "RTP/SAVP"
	}
	return "RTP/AVP"
}

const (
	// usualEvent is the payload type that telephone-event has where nobody gave it
	// another.
	usualEvent = 101
	// firstDynamic is the least payload type without a meaning of its own
	// (RFC 3551 §6).
	firstDynamic = 96
)

// eventType is the payload type of telephone-event in an offer. Within a session
// a number keeps its meaning (RFC 3264 §8.3.2).
func (s slot) eventType() uint8 {
	if s.event >= firstDynamic {
		return s.event
	}
	return usualEvent
}
