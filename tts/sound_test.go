package tts

import (
	"math"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/media"
)

// tone is a sine of peak 0.5 at some rate.
func tone(hz float64, rate int, d time.Duration) []int16 {
	out := make([]int16, int(d.Seconds()*float64(rate)))
	for i := range out {
		out[i] = int16(math.Round(16384 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate))))
	}
	return out
}

// power is that of the middle of a sound, away from where it begins and ends.
func power(samples []int16) float64 {
	sum := 0.0
	middle := samples[len(samples)/4 : len(samples)*3/4]
	for _, s := range middle {
		sum += float64(s) * float64(s)
	}
	return sum / float64(len(middle))
}

func TestResampleKeepsTonesAndTakesAwayWhatIsTooHigh(t *testing.T) {
	for _, rate := range []int{11025, 16000, 22050, 24000, 44100, 48000} {
		for _, hz := range []float64{200, 1000, 3300, 4300, 5000, 7000} {
			if hz >= float64(rate)/2 {
				continue
			}
			in := tone(hz, rate, time.Second)
			out, err := Resample(in, rate)
			if err != nil {
				t.Fatal(err)
			}
			if len(out) != SampleRate {
				t.Errorf("%d Hz: a second became %d samples", rate, len(out))
			}
			change := 10 * math.Log10(power(out)/power(in)+1e-12)
			if hz < 3400 {
				if math.Abs(change) > 0.5 {
					t.Errorf("%d Hz: a tone of %v Hz changes by %.1f dB", rate, hz, change)
				}
				if got, _ := media.DominantTone(out); math.Abs(got-hz) > 3 {
					t.Errorf("%d Hz: a tone of %v Hz becomes one of %.1f Hz", rate, hz, got)
				}
			} else if change > -50 {
				t.Errorf("%d Hz: a tone of %v Hz is only %.1f dB weaker", rate, hz, -change)
			}
		}
	}
}

func TestResampleBounds(t *testing.T) {
	for _, rate := range []int{0, -1, 7999, 192_001} {
		if _, err := Resample([]int16{1}, rate); err == nil {
			t.Errorf("%d Hz is taken", rate)
		}
	}
	for _, rate := range []int{8000, 8001, 22050, 191_999} {
		for _, n := range []int{0, 1, 2} {
			if _, err := Resample(make([]int16, n), rate); err != nil {
				t.Errorf("%d samples of %d Hz: %v", n, rate, err)
			}
		}
	}
	loud := make([]int16, 22050)
	for i := range loud {
		loud[i] = math.MaxInt16
		if i/25%2 == 0 {
			loud[i] = math.MinInt16
		}
	}
	out, _ := Resample(loud, 22050)
	// In the middle of each half wave the sign is that of the input, unless an
	// overshoot wrapped around.
	for middle := 12; middle < len(loud); middle += 25 {
		if got := out[middle*SampleRate/22050]; (got > 0) != (loud[middle] > 0) {
			t.Fatalf("input %d became %d", loud[middle], got)
		}
	}
}

func TestLevelMakesPromptsEquallyLoud(t *testing.T) {
	want := 0.0
	for _, gain := range []int16{1, 4, 30} {
		samples := tone(300, SampleRate, time.Second)
		for i := range samples {
			samples[i] /= gain
		}
		// A long pause must not make the rest louder.
		samples = append(samples, make([]int16, int(gain)*SampleRate)...)
		Level(samples)
		got := 10 * math.Log10(power(append([]int16(nil), samples[:SampleRate]...)))
		if want == 0 {
			want = got
		}
		if math.Abs(got-want) > 0.5 {
			t.Errorf("divided by %d: %.1f dB instead of %.1f", gain, got, want)
		}
	}
	peaky := make([]int16, SampleRate)
	for i := 0; i < len(peaky); i += 100 {
		peaky[i] = 3000
	}
	Level(peaky)
	if peak := loudest(peaky); peak > peakLevel+1 {
		t.Errorf("the loudest sample is %v, above the ceiling", peak)
	}
	silence := make([]int16, 1000)
	Level(silence)
	Level(nil)
	if loudest(silence) != 0 {
		t.Error("silence did not stay silent")
	}
}
