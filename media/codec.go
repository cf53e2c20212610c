package media

import "slices"

// Codec names an encoding of sound, independent of the payload type number
// that a peer has given it.
type Codec uint8

// The encodings that Carillon passes on. It can decode and encode G.711 and
// G.722; Opus passes untouched between browsers.
const (
	NoCodec Codec = iota
	PCMA
	PCMU
	G722
	Opus
	TelephoneEvent // RFC 4733 digits, 8 kHz clock
)

var codecNames = [...]string{NoCodec: "none", PCMA: "PCMA", PCMU: "PCMU", G722: "G722", Opus: "opus", TelephoneEvent: "telephone-event"}

// String is the encoding's name as SDP spells it (RFC 3551 §6).
func (c Codec) String() string {
	if int(c) < len(codecNames) {
		return codecNames[c]
	}
	return "unknown"
}

// CodecNamed is the encoding of a name as String spells it, NoCodec where there is
// none.
func CodecNamed(name string) Codec {
	return Codec(max(0, slices.Index(codecNames[:], name)))
}

// ClockRate is the rate of the RTP timestamp in Hz. G.722's is 8000 although
// its sound is sampled at 16 kHz (RFC 3551 §4.5.2).
func (c Codec) ClockRate() uint32 {
	if c == Opus {
		return 48000
	}
	return 8000
}

// telephone tells whether c is sound that can be turned into G.711 and G.722.
// Those have one byte for each step of the RTP clock.
func (c Codec) telephone() bool { return c.G711() || c == G722 }

// CarriedAs is the encoding in which sound that came as c goes to a receiver
// that takes what takes says: c itself if it can be, then the other law of
// G.711, then what a Converter makes of it. NoCodec is none.
func (c Codec) CarriedAs(takes func(Codec) bool) Codec {
	if takes(c) {
		return c
	}
	if c.telephone() {
		for _, other := range [...]Codec{PCMA, PCMU, G722} {
			if takes(other) {
				return other
			}
		}
	}
	return NoCodec
}

// G711 tells whether c is A-law or µ-law, which a table turns into each other.
func (c Codec) G711() bool { return c == PCMA || c == PCMU }
