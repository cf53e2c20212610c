package tts

import "math"

// What Level aims at, relative to full scale: the level of the speech, and a
// ceiling for its peaks. -20 dB is what a loud and clear telephone voice has.
var (
	speechLevel = math.Pow(10, -20.0/20) * math.MaxInt16
	peakLevel   = math.Pow(10, -2.0/20) * math.MaxInt16
)

// levelFrame is what loudness is measured in: 20 ms at SampleRate.
const levelFrame = SampleRate / 50

// Level brings speech, in place, to the same loudness as all other prompts.
// Pauses do not count: only frames within 30 dB of the loudest one do.
func Level(samples []int16) {
	peak := loudest(samples)
	if peak == 0 {
		return
	}
	var powers []float64
	most := 0.0
	for from := 0; from < len(samples); from += levelFrame {
		frame := samples[from:min(from+levelFrame, len(samples))]
		power := 0.0
		for _, s := range frame {
			power += float64(s) * float64(s)
		}
		power /= float64(len(frame))
		powers = append(powers, power)
		most = max(most, power)
	}
	sum, n := 0.0, 0
	for _, p := range powers {
		if p >= most/1000 {
			sum, n = sum+p, n+1
		}
	}
	gain := min(speechLevel/math.Sqrt(sum/float64(n)), peakLevel/peak)
	for i, s := range samples {
		samples[i] = clip(float64(s) * gain)
	}
}

// loudest is the greatest magnitude of a sample.
func loudest(samples []int16) float64 {
	peak := 0.0
	for _, s := range samples {
		peak = max(peak, math.Abs(float64(s)))
	}
	return peak
}
