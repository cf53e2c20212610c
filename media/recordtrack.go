package media

import (
	"math"
	"sync/atomic"
	"time"
)

const (
	// trackSamples is how much sound a track keeps in memory, a power of two: a
	// second, several times what the recorder leaves in it.
	trackSamples = 8192
	// trackSources is how many sources of a track are told apart at a time.
	trackSources = 4
)

// track is one side of a recording. Packets are queued as they come; whoever
// collects them adds them to a stretch of the timeline in memory, from base on,
// where their timestamps put them. Sources that sound at the same time are
// mixed. It is a Sink.
type track struct {
	paused *atomic.Bool
	start  time.Duration
	queue  packetQueue

	lost    atomic.Uint64 // packets that came too late or too fast
	foreign atomic.Uint64 // packets that are neither G.711 nor G.722

	// What follows belongs to the one who collects.
	base    int64 // position of the oldest sample that may still change
	samples [trackSamples]int16
	sources [trackSources]timeline
	turn    uint64
	buffer  [queueParts * FrameSamples]byte
	pcm     [queueParts * FrameSamples]int16
}

// WritePacket queues p. It allocates nothing, never waits and does not touch
// the disk.
func (t *track) WritePacket(p *Packet) {
	switch {
	case p.Codec == TelephoneEvent || len(p.Payload) == 0 || t.paused.Load():
	case !p.Codec.telephone():
		t.foreign.Add(1)
	case !t.queue.put(p):
		t.lost.Add(1)
	}
}

// collect adds what is queued to the timeline.
func (t *track) collect() {
	var p Packet
	for t.queue.get(&p, &t.buffer) {
		line := t.timelineOf(p.Source)
		position, skip, hole, fresh := line.place(&p, samplesOf(p.Arrived-t.start))
		if !fresh {
			continue
		}
		if position+int64(len(p.Payload)) <= t.base || position >= t.base+trackSamples {
			t.lost.Add(1)
			continue
		}
		t.add(position, skip, hole, line.decode(t.pcm[:], &p))
	}
}

// add mixes samples in at position, but the first skip ones. A hole of one
// sample before them is filled with the first.
func (t *track) add(position int64, skip int, hole bool, samples []int16) {
	if hole {
		t.mix(position-1, samples[0])
	}
	for i := skip; i < len(samples); i++ {
		t.mix(position+int64(i), samples[i])
	}
}

func (t *track) mix(position int64, sample int16) {
	if position < t.base || position >= t.base+trackSamples {
		return
	}
	at := &t.samples[position&(trackSamples-1)]
	*at = int16(min(max(int32(*at)+int32(sample), math.MinInt16), math.MaxInt16))
}

// take encodes the oldest n samples into every second byte of dst and forgets
// them.
func (t *track) take(dst []byte, n int, law Codec) {
	for i := range n {
		at := &t.samples[(t.base+int64(i))&(trackSamples-1)]
		if law == PCMU {
			dst[2*i] = compressMuLaw(*at)
		} else {
			dst[2*i] = compressALaw(*at)
		}
		*at = 0
	}
	t.base += int64(n)
}

// timelineOf finds the timeline of a source, or begins one in the place of the
// source that was silent longest.
func (t *track) timelineOf(source Source) *timeline {
	t.turn++
	oldest := &t.sources[0]
	for i := range t.sources {
		line := &t.sources[i]
		if line.source == source {
			line.turn = t.turn
			return line
		}
		if line.turn < oldest.turn {
			oldest = line
		}
	}
	*oldest = timeline{source: source, turn: t.turn}
	return oldest
}
