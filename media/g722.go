package media

// G.722 at 64 kbit/s (ITU-T G.722): 16 kHz sound is split into two bands of 8
// kHz, each coded by ADPCM: six bits for the lower band, two for the upper one.
// Two samples make a byte. Names of variables follow the Recommendation's
// section 6 where it has them.

// g722Taps is the length of the quadrature mirror filter, in samples at 16 kHz.
const g722Taps = 24

// g722Filter is the filter's impulse response (table 11), times 8192. The even
// and the odd coefficients work on different samples.
var g722Filter = [g722Taps]int32{
	3, -11, -11, 53, 12, -156, 32, 362, -210, -805, 951, 3876,
	3876, 951, -805, -210, 362, 32, -156, 12, 53, -11, -11, 3,
}

// The quantizer of the lower band: decision levels (table 14, Q6), in units of
// the step size, and the codes of the intervals for either sign.
var (
	g722Levels = [...]int32{
		35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714,
		786, 858, 940, 1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
	}
	g722Negative = [...]uint8{
		63, 62, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19,
		18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4,
	}
	g722Positive = [...]uint8{
		61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47,
		46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32,
	}
)

// g722Most is the highest of the levels.
const g722Most = 2919

// g722Intervals finds the interval of a difference in units of the step size,
// rounded up: how many levels lie below it.
var g722Intervals = func() (intervals [g722Most + 1]uint8) {
	for i := range intervals {
		for _, level := range g722Levels {
			if level < int32(i) {
				intervals[i]++
			}
		}
	}
	return intervals
}()

// g722UpperLevel is the one decision level of the upper band's magnitude.
const g722UpperLevel = 564

// What a code stands for, in units of the step size times 32768: with six bits,
// with the four that drive the lower band's prediction, and with the upper
// band's two (tables 16 to 18).
var (
	g722Six = [64]int32{
		-136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
		-7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040, -728,
		24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
		4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
	}
	g722Four = [16]int32{
		0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0,
	}
	g722Two = [4]int32{-7408, -1616, 7408, 1616}
)

// How a code moves the logarithm of the step size.
var (
	g722LowerSteps = [16]int32{-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60}
	g722UpperSteps = [4]int32{798, -214, 798, -214}
)

// The largest logarithms of the bands' step sizes.
const (
	g722LowerMost = 18432
	g722UpperMost = 22528
)

// g722Powers is 2048 times two to the power of n/32 (table 15).
var g722Powers = [32]int32{
	2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
	2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
}

// g722Band is the state of one band, the same in encoder and decoder: the step
// size and a predictor with two poles and six zeros, all adapted by the codes.
type g722Band struct {
	logStep int32    // nb
	step    int32    // det
	s, sz   int32    // the prediction, and the zeros' part of it
	r       [2]int32 // reconstructed signal before, newest first
	p       [2]int32 // the same without the poles' part
	a       [2]int32 // poles
	d       [6]int32 // quantized differences before, doubled, newest first
	b       [6]int32 // zeros
}

func newG722Lower() g722Band { return g722Band{step: 32} }
func newG722Upper() g722Band { return g722Band{step: 8} }

func saturate(v int32) int32 { return min(max(v, -32768), 32767) }

// adaptLower moves on by a code of the lower band, of which four bits count.
func (b *g722Band) adaptLower(code uint8) {
	d := b.step * g722Four[code>>2] >> 15
	b.scale(g722LowerSteps[code>>2], g722LowerMost, 8)
	b.predict(d)
}

// adaptUpper moves on by a code of the upper band, whose difference is d.
func (b *g722Band) adaptUpper(code uint8, d int32) {
	b.scale(g722UpperSteps[code], g722UpperMost, 10)
	b.predict(d)
}

// scale adapts the step size (blocks 3L and 3H).
func (b *g722Band) scale(by, most, shift int32) {
	b.logStep = min(max(b.logStep*127>>7+by, 0), most)
	power := g722Powers[b.logStep>>6&31]
	if down := shift - b.logStep>>11; down >= 0 {
		b.step = power >> down << 2
	} else {
		b.step = power << -down << 2
	}
}

// predict takes a difference, adapts the predictor and makes the next
// prediction (blocks 4L and 4H).
func (b *g722Band) predict(d int32) {
	r := saturate(b.s + d)
	p := saturate(b.sz + d)

	// The poles: leaky, moved by the signs of p, held where they are stable.
	step := saturate(b.a[0] << 2)
	if p^b.p[0] >= 0 {
		step = min(-step, 32767)
	}
	a2 := step>>7 + b.a[1]*32512>>15
	if p^b.p[1] >= 0 {
		a2 += 128
	} else {
		a2 -= 128
	}
	a2 = min(max(a2, -12288), 12288)
	a1 := b.a[0] * 32640 >> 15
	if p^b.p[0] >= 0 {
		a1 += 192
	} else {
		a1 -= 192
	}
	limit := 15360 - a2
	a1 = min(max(a1, -limit), limit)

	// The zeros, and their part of the prediction.
	gain := int32(128)
	if d == 0 {
		gain = 0
	}
	sz := int32(0)
	newer := saturate(2 * d)
	for i := range b.b {
		old := b.d[i]
		unlike := (d ^ old) >> 31 // all ones if the signs differ: no branch to guess
		zero := b.b[i]*32640>>15 + (gain ^ unlike - unlike)
		b.b[i] = zero
		sz += zero * newer >> 15
		b.d[i], newer = newer, old
	}

	sp := a1*saturate(2*r)>>15 + a2*saturate(2*b.r[0])>>15
	b.a = [2]int32{a1, a2}
	b.r = [2]int32{r, b.r[0]}
	b.p = [2]int32{p, b.p[0]}
	b.sz = saturate(sz)
	b.s = saturate(saturate(sp) + b.sz)
}
