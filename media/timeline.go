package media

import "time"

// How a recording follows a sender's clock, in samples.
const (
	// driftLimit is how far timestamps and arrival may be apart before the
	// source is placed anew by its arrival.
	driftLimit = 60 * sampleRate / 1000
	// driftJump is so far apart that the sender has begun to count anew.
	driftJump = sampleRate
	// driftPackets is for how many packets in a row driftLimit must be passed:
	// packets that a network held up come late without being meant later.
	driftPackets = 15
	// driftSlack is the mean drift that is left alone. More is corrected by one
	// sample a packet, which cannot be heard.
	driftSlack = 5 * sampleRate / 1000
	// driftShare is the weight of one packet in the mean: about 5 s of sound.
	driftShare = 1.0 / 256
)

// timeline places one source's packets on the timeline of a recording: by
// their timestamps, so that jitter does not tear the sound, held to the time
// of their arrival, so that two senders' clocks do not drift apart.
type timeline struct {
	source Source
	turn   uint64
	begun  bool

	sequence  uint16 // of the newest packet
	timestamp uint32
	position  int64
	end       int64  // behind the newest packet
	used      uint64 // as in Rewriter

	// wide decodes G.722, in the order of arrival; nil as long as none came. What
	// is late or lost does it no lasting harm.
	wide *G722NarrowDecoder

	drift   float64 // mean of position minus arrival
	outside int     // packets in a row beyond driftLimit
}

// place returns where p's first sample belongs. skip is how many of its samples
// are there already, hole tells that one sample before it is missing. fresh is
// false for duplicates.
func (l *timeline) place(p *Packet, arrival int64) (position int64, skip int, hole, fresh bool) {
	if !l.begun {
		l.begun = true
		l.anchor(p, arrival)
		return arrival, 0, false, true
	}
	step := int16(p.Sequence - l.sequence)
	if step > maxSequenceStep || step < -maxSequenceStep {
		l.anchor(p, arrival)
		return l.fit(arrival, p)
	}
	position = l.position + int64(int32(p.Timestamp-l.timestamp))
	if step <= 0 {
		if step <= -lateWindow || l.used&(1<<-step) != 0 {
			return 0, 0, false, false
		}
		l.used |= 1 << -step
		return position, 0, false, true
	}
	l.used = l.used<<step | 1
	corrected := l.correct(position, arrival, p.Marker)
	hole = corrected == position+1 && position == l.end
	l.sequence, l.timestamp, l.position = p.Sequence, p.Timestamp, corrected
	position, skip, _, fresh = l.fit(corrected, p)
	return position, skip, hole, fresh
}

// fit leaves out what would sound twice.
func (l *timeline) fit(position int64, p *Packet) (at int64, skip int, hole, fresh bool) {
	end := position + int64(len(p.Payload))
	skip = int(min(max(0, l.end-position), int64(len(p.Payload))))
	l.end = max(l.end, end)
	return position, skip, false, true
}

// anchor places the source by the arrival of p.
func (l *timeline) anchor(p *Packet, arrival int64) {
	l.sequence, l.timestamp, l.position = p.Sequence, p.Timestamp, arrival
	l.used = ^uint64(0)
	l.drift, l.outside = 0, 0
	l.end = max(l.end, arrival)
}

// correct holds a position to the arrival.
func (l *timeline) correct(position, arrival int64, marker bool) int64 {
	drift := position - arrival
	distance := max(drift, -drift)
	if distance <= driftLimit {
		l.outside = 0
	} else if l.outside++; l.outside >= driftPackets || marker || distance > driftJump {
		l.drift, l.outside = 0, 0
		return arrival
	}
	l.drift += (float64(drift) - l.drift) * driftShare
	switch {
	case l.drift > driftSlack:
		l.drift--
		return position - 1
	case l.drift < -driftSlack:
		l.drift++
		return position + 1
	}
	return position
}

// decode decodes p at 8 kHz into dst, and returns what of it was filled.
func (l *timeline) decode(dst []int16, p *Packet) []int16 {
	dst = dst[:len(p.Payload)]
	switch p.Codec {
	case PCMU:
		DecodeMuLaw(dst, p.Payload)
	case G722:
		if l.wide == nil {
			l.wide = NewG722NarrowDecoder()
		}
		l.wide.Decode(dst, p.Payload)
	default:
		DecodeALaw(dst, p.Payload)
	}
	return dst
}

// samplesOf is d in samples.
func samplesOf(d time.Duration) int64 { return d.Microseconds() * sampleRate / 1e6 }
