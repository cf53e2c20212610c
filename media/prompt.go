package media

import (
	"bytes"
	"sync"
	"time"
)

// Prompt is a piece of sound for telephones, encoded once and then played by
// any number of players without a copy. It never changes; all methods are safe
// from any goroutine.
type Prompt struct {
	samples int
	alaw    []byte // filled up to whole frames

	muOnce sync.Once
	mulaw  []byte
}

// NewPrompt makes a prompt of A-law sound at 8 kHz, of which it keeps a copy.
func NewPrompt(alaw []byte) *Prompt {
	frames := (len(alaw) + FrameSamples - 1) / FrameSamples
	own := make([]byte, frames*FrameSamples)
	rest := own[copy(own, alaw):]
	for i := range rest {
		rest[i] = Silence(PCMA)
	}
	return &Prompt{samples: len(alaw), alaw: own}
}

// NewPromptFromPCM makes a prompt of 16-bit samples at 8 kHz.
func NewPromptFromPCM(samples []int16) *Prompt {
	alaw := make([]byte, len(samples))
	EncodeALaw(alaw, samples)
	return NewPrompt(alaw)
}

// Duration is how long the prompt sounds.
func (p *Prompt) Duration() time.Duration {
	return time.Duration(p.samples) * FrameTime / FrameSamples
}

// Frames is the number of frames, the last one filled up with silence.
func (p *Prompt) Frames() int { return len(p.alaw) / FrameSamples }

// Frame is the n-th frame, counted from 0, of FrameSamples bytes in µ-law if c
// is PCMU and else in A-law. It is shared and must not be written to.
func (p *Prompt) Frame(c Codec, n int) []byte {
	sound := p.alaw
	if c == PCMU {
		sound = p.inMuLaw()
	}
	return sound[n*FrameSamples : (n+1)*FrameSamples : (n+1)*FrameSamples]
}

// ALaw is the whole prompt in A-law without the filling. It is shared and must
// not be written to.
func (p *Prompt) ALaw() []byte { return p.alaw[:p.samples:p.samples] }

// inMuLaw translates at the first need; most prompts never meet a µ-law leg.
func (p *Prompt) inMuLaw() []byte {
	p.muOnce.Do(func() {
		mulaw := bytes.Repeat([]byte{Silence(PCMU)}, len(p.alaw))
		ALawToMuLaw(mulaw[:p.samples], p.alaw[:p.samples])
		p.mulaw = mulaw
	})
	return p.mulaw
}
