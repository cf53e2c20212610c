package tts

import (
	"fmt"
	"math"
)

// The filter of Resample: what is above the cutoff is taken away, so that it
// does not come back as false tones below 4 kHz. lobes is the number of zero
// crossings of the sinc on each side; with it the filter falls from the cutoff
// to silence within about 500 Hz.
const (
	cutoff = 3600.0 // Hz
	lobes  = 24
	// maxPhases bounds the table for odd rates; the usual ones need at most
	// 160.
	maxPhases = SampleRate
)

// Resample turns mono sound of another rate, in Hz and from 8000 to 192000,
// into SampleRate, with a windowed-sinc low-pass.
func Resample(in []int16, rate int) ([]int16, error) {
	if rate == SampleRate {
		return append([]int16(nil), in...), nil
	}
	if rate < SampleRate || rate > 192_000 {
		return nil, fmt.Errorf("sound of %d Hz cannot be used", rate)
	}
	// Output sample n lies at n·step/phases of the input; only as many
	// different fractions exist as there are phases, and each has its row of
	// coefficients.
	divisor := gcd(rate, SampleRate)
	step, phases := rate/divisor, SampleRate/divisor
	if phases > maxPhases {
		return nil, fmt.Errorf("sound of %d Hz cannot be used", rate)
	}
	half := int(math.Ceil(lobes * float64(rate) / (2 * cutoff)))
	rows := make([][]float32, phases)
	out := make([]int16, (len(in)*phases+step-1)/step)
	for n := range out {
		at := n * step
		center, phase := at/phases, at%phases
		if rows[phase] == nil {
			rows[phase] = coefficients(float64(phase)/float64(phases), half, rate)
		}
		var sum float32
		for i, c := range rows[phase] {
			if k := center - half + 1 + i; k >= 0 && k < len(in) {
				sum += c * float32(in[k])
			}
		}
		out[n] = clip(float64(sum))
	}
	return out, nil
}

// coefficients is the filter around a point that lies fraction behind an input
// sample: 2·half values, a sinc under a Blackman window, of sum 1.
func coefficients(fraction float64, half, rate int) []float32 {
	row := make([]float64, 2*half)
	sum := 0.0
	for i := range row {
		x := float64(i-half+1) - fraction // distance in input samples
		w := 0.42 + 0.5*math.Cos(math.Pi*x/float64(half)) + 0.08*math.Cos(2*math.Pi*x/float64(half))
		row[i] = w * sinc(2*cutoff/float64(rate)*x)
		sum += row[i]
	}
	out := make([]float32, len(row))
	for i := range row {
		out[i] = float32(row[i] / sum)
	}
	return out
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func clip(v float64) int16 {
	return int16(math.Round(min(max(v, math.MinInt16), math.MaxInt16)))
}
