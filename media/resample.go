package media

import "math"

// halfBandTaps is the number of coefficients of the half-band filter that are
// neither zero nor the middle one. With 24 the sound up to 3.4 kHz passes whole,
// and from 4.6 kHz on less than a thousandth does.
const halfBandTaps = 24

// halfBand is the first half of those coefficients, times 16384; the second one
// mirrors it. The sum of all is 16384 but for rounding.
var halfBand = func() (h [halfBandTaps / 2]int32) {
	// A sinc under a Kaiser window.
	const beta = 5.5
	for i := range h {
		at := float64(i) - (halfBandTaps-1)/2.0 // in samples at 8 kHz, from the middle
		edge := 2 * at / halfBandTaps
		window := bessel(beta*math.Sqrt(1-edge*edge)) / bessel(beta)
		h[i] = int32(math.Round(16384 * window * math.Sin(math.Pi*at) / (math.Pi * at)))
	}
	return h
}()

// bessel is the modified Bessel function of the first kind and order zero.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; k < 30; k++ {
		term *= x * x / (4 * k * k)
		sum += term
	}
	return sum
}

// halfway is the value in the middle of samples, times 16384.
func halfway(samples *[halfBandTaps]int16) int32 {
	sum := int32(0)
	for j, h := range &halfBand {
		sum += (int32(samples[j]) + int32(samples[halfBandTaps-1-j])) * h
	}
	return sum
}

// doubler makes sound at 16 kHz of one stream of sound at 8 kHz.
type doubler struct {
	history [halfBandTaps]int16
}

// double takes samples at 8 kHz and fills dst, which must be twice as long.
func (d *doubler) double(dst, src []int16) {
	dst = dst[:2*len(src)]
	h := &d.history
	for i, s := range src {
		copy(h[:], h[1:])
		h[halfBandTaps-1] = s
		dst[2*i] = h[halfBandTaps/2-1]
		dst[2*i+1] = int16(saturate((halfway(h) + 1<<13) >> 14))
	}
}

// halver makes sound at 8 kHz of one stream of sound at 16 kHz.
type halver struct {
	odd  [halfBandTaps]int16
	even [halfBandTaps / 2]int16 // the oldest lies in the middle of odd
}

// halve takes samples at 16 kHz and fills dst, which must be half as long.
func (d *halver) halve(dst, src []int16) {
	src = src[:2*len(dst)]
	for i := range dst {
		copy(d.even[:], d.even[1:])
		copy(d.odd[:], d.odd[1:])
		d.even[len(d.even)-1], d.odd[halfBandTaps-1] = src[2*i], src[2*i+1]
		dst[i] = int16(saturate((halfway(&d.odd) + int32(d.even[0])<<14 + 1<<14) >> 15))
	}
}
