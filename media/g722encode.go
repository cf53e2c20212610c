package media

// G722Encoder encodes one stream of sound in G.722. It allocates nothing and is
// not safe for concurrent use.
type G722Encoder struct {
	lower, upper g722Band
	history      [g722Taps]int32 // the last samples at 16 kHz
}

// NewG722Encoder returns an encoder that has heard nothing yet.
func NewG722Encoder() *G722Encoder {
	return &G722Encoder{lower: newG722Lower(), upper: newG722Upper()}
}

// Encode encodes samples at 16 kHz, two to a byte: src must be twice as long as
// dst.
func (e *G722Encoder) Encode(dst []byte, src []int16) {
	src = src[:2*len(dst)]
	for i := range dst {
		lower, upper := splitBands(&e.history, src[2*i], src[2*i+1])
		dst[i] = e.encodeUpper(upper) | e.encodeLower(lower)
	}
}

// splitBands takes the next two samples into history and gives one sample of
// each band, of 15 bits (the transmit filter, section 5.2.1).
func splitBands(history *[g722Taps]int32, first, second int16) (lower, upper int32) {
	copy(history[:], history[2:])
	history[g722Taps-2], history[g722Taps-1] = int32(first), int32(second)
	var even, odd int32
	for i := 0; i < g722Taps; i += 2 {
		even += history[i] * g722Filter[i]
		odd += history[i+1] * g722Filter[i+1]
	}
	return clip15((even + odd) >> 14), clip15((odd - even) >> 14)
}

// clip15 limits a band's signal to 15 bits.
func clip15(v int32) int32 { return min(max(v, -16384), 16383) }

func (e *G722Encoder) encodeLower(x int32) byte {
	b := &e.lower
	difference := saturate(x - b.s)
	magnitude := difference
	if difference < 0 {
		magnitude = ^difference
	}
	// The first interval with magnitude < level*step>>12, without a search.
	interval := uint8(len(g722Levels))
	if units := ((magnitude+1)<<12 + b.step - 1) / b.step; units <= g722Most {
		interval = g722Intervals[units]
	}
	code := g722Positive[interval]
	if difference < 0 {
		code = g722Negative[interval]
	}
	b.adaptLower(code)
	return code
}

func (e *G722Encoder) encodeUpper(x int32) byte {
	b := &e.upper
	difference := saturate(x - b.s)
	code := uint8(3)
	magnitude := difference
	if difference < 0 {
		code, magnitude = 1, ^difference
	}
	if magnitude >= g722UpperLevel*b.step>>12 {
		code--
	}
	b.adaptUpper(code, b.step*g722Two[code]>>15)
	return code << 6
}
