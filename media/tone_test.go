package media

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestDominantToneFindsTones(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, hz := range []float64{200, 425, 440, 697, 1000, 1234.5, 2600, 3400} {
		for _, length := range []time.Duration{100 * time.Millisecond, 500 * time.Millisecond, 3 * time.Second} {
			samples := Tone(hz, length, 0.3)
			for i := range samples { // as a telephone line would have it
				samples[i] = alawToLinear[compressALaw(samples[i]+int16(random.IntN(200)-100))]
			}
			got, share := DominantTone(samples)
			if tolerance := max(1, 0.2/length.Seconds()); math.Abs(got-hz) > tolerance || share < 0.95 {
				t.Errorf("%v Hz for %v: found %.2f Hz with share %.2f", hz, length, got, share)
			}
		}
	}
}

func TestDominantToneOfNoTone(t *testing.T) {
	if hz, share := DominantTone(make([]int16, 8000)); hz != 0 || share != 0 {
		t.Errorf("silence: %v Hz, %v", hz, share)
	}
	if hz, share := DominantTone(nil); hz != 0 || share != 0 {
		t.Errorf("nothing: %v Hz, %v", hz, share)
	}
	noise := make([]int16, 8000)
	for i := range noise {
		noise[i] = int16(rand.IntN(20000) - 10000)
	}
	if _, share := DominantTone(noise); share > 0.1 {
		t.Errorf("noise: share %v", share)
	}
}

func TestGoertzelTellsTwoTonesApart(t *testing.T) {
	samples := Tone(697, 200*time.Millisecond, 0.3)
	for i, s := range Tone(1209, 200*time.Millisecond, 0.3) {
		samples[i] += s
	}
	for hz, want := range map[float64]float64{697: 0.5, 1209: 0.5, 941: 0, 2000: 0} {
		if got := Goertzel(samples, hz); math.Abs(got-want) > 0.02 {
			t.Errorf("%v Hz has %.3f of the power, want %v", hz, got, want)
		}
	}
}

func TestToneHasItsLevel(t *testing.T) {
	peak := int16(0)
	for _, s := range Tone(1000, time.Second, 0.5) {
		peak = max(peak, s)
	}
	if peak < 16380 || peak > 16384 {
		t.Errorf("peak %d", peak)
	}
}
