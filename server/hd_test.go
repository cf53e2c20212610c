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

	// Between marks is what no telephone of 8 kHz hears.
	fromCaller, fromAgent := marked(51), marked(51)
	fromCaller = slices.Insert(fromCaller, 50, wideTone(5000)...)
	fromAgent = slices.Insert(fromAgent, 50, wideTone(6000)...)
	var both sync.WaitGroup
	both.Go(func() { speak(fromCaller, overPhone(call)) })
	both.Go(func() { speak(fromAgent, overBrowser(b, media.G722)) })
	both.Wait()
	for _, way := range []struct {
		name string
		sent [][]byte
		at   *ear
	}{{"the agent", fromCaller, atAgent}, {"the caller", fromAgent, atCaller}} {
		wantHeard(t, way.name, way.at, 51)
		for i, got := range way.at.got {
			if !slices.ContainsFunc(way.sent, func(sent []byte) bool { return bytes.Equal(got, sent) }) {
				t.Fatalf("payload %d to %s was changed", i, way.name)
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
	wantWideTone(t, "the agent", func() []int16 { return heard }, 5000)
	wantWideTone(t, "the caller", call.HeardWide, 6000)
	if len(types) != 1 || !types[9] {
		t.Errorf("the browser was sent payload types %v", types)
	}
}

// wantWideTone waits until half a second of a tone is in what was heard, at 16 kHz.
func wantWideTone(t *testing.T, who string, heard func() []int16, hz float64) {
	t.Helper()
	best, share := 0.0, 0.0
	for limit := time.Now().Add(5 * time.Second); time.Now().Before(limit); time.Sleep(50 * time.Millisecond) {
		samples := heard()
		for at := 0; at+8000 <= len(samples); at += 1600 {
			got, part := media.DominantToneAt(samples[at:at+8000], 16000)
			if math.Abs(got-hz) <= 5 && part >= 0.9 {
				return
			}
			if part > share {
				best, share = got, part
			}
		}
	}
	t.Errorf("%s heard at most %.1f Hz, share %.2f, want %v Hz", who, best, share, hz)
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
	wantWideTone(t, "the caller", call.HeardWide, 1000)
}
