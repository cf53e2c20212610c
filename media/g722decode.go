package media

// G722Decoder decodes one stream of G.722. Sound that is lost does it no lasting
// harm. It allocates nothing and is not safe for concurrent use.
type G722Decoder struct {
	lower, upper g722Band
	history      [g722Taps]int32 // sums and differences of the bands
}

// NewG722Decoder returns a decoder that has heard nothing yet.
func NewG722Decoder() *G722Decoder {
	return &G722Decoder{lower: newG722Lower(), upper: newG722Upper()}
}

// Decode decodes to samples at 16 kHz, two from a byte: dst must have room for
// twice as many samples as src has bytes.
func (d *G722Decoder) Decode(dst []int16, src []byte) {
	dst = dst[:2*len(src)]
	h := &d.history
	for i, code := range src {
		lower, upper := d.decodeLower(code), d.decodeUpper(code>>6)
		copy(h[:], h[2:])
		h[g722Taps-2], h[g722Taps-1] = lower+upper, lower-upper
		// The receive filter (section 5.2.2).
		var even, odd int32
		for j := 0; j < g722Taps; j += 2 {
			even += h[j] * g722Filter[j]
			odd += h[j+1] * g722Filter[j+1]
		}
		dst[2*i], dst[2*i+1] = int16(saturate(odd>>11)), int16(saturate(even>>11))
	}
}

func (d *G722Decoder) decodeLower(code uint8) int32 {
	b := &d.lower
	code &= 63
	x := clip15(b.s + b.step*g722Six[code]>>15)
	b.adaptLower(code)
	return x
}

func (d *G722Decoder) decodeUpper(code uint8) int32 {
	b := &d.upper
	difference := b.step * g722Two[code] >> 15
	x := clip15(b.s + difference)
	b.adaptUpper(code, difference)
	return x
}
