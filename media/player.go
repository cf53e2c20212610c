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

// Player sends a prompt to one target, a frame each time the pacer ticks.
type Player struct {
	pacer  *Pacer
	prompt *Prompt
	to     PlayTarget
	loop   bool
	done   func()

	stopped atomic.Bool
	packet  Packet // the pacer's goroutine only, as is all below
	frame   int
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
	player.packet = Packet{Source: NewSource(), Marker: true}
	pacer.Add(player)
	return player
}

// Tick is for the pacer.
func (p *Player) Tick(now time.Duration) (more bool) {
	if p.stopped.Load() {
		return false
	}
	if p.frame >= p.prompt.Frames() {
		if !p.loop || p.prompt.Frames() == 0 {
			// Stop and the end may meet: only one of them takes place.
			if p.stopped.CompareAndSwap(false, true) && p.done != nil {
				p.done()
			}
			return false
		}
		p.frame = 0
	}
	p.packet.Codec = p.prompt.ready(p.to.Codec())
	p.packet.Payload = p.prompt.Frame(p.packet.Codec, p.frame)
	p.packet.Arrived = now
	p.to.WritePacket(&p.packet)
	p.packet.Marker = false
	p.packet.Sequence++
	p.packet.Timestamp += FrameSamples
	p.frame++
	return true
}

// Stop ends the playing without a call of done. After it has returned no
// further packet is begun; one that is under way may still go out. It may be
// called more than once, from any goroutine.
func (p *Player) Stop() {
	if p.stopped.CompareAndSwap(false, true) {
		p.pacer.Remove(p)
	}
}
