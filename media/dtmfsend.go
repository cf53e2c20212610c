package media

import (
	"strings"
	"sync"
	"time"
)

// How long keys are sent, and the pause between two of them.
const (
	defaultKeyTime = 100 * time.Millisecond
	maxKeyTime     = 250 * time.Millisecond
	keyPause       = 60 * time.Millisecond
	// endPackets is how often the end of an event is told (RFC 4733 §2.5.1.4).
	endPackets = 3
	// maxKeysWaiting bounds what a client may have us send.
	maxKeysWaiting = 64
)

// DigitSender sends telephone keys through an output as RFC 4733 events, one
// after the other. Other sources of the output are not heard meanwhile, because
// a receiver takes an event to replace the sound. Its methods are safe from any
// goroutine.
type DigitSender struct {
	pacer   *Pacer
	output  *Output
	keyTime time.Duration

	mu      sync.Mutex
	waiting []byte // event codes
	active  bool   // in the pacer, or about to be

	// The rest belongs to the pacer's goroutine.
	packet  Packet
	payload [4]byte
	event   uint8
	begun   time.Duration // when the present event began
	ends    int           // end packets sent of it
	idle    bool          // no event under way
	resume  time.Duration // when the next event or other sound may begin
	first   time.Duration // when the sender's timestamps count from
}

// NewDigitSender returns a sender of keys through output. keyTime is how long a
// key is held, from 40 to 250 ms; 0 means 100 ms.
func NewDigitSender(pacer *Pacer, output *Output, keyTime time.Duration) *DigitSender {
	if keyTime == 0 {
		keyTime = defaultKeyTime
	}
	keyTime = min(max(keyTime, 2*FrameTime), maxKeyTime).Truncate(FrameTime)
	now := Now()
	return &DigitSender{
		pacer: pacer, output: output, keyTime: keyTime, idle: true, first: now, resume: now,
		packet: Packet{Source: NewSource(), Codec: TelephoneEvent},
	}
}

// Send queues a key: one of 0-9 * # A-D. It returns false, and sends nothing,
// when digit is none of them, when the receiver takes no telephone events or
// when too many keys wait already.
func (s *DigitSender) Send(digit byte) bool {
	event := strings.IndexByte(digits, digit)
	if event < 0 || !s.output.Takes(TelephoneEvent) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) >= maxKeysWaiting {
		return false
	}
	s.waiting = append(s.waiting, byte(event))
	s.active = true
	s.pacer.Add(s)
	return true
}

// Stop drops the keys that wait and lets other sources be heard again.
func (s *DigitSender) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting, s.active = nil, false
	s.pacer.Remove(s)
	s.output.reserve(0)
}

// Tick is for the pacer.
func (s *DigitSender) Tick(now time.Duration) (more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.active {
		s.idle = true
		return false
	}
	if s.idle {
		if now < s.resume {
			return true
		}
		if len(s.waiting) == 0 {
			s.active = false
			s.output.reserve(0)
			return false
		}
		s.begin(now)
	}
	s.write(now)
	return true
}

// begin starts the next event: its timestamp is the time of its start in all
// of its packets.
func (s *DigitSender) begin(now time.Duration) {
	s.event, s.waiting = s.waiting[0], s.waiting[1:]
	s.idle, s.ends, s.begun = false, 0, now
	s.packet.Marker = true
	s.packet.Timestamp = uint32((now - s.first) / FrameTime * FrameSamples)
	s.output.reserve(s.packet.Source)
}

func (s *DigitSender) write(now time.Duration) {
	held := min(now-s.begun+FrameTime, s.keyTime)
	end := now-s.begun >= s.keyTime
	duration := uint16(held / time.Millisecond * FrameSamples / 20)
	s.packet.Payload = appendEvent(s.payload[:0], s.event, end, duration)
	s.packet.Arrived = now
	s.output.WritePacket(&s.packet)
	s.packet.Marker = false
	s.packet.Sequence++
	if !end {
		return
	}
	if s.ends++; s.ends == endPackets {
		s.idle, s.resume = true, now+keyPause
	}
}
