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

	// Marks, and then what no telephone of 8 kHz hears.
	fromCaller, fromAgent := append(marked(50), wideTone(5000)...), append(marked(50), wideTone(6000)...)
	var both sync.WaitGroup
	both.Go(func() { speak(fromCaller, overPhone(call)) })
	both.Go(func() { speak(fromAgent, overBrowser(b, media.G722)) })
	both.Wait()
	time.Sleep(200 * time.Millisecond) // for the last packets, which nothing announces
	for _, way := range []struct {
		name string
		sent [][]byte
		at   *ear
	}{{"to the agent", fromCaller, atAgent}, {"to the caller", fromAgent, atCaller}} {
		if n := way.at.count(); n < 49 {
			t.Errorf("%s: %d of 50 packets arrived", way.name, n)
		}
		for i, got := range way.at.got {
			if !bytes.Equal(got, way.sent[i]) {
				t.Fatalf("%s: payload %d was changed", way.name, i)
			}
		}
	}

	decoder, heard := media.NewG722Decoder(), []int16(nil)
	wide.mu.Lock()
	defer wide.mu.Unlock()
	for _, payload := range wide.got {
		samples := make([]int16, 2*len(payload))
		decoder.Decode(samples, payload)
		heard = append(heard, samples...)
	}
	wantWideTone(t, "the agent", heard, 5000)
	wantWideTone(t, "the caller", call.HeardWide(), 6000)
	if len(types) != 1 || !types[9] {
		t.Errorf("the browser was sent payload types %v", types)
	}
}

// wantWideTone looks for a tone in the last second of sound at 16 kHz.
func wantWideTone(t *testing.T, who string, samples []int16, hz float64) {
	t.Helper()
	if len(samples) < 16000 {
		t.Fatalf("%s heard %d samples", who, len(samples))
	}
	// The end of the second, without what came behind the tone.
	samples = samples[len(samples)-14000 : len(samples)-6000]
	if got, share := media.DominantToneAt(samples, 16000); math.Abs(got-hz) > 5 || share < 0.9 {
		t.Errorf("%s heard %.1f Hz, share %.2f, want %v Hz", who, got, share, hz)
	}
}

func TestBrowserThatSendsAnotherCodecIsHeardInG722(t *testing.T) {
	c := start(t)
	page := c.visit("alice", "tab-1")
	b := page.Ready(c.browsers, browser.Options{})
	call := c.dial("2", newEar(), media.G722)
	page.Answer()
	sound := make([]byte, 8000)
	media.EncodeALaw(sound, media.Tone(1000, time.Second, 0.3))
	speak(slices.Collect(slices.Chunk(sound, media.FrameSamples)), overBrowser(b, media.PCMA))
	time.Sleep(200 * time.Millisecond)
	wantWideTone(t, "the caller", call.HeardWide(), 1000)
}
