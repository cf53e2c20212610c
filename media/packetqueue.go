package media

import "sync/atomic"

const (
	// queueSlots is how many frames a packetQueue holds, a power of two: more
	// than a second of one source.
	queueSlots = 64
	// queueParts is how many slots one packet may take: 160 ms of sound.
	queueParts = 8
)

// packetQueue hands copies of packets from any number of writers, which never
// wait, to one reader. Writers reserve slots by moving tail; each slot's turn
// says whether it is free or filled, so that reader and writers share nothing
// else.
type packetQueue struct {
	tail  atomic.Uint64 // slots reserved so far
	head  uint64        // slots read so far; the reader's
	slots [queueSlots]queueSlot
}

// queueSlot holds a packet, or a further part of the one in the slot before.
type queueSlot struct {
	// turn counts how often the slot was filled and read: twice the number of
	// rounds when it is free, one more when it is filled.
	turn   atomic.Uint64
	parts  uint8 // slots of the packet, in its first slot
	length uint8 // bytes of payload in this slot
	packet Packet
	sound  [FrameSamples]byte
}

// put copies p. It returns false when there is no room, or p is too long.
func (q *packetQueue) put(p *Packet) bool {
	parts := uint64(len(p.Payload)+FrameSamples-1) / FrameSamples
	if parts == 0 || parts > queueParts {
		return false
	}
	var at uint64
	for {
		at = q.tail.Load()
		// Slots become free in order: when the last one is, all are.
		last := at + parts - 1
		turn := q.slots[last%queueSlots].turn.Load()
		if turn < last/queueSlots*2 {
			return false
		}
		if turn == last/queueSlots*2 && q.tail.CompareAndSwap(at, at+parts) {
			break
		} // else another writer was quicker
	}
	for i := range parts {
		slot := &q.slots[(at+i)%queueSlots]
		slot.parts = uint8(parts)
		slot.length = uint8(copy(slot.sound[:], p.Payload[i*FrameSamples:]))
		slot.packet = *p
		slot.packet.Payload = nil // it belongs to the writer
		slot.turn.Store((at+i)/queueSlots*2 + 1)
	}
	return true
}

// get copies the oldest packet into p, its payload to buffer, and returns false
// when there is none that is complete.
func (q *packetQueue) get(p *Packet, buffer *[queueParts * FrameSamples]byte) bool {
	first := &q.slots[q.head%queueSlots]
	if first.turn.Load() != q.head/queueSlots*2+1 {
		return false
	}
	parts := uint64(first.parts)
	for i := q.head; i < q.head+parts; i++ {
		if q.slots[i%queueSlots].turn.Load() != i/queueSlots*2+1 {
			return false
		}
	}
	*p = first.packet
	length := 0
	for range parts {
		slot := &q.slots[q.head%queueSlots]
		length += copy(buffer[length:], slot.sound[:slot.length])
		slot.turn.Store(q.head/queueSlots*2 + 2)
		q.head++
	}
	p.Payload = buffer[:length]
	return true
}
