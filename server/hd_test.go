package server_test

import (
	"bytes"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/webrtc/browser"
)

// wideTone is a second of a tone in G.722, by packets.
func wideTone(hz float64) [][]byte {
	sound := make([]byte, 8000)
	media.NewG722Encoder().Encode(sound, media.ToneAt(hz, time.Second, 0.3, 16000))
	return slices.Collect(slices.Chunk(sound, media.FrameSamples))
}

// wideEar keeps the payloads of a stream in the order in which they came.
type wideEar struct {
	mu  sync.Mutex
	got [][]byte
}

func (e *wideEar) hear(payload []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.got = append(e.got, bytes.Clone(payload))
}

func TestWideSoundPassesThroughTheServerUnchanged(t *testing.T) {
	c := start(t)
	page := c.visit("alice", "tab-1")
	atAgent, atCaller := newEar(), newEar()
	var wide wideEar
	types := make(map[uint8]bool)
	b := page.Ready(c.browsers, browser.Options{OnPacket: func(h media.Header, payload []byte, _ time.Duration) {
		atAgent.hear(payload)
		wide.hear(payload)
		wide.mu.Lock()
		types[h.PayloadType] = true
		wide.mu.Unlock()
	}})
	call := c.dial("2", atCaller, media.G722, media.PCMA)
	if call.Codec() != media.G722 {
		t.Fatalf("the telephone was given %v", call.Codec())
	}
	page.Answer()

	toAgent, toCaller := overPhone(call), overBrowser(b, media.G722)
	converse(t, 50, direction{"the agent", toAgent, atAgent}, direction{"the caller", toCaller, atCaller})
	// No telephone of 8 kHz hears this.
	speakUntil(t, "the caller's 5 kHz", wideTone(5000), toAgent, func() bool { return hasWideTone(wide.heard(), 5000) })
	speakUntil(t, "the agent's 6 kHz", wideTone(6000), toCaller, func() bool { return hasWideTone(call.HeardWide(), 6000) })
	wide.mu.Lock()
	defer wide.mu.Unlock()
	if len(types) != 1 || !types[9] {
		t.Errorf("the browser was sent payload types %v", types)
	}
}

// heard is the end of it, decoded.
func (e *wideEar) heard() []int16 {
	e.mu.Lock()
	defer e.mu.Unlock()
	decoder, heard := media.NewG722Decoder(), []int16(nil)
	for _, payload := range e.got[max(0, len(e.got)-200):] {
		samples := make([]int16, 2*len(payload))
		decoder.Decode(samples, payload)
		heard = append(heard, samples...)
	}
	return heard
}

// hasWideTone tells whether half a second of a tone is in what was heard, at 16 kHz.
func hasWideTone(heard []int16, hz float64) bool {
	for at := 0; at+8000 <= len(heard); at += 1600 {
		got, share := media.DominantToneAt(heard[at:at+8000], 16000)
		if math.Abs(got-hz) <= 5 && share >= 0.9 {
			return true
		}
	}
	return false
}

func TestBrowserThatSendsAnotherCodecIsHeardInG722(t *testing.T) {
	c := start(t)
	page := c.visit("alice", "tab-1")
	b := page.Ready(c.browsers, browser.Options{})
	call := c.dial("2", newEar(), media.G722)
	page.Answer()
	sound := make([]byte, 8000)
	media.EncodeALaw(sound, media.Tone(1000, time.Second, 0.3))
	speakUntil(t, "the agent", slices.Collect(slices.Chunk(sound, media.FrameSamples)), overBrowser(b, media.PCMA), func() bool {
		return hasWideTone(call.HeardWide(), 1000)
	})
}
