package media

// Codec names an encoding of sound, independent of the payload type number
// that a peer has given it.
type Codec uint8

// The encodings that Carillon passes on. It decodes and encodes only G.711 (and
// G.722 for recordings); Opus passes untouched between browsers.
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

// ClockRate is the rate of the RTP timestamp in Hz. G.722's is 8000 although
// its sound is sampled at 16 kHz (RFC 3551 §4.5.2).
func (c Codec) ClockRate() uint32 {
	if c == Opus {
		return 48000
	}
	return 8000
}

// G711 tells whether c is A-law or µ-law, which a table turns into each other.
func (c Codec) G711() bool { return c == PCMA || c == PCMU }
