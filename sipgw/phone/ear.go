package phone

import (
	"slices"
	"sync"
	"time"

	"github.com/carillon-cc/carillon/media"
)

// ear keeps what was heard, decoded, in the order of its timestamps.
type ear struct {
	mu      sync.Mutex
	most    int     // samples to keep
	samples []int16 // at 8 kHz
	wide    []int16 // at 16 kHz, what came in G.722
	source  media.Source
	next    uint32 // the timestamp that continues samples

	narrowDecoder *media.G722NarrowDecoder // nil before the first G.722
	wideDecoder   *media.G722Decoder
}

// keep says how much is kept from now on.
func (e *ear) keep(d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.most = int(d * 8000 / time.Second)
}

// hear adds a packet. What was lost becomes silence, up to a second of it.
func (e *ear) hear(p *media.Packet) {
	if !p.Codec.G711() && p.Codec != media.G722 || len(p.Payload) == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.most == 0 {
		return
	}
	gap := int32(p.Timestamp - e.next)
	silence := int32(0)
	switch {
	case p.Source != e.source || gap > 8000 || gap < -8000:
		e.source = p.Source
	case gap < 0:
		return // too late to be heard
	case gap > 0:
		silence = gap
	}
	e.next = p.Timestamp + uint32(len(p.Payload))
	var place []int16
	e.samples, place = extend(e.samples, int(silence), len(p.Payload), e.most)
	switch p.Codec {
	case media.PCMA:
		media.DecodeALaw(place, p.Payload)
	case media.PCMU:
		media.DecodeMuLaw(place, p.Payload)
	default:
		if e.wideDecoder == nil {
			e.narrowDecoder, e.wideDecoder = media.NewG722NarrowDecoder(), media.NewG722Decoder()
		}
		e.narrowDecoder.Decode(place, p.Payload)
		e.wide, place = extend(e.wide, 2*int(silence), 2*len(p.Payload), 2*e.most)
		e.wideDecoder.Decode(place, p.Payload)
	}
}

// extend adds silence and room for n samples, of which at least the last most
// stay. Moving once for every doubling costs little per packet.
func extend(samples []int16, silence, n, most int) (longer, room []int16) {
	if len(samples) > 2*most {
		samples = append(samples[:0], samples[len(samples)-most:]...)
	}
	samples = append(samples, make([]int16, silence+n)...)
	return samples, samples[len(samples)-n:]
}

// heard is a copy of the last samples.
func (e *ear) heard() []int16 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.samples[max(0, len(e.samples)-e.most):])
}

// heardWide is a copy of the last samples at 16 kHz.
func (e *ear) heardWide() []int16 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.wide[max(0, len(e.wide)-2*e.most):])
}
