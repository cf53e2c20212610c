package media

import (
	"encoding/binary"
	"math"
	"time"
)

// digits are the telephone keys in the order of their event codes (RFC 4733
// §3.2).
const digits = "0123456789*#ABCD"

// ParseEvent reads the payload of an RFC 4733 telephone-event packet: which
// event, whether it has ended, its duration so far in units of the RTP clock,
// and its volume in -dBm0. ok is false when the payload is too short. Of a
// payload with more than one event it reads the first.
func ParseEvent(payload []byte) (event uint8, end bool, duration uint16, volume uint8, ok bool) {
	if len(payload) < 4 {
		return 0, false, 0, 0, false
	}
	return payload[0], payload[1]&0x80 != 0, binary.BigEndian.Uint16(payload[2:]), payload[1] & 0x3f, true
}

// appendEvent appends the payload of a telephone-event packet to dst, at the
// usual volume of -10 dBm0.
func appendEvent(dst []byte, event uint8, end bool, duration uint16) []byte {
	second := byte(10)
	if end {
		second |= 0x80
	}
	dst = append(dst, event, second)
	return binary.BigEndian.AppendUint16(dst, duration)
}

// eventMemory is how long packets of the digit before may still come. An event
// is sent anew every 50 ms or so, and its end three times.
const eventMemory = 5 * time.Second

// longEvent is the duration from which on an event may go on in another one: its
// sixteen bits are used up (RFC 4733 §2.5.1.3).
const longEvent = 0xff00

// DigitReceiver finds the keys in a stream's telephone-event packets. A key is
// found in any packet of its event, so that it is not lost with the first or
// the last one, and once only. The zero value is ready to use; it is not safe
// for concurrent use.
type DigitReceiver struct {
	source    Source
	timestamp uint32
	event     uint8
	sequence  uint16 // of the newest packet
	duration  uint16 // of the event so far, in units of the RTP clock
	ended     bool
	heard     time.Duration
	any       bool
}

// Receive takes a packet and returns the key that it tells of, one of 0-9 * #
// A-D, and whether it is a new one. The key is 0 when the packet is no telephone
// event, no key, or late.
func (r *DigitReceiver) Receive(p *Packet) (digit byte, fresh bool) {
	if p.Codec != TelephoneEvent {
		return 0, false
	}
	event, end, duration, _, ok := ParseEvent(p.Payload)
	if !ok || int(event) >= len(digits) {
		return 0, false
	}
	again := false
	if r.any && p.Source == r.source && p.Arrived-r.heard < eventMemory {
		late := int16(p.Sequence-r.sequence) < 0
		switch age := int32(p.Timestamp - r.timestamp); {
		case age == 0 && event == r.event:
			r.heard = p.Arrived
			if !late {
				r.sequence, r.duration, r.ended = p.Sequence, duration, end
			}
			return digits[event], false
		case age < 0, age == 0 && late:
			return 0, false // of a key before this one
		case event == r.event && !r.ended && r.duration >= longEvent && age <= math.MaxUint16+1:
			again = true // it goes on (RFC 4733 §2.5.1.3)
		}
	}
	*r = DigitReceiver{p.Source, p.Timestamp, event, p.Sequence, duration, end, p.Arrived, true}
	return digits[event], !again
}
