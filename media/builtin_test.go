package media

import (
	"math"
	"testing"
	"time"
)

func linear(p *Prompt) []int16 {
	samples := make([]int16, len(p.ALaw()))
	DecodeALaw(samples, p.ALaw())
	return samples
}

func rms(samples []int16) float64 {
	sum := 0.0
	for _, s := range samples {
		sum += float64(s) * float64(s)
	}
	return math.Sqrt(sum / float64(len(samples)))
}

func TestHoldMusicIsPleasantEnough(t *testing.T) {
	p := HoldMusic()
	if p.Duration() < 20*time.Second || p.Duration() > 30*time.Second || p.Frames()*FrameSamples != len(p.ALaw()) {
		t.Errorf("%v, %d frames", p.Duration(), p.Frames())
	}
	samples := linear(p)
	if level := 20 * math.Log10(rms(samples)/math.MaxInt16); level < -21 || level > -19 {
		t.Errorf("level %.1f dBFS", level)
	}
	// Nowhere loud, nowhere silent, and no jump, not even where the loop closes.
	widest := 0
	for i, s := range samples {
		next := samples[(i+1)%len(samples)]
		widest = max(widest, int(math.Abs(float64(next)-float64(s))))
		if s > 20000 || s < -20000 {
			t.Fatalf("sample %d is %d", i, s)
		}
	}
	if seam := math.Abs(float64(samples[0]) - float64(samples[len(samples)-1])); seam > 3000 || widest > 9000 {
		t.Errorf("jump of %v at the seam, %d within", seam, widest)
	}
	for at := 0; at+sampleRate/2 <= len(samples); at += sampleRate / 2 {
		if part := rms(samples[at : at+sampleRate/2]); part < 800 || part > 8000 {
			t.Errorf("level %.0f at %d s", part, at/sampleRate)
		}
	}
}

func TestRingBackAndBeep(t *testing.T) {
	ring := linear(RingBack())
	if RingBack().Duration() != 5*time.Second {
		t.Errorf("ring-back lasts %v", RingBack().Duration())
	}
	if hz, share := DominantTone(ring[:1500*8]); math.Abs(hz-425) > 2 || share < 0.95 {
		t.Errorf("ring-back of %v Hz, %v", hz, share)
	}
	if level := rms(ring[1500*8:]); level > 10 {
		t.Errorf("its pause has level %v", level)
	}
	if hz, _ := DominantTone(linear(Beep())); math.Abs(hz-1000) > 3 || Beep().Duration() != 300*time.Millisecond {
		t.Errorf("beep of %v Hz, %v", hz, Beep().Duration())
	}
}

func BenchmarkHoldMusic(b *testing.B) {
	for b.Loop() {
		HoldMusic()
	}
}
