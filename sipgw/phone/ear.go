package phone

import (
	"sync"

	"github.com/carillon-cc/carillon/media"
)

// ear keeps what was heard, decoded, in the order of its timestamps.
type ear struct {
	most int // samples to keep

	mu      sync.Mutex
	samples []int16
	source  media.Source
	next    uint32 // the timestamp that continues samples
}

// hear adds a packet. What was lost becomes silence, up to a second of it.
func (e *ear) hear(p *media.Packet) {
	if e.most == 0 || !p.Codec.G711() || len(p.Payload) == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	gap := int32(p.Timestamp - e.next)
	switch {
	case p.Source != e.source || gap > 8000 || gap < -8000:
		e.source = p.Source
	case gap < 0:
		return // too late to be heard
	case gap > 0:
		e.samples = append(e.samples, make([]int16, gap)...)
	}
	at := len(e.samples)
	e.samples = append(e.samples, make([]int16, len(p.Payload))...)
	if p.Codec == media.PCMA {
		media.DecodeALaw(e.samples[at:], p.Payload)
	} else {
		media.DecodeMuLaw(e.samples[at:], p.Payload)
	}
	e.next = p.Timestamp + uint32(len(p.Payload))
	// Moving once for every doubling costs little per packet.
	if len(e.samples) > 2*e.most {
		e.samples = append(e.samples[:0], e.samples[len(e.samples)-e.most:]...)
	}
}

// heard is a copy of the last samples.
func (e *ear) heard() []int16 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]int16(nil), e.samples[max(0, len(e.samples)-e.most):]...)
}
