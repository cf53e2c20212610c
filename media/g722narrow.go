package media

// G722NarrowEncoder encodes one stream of sound at 8 kHz in G.722. It allocates
// nothing and is not safe for concurrent use.
type G722NarrowEncoder struct {
	up      doubler
	encoder G722Encoder
	wide    [2 * FrameSamples]int16
}

// NewG722NarrowEncoder returns an encoder that has heard nothing yet.
func NewG722NarrowEncoder() *G722NarrowEncoder {
	return &G722NarrowEncoder{encoder: *NewG722Encoder()}
}

// Encode encodes samples at 8 kHz, one to a byte: dst must have room for as many
// bytes.
func (e *G722NarrowEncoder) Encode(dst []byte, src []int16) {
	for len(src) > 0 {
		n := min(len(src), FrameSamples)
		e.up.double(e.wide[:2*n], src[:n])
		e.encoder.Encode(dst[:n], e.wide[:2*n])
		dst, src = dst[n:], src[n:]
	}
}

// G722NarrowDecoder decodes one stream of G.722 to sound at 8 kHz. It allocates
// nothing and is not safe for concurrent use.
type G722NarrowDecoder struct {
	down    halver
	decoder G722Decoder
	wide    [2 * FrameSamples]int16
}

// NewG722NarrowDecoder returns a decoder that has heard nothing yet.
func NewG722NarrowDecoder() *G722NarrowDecoder {
	d := &G722NarrowDecoder{}
	d.Reset()
	return d
}

// Reset makes the decoder forget what it has heard, for another stream.
func (d *G722NarrowDecoder) Reset() {
	d.down = halver{}
	d.decoder = G722Decoder{lower: newG722Lower(), upper: newG722Upper()}
}

// Decode decodes to samples at 8 kHz, one from a byte: dst must have room for as
// many samples.
func (d *G722NarrowDecoder) Decode(dst []int16, src []byte) {
	for len(src) > 0 {
		n := min(len(src), FrameSamples)
		d.decoder.Decode(d.wide[:2*n], src[:n])
		d.down.halve(dst[:n], d.wide[:2*n])
		dst, src = dst[n:], src[n:]
	}
}
