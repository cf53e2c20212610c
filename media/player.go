package media

import (
	"sync/atomic"
	"time"
)

// PlayTarget is what a Player plays to: a leg. Codec may change while it plays.
type PlayTarget interface {
	Sink
	Codec() Codec
}

// PacketTimer is a PlayTarget that knows how much sound its party wants in a
// packet: 10 to 60 ms. Others get FrameTime.
type PacketTimer interface {
	PacketTime() time.Duration
}

// Player sends a prompt to one target, as fast as it sounds.
type Player struct {
	pacer  *Pacer
	prompt *Prompt
	to     PlayTarget
	timer  PacketTimer // of to; nil when it is none
	loop   bool
	done   func()

	stopped atomic.Bool
	packet  Packet // the pacer's goroutine only, as is all below
	sent    int    // samples
	clock   int    // samples that should have been heard at the next tick
}

// Play starts to play p to to within one FrameTime: once, or for ever when loop
// is set. When the prompt has run out, done is called once, in the pacer's
// goroutine, one FrameTime after the last frame went out; it must not block and
// may be nil. It is not called after Stop.
//
// The sound goes out in the target's encoding if that is of telephones; to a
// target of any other codec it goes out in A-law. So it does when the target
// changes to G.722 while it plays: the target may convert it.
func Play(pacer *Pacer, p *Prompt, to PlayTarget, loop bool, done func()) *Player {
	p.Prepare(to.Codec()) // here rather than in the pacer's time
	player := &Player{pacer: pacer, prompt: p, to: to, loop: loop, done: done}
	player.timer, _ = to.(PacketTimer)
	player.packet = Packet{Source: NewSource(), Marker: true}
	pacer.Add(player)
	return player
}

// Tick is for the pacer.
func (p *Player) Tick(now time.Duration) (more bool) {
	if p.stopped.Load() {
		return false
	}
	whole := p.prompt.Frames() * FrameSamples
	if p.sent == whole && p.clock >= whole {
		if !p.loop || whole == 0 {
			// Stop and the end may meet: only one of them takes place.
			if p.stopped.CompareAndSwap(false, true) && p.done != nil {
				p.done()
			}
			return false
		}
		p.sent, p.clock = 0, 0
	}
	size := FrameSamples
	if p.timer != nil {
		size = packetSamples(p.timer.PacketTime())
	}
	for p.clock += FrameSamples; p.sent < min(p.clock, whole); {
		p.send(now, min(size, whole-p.sent))
	}
	return true
}

// send sends the next n samples.
func (p *Player) send(now time.Duration, n int) {
	p.packet.Codec = p.prompt.ready(p.to.Codec())
	p.packet.Payload = p.prompt.part(p.packet.Codec, p.sent, p.sent+n)
	p.packet.Arrived = now
	p.to.WritePacket(&p.packet)
	p.packet.Marker = false
	p.packet.Sequence++
	p.packet.Timestamp += uint32(n)
	p.sent += n
}

// Bounds of how much sound is put into a packet.
const (
	minPacketTime = 10 * time.Millisecond
	maxPacketTime = 60 * time.Millisecond
)

// packetSamples is how many samples at 8 kHz are put into a packet for a party
// that wants d of sound in it: whole tens of ms.
func packetSamples(d time.Duration) int {
	if d == 0 {
		return FrameSamples
	}
	return int(min(max(d, minPacketTime), maxPacketTime)/minPacketTime) * (FrameSamples / 2)
}

// Stop ends the playing without a call of done. After it has returned no
// further packet is begun; one that is under way may still go out. It may be
// called more than once, from any goroutine.
func (p *Player) Stop() {
	if p.stopped.CompareAndSwap(false, true) {
		p.pacer.Remove(p)
	}
}
