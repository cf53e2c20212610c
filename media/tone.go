package media

import (
	"math"
	"math/cmplx"
	"time"
)

// sampleRate is that of the sound that Carillon makes, mixes and records, in Hz.
const sampleRate = 8000

// wideRate is that of G.722's sound, in Hz.
const wideRate = 16000

// Tone makes a sine of hz for d at 8 kHz. level is its peak, from 0 to 1 of
// full scale.
func Tone(hz float64, d time.Duration, level float64) []int16 {
	return ToneAt(hz, d, level, sampleRate)
}

// ToneAt is Tone at rate, in Hz.
func ToneAt(hz float64, d time.Duration, level float64, rate int) []int16 {
	samples := make([]int16, int(d*time.Duration(rate)/time.Second))
	for i := range samples {
		samples[i] = int16(math.Round(level * math.MaxInt16 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate))))
	}
	return samples
}

// Goertzel is the share of the power of samples, at 8 kHz, that lies at hz: 1
// for a pure tone of that frequency, near 0 for one far away and for silence.
func Goertzel(samples []int16, hz float64) float64 { return goertzel(samples, hz/sampleRate) }

// goertzel is Goertzel for a frequency in turns a sample.
func goertzel(samples []int16, turns float64) float64 {
	coefficient := 2 * math.Cos(2*math.Pi*turns)
	var s1, s2, total float64
	for _, sample := range samples {
		x := float64(sample)
		total += x * x
		s1, s2 = x+coefficient*s1-s2, s1
	}
	if total == 0 {
		return 0
	}
	power := s1*s1 + s2*s2 - coefficient*s1*s2
	return min(1, 2*power/(total*float64(len(samples))))
}

// DominantTone finds the strongest tone in samples at 8 kHz, to about 1 Hz in
// half a second of sound, and its share of the power, 0 to 1. It returns 0, 0
// for silence.
func DominantTone(samples []int16) (hz, share float64) { return DominantToneAt(samples, sampleRate) }

// DominantToneAt is DominantTone for samples at rate, in Hz.
func DominantToneAt(samples []int16, rate int) (hz, share float64) {
	size := 1
	for size < 2*len(samples) { // zeros behind the sound refine the grid
		size *= 2
	}
	if size < 64 {
		return 0, 0
	}
	spectrum := make([]complex128, size)
	mean := 0.0
	for _, s := range samples {
		mean += float64(s) / float64(len(samples))
	}
	var total float64
	for i, s := range samples {
		x := float64(s) - mean // a constant is no tone
		total += x * x
		hann := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(len(samples)))
		spectrum[i] = complex(x*hann, 0)
	}
	if total < float64(len(samples)) { // less than one step of 16 bits
		return 0, 0
	}
	fft(spectrum)
	peak := 1
	for i := 1; i < size/2; i++ {
		if cmplx.Abs(spectrum[i]) > cmplx.Abs(spectrum[peak]) {
			peak = i
		}
	}
	// A parabola through the logarithms around the peak finds its summit
	// between the points of the grid.
	left, middle, right := magnitude(spectrum[peak-1]), magnitude(spectrum[peak]), magnitude(spectrum[peak+1])
	shift := 0.0
	if bend := left - 2*middle + right; bend < 0 {
		shift = 0.5 * (left - right) / bend
	}
	turns := (float64(peak) + shift) / float64(size)
	return turns * float64(rate), goertzel(samples, turns)
}

func magnitude(c complex128) float64 { return math.Log(cmplx.Abs(c) + 1e-9) }

// fft is the discrete Fourier transform in place; len(x) is a power of two.
func fft(x []complex128) {
	for i, j := 1, 0; i < len(x); i++ {
		bit := len(x) >> 1
		for ; j&bit != 0; bit >>= 1 {
			j ^= bit
		}
		j ^= bit
		if i < j {
			x[i], x[j] = x[j], x[i]
		}
	}
	for size := 2; size <= len(x); size *= 2 {
		turn := cmplx.Rect(1, -2*math.Pi/float64(size))
		for start := 0; start < len(x); start += size {
			w := complex(1, 0)
			for k := start; k < start+size/2; k++ {
				even, odd := x[k], x[k+size/2]*w
				x[k], x[k+size/2] = even+odd, even-odd
				w *= turn
			}
		}
	}
}
