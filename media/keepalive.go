package media

import (
	"bytes"
	"time"
)

// keepAliveAfter is how long an output may be quiet before silence is sent.
const keepAliveAfter = 200 * time.Millisecond

// silentFrames are silence in each encoding that has one: a frame of it, or as
// much as the longest packet holds where there is a byte for each sample.
var silentFrames = map[Codec][]byte{
	PCMA: bytes.Repeat([]byte{Silence(PCMA)}, packetSamples(maxPacketTime)),
	PCMU: bytes.Repeat([]byte{Silence(PCMU)}, packetSamples(maxPacketTime)),
	G722: bytes.Repeat([]byte{Silence(G722)}, packetSamples(maxPacketTime)),
	Opus: {0xf8, 0xff, 0xfe}, // 20 ms, full band, nothing in it (RFC 6716 §3.1)
}

// KeepAlive sends silence through an output while no source writes to it. That
// keeps the ways through NAT open, and carriers from ending the call for want
// of sound. It is a Task: add it to the pacer when the output may send, remove
// it at the end.
type KeepAlive struct {
	output *Output
	packet Packet
	due    int // samples of silence that are to be sent
}

// NewKeepAlive returns the keep-alive of o.
func NewKeepAlive(o *Output) *KeepAlive {
	return &KeepAlive{output: o, packet: Packet{Source: NewSource()}}
}

// Tick is for the pacer.
func (k *KeepAlive) Tick(now time.Duration) (more bool) {
	written := time.Duration(k.output.written.Load())
	if now-written <= keepAliveAfter {
		k.due = 0
		return true
	}
	codec := k.output.Codec()
	silence := silentFrames[codec]
	if silence == nil {
		return true
	}
	k.packet.Codec, k.packet.Arrived = codec, now
	if !codec.telephone() {
		k.send(silence, codec.ClockRate()/uint32(time.Second/FrameTime), written)
		return true
	}
	size := packetSamples(k.output.PacketTime())
	for k.due += FrameSamples; k.due > 0; k.due -= size {
		k.send(silence[:size], uint32(size), written)
	}
	return true
}

// send sends silence that lasts so long on the codec's clock.
func (k *KeepAlive) send(silence []byte, lasts uint32, written time.Duration) {
	k.packet.Payload = silence
	k.output.write(&k.packet, written)
	k.packet.Sequence++
	k.packet.Timestamp += lasts
}
