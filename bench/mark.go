package bench

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/carillon-cc/carillon/media"
)

// Each payload of A-law begins with a mark, which a server that passes sound on
// unchanged passes on too: magic, who sent it, its number, and when it was sent
// in nanoseconds on the clock of media.Now. The rest is the sender's own.
const (
	markMagic    = 0x43617269
	markSender   = 4 // offsets in the payload
	markSequence = 8
	markTime     = 12
	markSize     = 20
)

// silence is a frame in which nothing is heard.
var silence = bytes.Repeat([]byte{media.Silence(media.PCMA)}, media.FrameSamples)

// mediaNow is the clock of all figures.
func mediaNow() time.Duration { return media.Now() }

// voice is what one end of a call says.
type voice struct {
	id       uint32
	header   media.Header
	sequence uint32
	payload  [media.FrameSamples]byte
	send     func(h media.Header, payload []byte) error

	sent   uint64 // in the window
	failed uint64
}

func newVoice(id uint32, send func(media.Header, []byte) error) *voice {
	v := &voice{id: id, send: send, header: media.Header{PayloadType: 8, SSRC: rand.Uint32()}}
	binary.BigEndian.PutUint32(v.payload[:], markMagic)
	binary.BigEndian.PutUint32(v.payload[markSender:], id)
	for i := markSize; i < len(v.payload); i++ {
		v.payload[i] = byte(rand.Uint32())
	}
	return v
}

// say sends the next frame.
func (v *voice) say(w *window) {
	v.sequence++
	v.header.Sequence++
	v.header.Timestamp += media.FrameSamples
	binary.BigEndian.PutUint32(v.payload[markSequence:], v.sequence)
	now := mediaNow()
	binary.BigEndian.PutUint64(v.payload[markTime:], uint64(now))
	if w.contains(now) {
		v.sent++
	}
	if v.send(v.header, v.payload[:]) != nil {
		v.failed++
	}
}

// ear judges what one end of a call hears. It belongs to the generator.
type ear struct {
	peer    *voice        // who is to be heard; nil before that is known
	first   time.Duration // when the peer was heard first; 0 for not yet
	onFirst func()        // is told then
	tally   tally
}

// tally counts the packets that were sent in the window.
type tally struct {
	got       uint64 // distinct packets, unaltered, of the right sender
	duplicate uint64
	filler    uint64 // silence that the server sent of its own
	reordered uint64 // that came after one which was sent later
	stray     uint64 // altered, or of somebody else
	latency   *histogram

	highest uint32
	recent  uint64 // bit n is set when the packet n before the highest came
}

// hear takes a packet that reached the machine at a time.
func (e *ear) hear(payload []byte, at time.Duration, w *window) {
	marked := len(payload) == media.FrameSamples && binary.BigEndian.Uint32(payload) == markMagic
	switch {
	case marked:
	case !w.contains(at): // music, before the call is put through
		return
	case bytes.Equal(payload, silence): // a server that hears nothing keeps the line alive
		e.tally.filler++
		return
	default:
		e.tally.stray++
		return
	}
	sent := time.Duration(binary.BigEndian.Uint64(payload[markTime:]))
	if e.peer == nil || binary.BigEndian.Uint32(payload[markSender:]) != e.peer.id ||
		!bytes.Equal(payload[markSize:], e.peer.payload[markSize:]) {
		e.tally.stray++ // never right, whenever
		return
	}
	if e.first == 0 {
		e.first = at
		e.onFirst()
	}
	e.tally.count(binary.BigEndian.Uint32(payload[markSequence:]), at-sent, w.contains(sent))
}

func (t *tally) count(sequence uint32, took time.Duration, inWindow bool) {
	var twice, late bool
	switch ahead := int32(sequence - t.highest); {
	case ahead > 0:
		t.recent = t.recent<<uint32(ahead) | 1
		t.highest = sequence
	case ahead > -64:
		bit := uint64(1) << uint32(-ahead)
		twice, late = t.recent&bit != 0, true
		t.recent |= bit
	default:
		late = true
	}
	switch {
	case !inWindow:
		return
	case twice:
		t.duplicate++
		return
	case late:
		t.reordered++
	}
	t.got++
	t.latency.add(took)
}
