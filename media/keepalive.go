package media

import (
	"bytes"
	"time"
)

// keepAliveAfter is how long an output may be quiet before silence is sent.
const keepAliveAfter = 200 * time.Millisecond

// silentFrames are one frame of silence in each encoding that has one.
var silentFrames = map[Codec][]byte{
	PCMA: bytes.Repeat([]byte{Silence(PCMA)}, FrameSamples),
	PCMU: bytes.Repeat([]byte{Silence(PCMU)}, FrameSamples),
	G722: bytes.Repeat([]byte{Silence(G722)}, FrameSamples),
	Opus: {0xf8, 0xff, 0xfe}, // 20 ms, full band, nothing in it (RFC 6716 §3.1)
}

// KeepAlive sends silence through an output while no source writes to it. That
// keeps the ways through NAT open, and carriers from ending the call for want
// of sound. It is a Task: add it to the pacer when the output may send, remove
// it at the end.
type KeepAlive struct {
	output *Output
	packet Packet
}

// NewKeepAlive returns the keep-alive of o.
func NewKeepAlive(o *Output) *KeepAlive {
	return &KeepAlive{output: o, packet: Packet{Source: NewSource()}}
}

// Tick is for the pacer.
func (k *KeepAlive) Tick(now time.Duration) (more bool) {
	written := time.Duration(k.output.written.Load())
	if now-written <= keepAliveAfter {
		return true
	}
	codec := k.output.Codec()
	k.packet.Codec, k.packet.Payload, k.packet.Arrived = codec, silentFrames[codec], now
	if k.packet.Payload != nil {
		k.output.write(&k.packet, written)
		k.packet.Sequence++
		k.packet.Timestamp += codec.ClockRate() / uint32(time.Second/FrameTime)
	}
	return true
}
