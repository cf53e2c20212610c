package media

import (
	"bytes"
	"slices"
	"sync"
	"sync/atomic"
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

	wideOnce sync.Once
	pcm      []int16 // at 16 kHz, where there is more than in alaw; nil once g722 is made
	g722     atomic.Pointer[[]byte]
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

// NewPromptFromWidePCM makes a prompt of 16-bit samples at 16 kHz, for
// telephones of either width.
func NewPromptFromWidePCM(samples []int16) *Prompt {
	narrow := make([]int16, len(samples)/2)
	new(halver).halve(narrow, samples)
	p := NewPromptFromPCM(narrow)
	p.pcm = slices.Clone(samples)
	return p
}

// Duration is how long the prompt sounds.
func (p *Prompt) Duration() time.Duration {
	return time.Duration(p.samples) * FrameTime / FrameSamples
}

// Frames is the number of frames, the last one filled up with silence.
func (p *Prompt) Frames() int { return len(p.alaw) / FrameSamples }

// Frame is the n-th frame, counted from 0, of FrameSamples bytes in µ-law or
// G.722 if c is that and else in A-law. It is shared and must not be written to.
func (p *Prompt) Frame(c Codec, n int) []byte {
	return p.part(c, n*FrameSamples, (n+1)*FrameSamples)
}

// part is the sound of Frame from one sample up to another.
func (p *Prompt) part(c Codec, from, to int) []byte {
	sound := p.alaw
	switch c {
	case PCMU:
		sound = p.inMuLaw()
	case G722:
		sound = p.inG722()
	}
	return sound[from:to:to]
}

// Prepare does now what Frame would do at the first need of c. Of G.722 that
// takes about a millisecond for each second of sound.
func (p *Prompt) Prepare(c Codec) {
	switch c {
	case PCMU:
		p.inMuLaw()
	case G722:
		p.inG722()
	}
}

// ready is the codec among those of Frame in which sound for a target of c can
// be had without delay.
func (p *Prompt) ready(c Codec) Codec {
	if c == PCMU || c == G722 && p.g722.Load() != nil {
		return c
	}
	return PCMA
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

// inG722 encodes at the first need, the whole prompt as one stream.
func (p *Prompt) inG722() []byte {
	p.wideOnce.Do(func() {
		sound := make([]byte, len(p.alaw))
		if p.pcm != nil {
			samples := make([]int16, 2*len(sound))
			copy(samples, p.pcm)
			NewG722Encoder().Encode(sound, samples)
			p.pcm = nil
		} else {
			new(Converter).Convert(sound, p.alaw, 0, PCMA, G722)
		}
		p.g722.Store(&sound)
	})
	return *p.g722.Load()
}
