package media

// Converter turns the sound of an output's sources into another encoding, where
// negotiation left two parties without a common one: the laws of G.711 into each
// other by a table, G.711 and G.722 by decoding and encoding, which have a state
// that belongs to one source. What a source lost or reordered does it no lasting
// harm. The zero value is ready to use; it is not safe for concurrent use.
type Converter struct {
	wide *wideConverter // made when it is first needed, once for an output
}

// wideConverter has one end in G.722.
type wideConverter struct {
	source  Source
	from    Codec
	encoder G722NarrowEncoder
	decoder G722NarrowDecoder
	samples [FrameSamples]int16
}

// Convert writes src, sound of source that came as from, into dst in the
// encoding to, both of them PCMA, PCMU or G722. dst must be as long; they may be
// the same slice.
func (c *Converter) Convert(dst, src []byte, source Source, from, to Codec) {
	if from == to || from.G711() && to.G711() {
		translateG711(dst, src, from, to)
		return
	}
	if c.wide == nil {
		c.wide = &wideConverter{encoder: *NewG722NarrowEncoder()}
	}
	c.wide.convert(dst, src, source, from, to)
}

func (w *wideConverter) convert(dst, src []byte, source Source, from, to Codec) {
	if w.source != source || w.from != from {
		w.source, w.from = source, from
		w.decoder.Reset() // but not the encoder: the receiver's decoder goes on too
	}
	for len(src) > 0 {
		n := min(len(src), FrameSamples)
		samples := w.samples[:n]
		switch from {
		case PCMA:
			DecodeALaw(samples, src[:n])
		case PCMU:
			DecodeMuLaw(samples, src[:n])
		default:
			w.decoder.Decode(samples, src[:n])
		}
		switch to {
		case PCMA:
			EncodeALaw(dst, samples)
		case PCMU:
			EncodeMuLaw(dst, samples)
		default:
			w.encoder.Encode(dst, samples)
		}
		dst, src = dst[n:], src[n:]
	}
}
