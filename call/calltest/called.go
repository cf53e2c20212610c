// Package calltest has legs made of memory, for tests of what calls do with legs.
package calltest

import (
	"slices"
	"sync"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
)

// Called is a telephone that is called: the test says what it does, and Called
// keeps what it is told and sent. Any goroutine may call its methods.
type Called struct {
	name string

	mu       sync.Mutex
	listener call.Listener
	kept     []call.Event // before the first Listen
	heard    map[media.Source]int
	did      []string
	over     bool
	spoke    bool
	quality  ccs.LegQuality
}

var _ call.CalledLeg = (*Called)(nil)

// NewCalled makes a telephone that does nothing yet.
func NewCalled(name string) *Called {
	return &Called{
		name: name, heard: make(map[media.Source]int),
		quality: ccs.LegQuality{Codec: "PCMA", Received: 100, Sent: 100, MOS: 4.4},
	}
}

// ID is the name.
func (l *Called) ID() string { return l.name }

// Codec is A-law.
func (l *Called) Codec() media.Codec { return media.PCMA }

// Quality is that of a good line.
func (l *Called) Quality() ccs.LegQuality { return l.quality }

// Hangup is kept for Did.
func (l *Called) Hangup(c call.Cause) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over {
		l.over = true
		l.did = append(l.did, "hangup "+c.String())
	}
}

// EverHeard tells whether the telephone has spoken.
func (l *Called) EverHeard() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.spoke
}

// SendDigit is kept for Did.
func (l *Called) SendDigit(digit byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.did = append(l.did, "digit "+string(digit))
}

// WritePacket counts what the telephone hears.
func (l *Called) WritePacket(p *media.Packet) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard[p.Source]++
}

// Listen tells what happened before the first one.
func (l *Called) Listen(to call.Listener) {
	l.mu.Lock()
	l.listener = to
	kept := l.kept
	l.kept = nil
	l.mu.Unlock()
	if to.Events != nil {
		for _, e := range kept {
			to.Events(e)
		}
	}
}

// Tell has the telephone tell an event of its own.
func (l *Called) Tell(e call.Event) {
	l.mu.Lock()
	to := l.listener.Events
	if to == nil && len(l.did) == 0 {
		l.kept = append(l.kept, e)
	}
	l.mu.Unlock()
	if to != nil {
		to(e)
	}
}

// Rings has the telephone ring, with the network's own sound where early.
func (l *Called) Rings(early bool) { l.Tell(call.Ringing{Leg: l, Early: early}) }

// Answers has somebody pick up.
func (l *Called) Answers() { l.Tell(call.Answered{Leg: l}) }

// Leave ends the leg from the telephone's side: as a refusal before the answer, as
// a hang-up after it.
func (l *Called) Leave(c call.Cause) { l.Tell(call.Gone{Leg: l, Cause: c}) }

// Speak has the telephone, or the network before the answer, send n packets.
func (l *Called) Speak(source media.Source, n int) {
	l.mu.Lock()
	to := l.listener.Packets
	l.spoke = true
	l.mu.Unlock()
	if to == nil {
		return
	}
	p := media.Packet{Source: source, Codec: media.PCMA, Payload: make([]byte, media.FrameSamples)}
	for range n {
		to.WritePacket(&p)
		p.Sequence++
		p.Timestamp += media.FrameSamples
	}
}

// Heard is how many packets of a source the telephone was sent.
func (l *Called) Heard(s media.Source) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heard[s]
}

// Did tells whether the telephone was told something, such as "digit 5" or
// "hangup caller/hangup".
func (l *Called) Did(what string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Contains(l.did, what)
}

// Over tells whether the telephone was hung up on.
func (l *Called) Over() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over
}
