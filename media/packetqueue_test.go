package media

import (
	"bytes"
	"runtime"
	"sync"
	"testing"
)

func TestPacketQueueKeepsPacketsWhole(t *testing.T) {
	var (
		q      packetQueue
		p      Packet
		buffer [queueParts * FrameSamples]byte
	)
	for round := range 1000 {
		for _, length := range []int{1, 160, 161, 240, 480, 1280} {
			in := Packet{Source: 3, Codec: PCMU, Sequence: uint16(round), Timestamp: uint32(length), Arrived: 5, Payload: ramp(length)}
			if !q.put(&in) {
				t.Fatalf("round %d: no room for %d bytes", round, length)
			}
		}
		for _, length := range []int{1, 160, 161, 240, 480, 1280} {
			if !q.get(&p, &buffer) || !bytes.Equal(p.Payload, ramp(length)) || p.Sequence != uint16(round) || p.Timestamp != uint32(length) || p.Codec != PCMU {
				t.Fatalf("round %d, %d bytes: got %+v", round, length, p)
			}
		}
		if q.get(&p, &buffer) {
			t.Fatal("a packet from nowhere")
		}
	}
	if q.put(&Packet{}) || q.put(&Packet{Payload: make([]byte, 1281)}) {
		t.Error("empty or too long packets are taken")
	}
}

func TestPacketQueueRefusesWhenFull(t *testing.T) {
	var (
		q      packetQueue
		p      Packet
		buffer [queueParts * FrameSamples]byte
	)
	in := Packet{Payload: ramp(160)}
	for range queueSlots - 1 {
		q.put(&in)
	}
	if q.put(&Packet{Payload: ramp(320)}) {
		t.Error("two slots where there is one")
	}
	if !q.put(&in) || q.put(&in) {
		t.Error("the last slot is not used, or more than that")
	}
	if !q.get(&p, &buffer) || !q.put(&in) || q.put(&in) {
		t.Error("a slot that was read is not free again")
	}
}

func TestPacketQueueOfManyWriters(t *testing.T) {
	const writers, each = 6, 5000
	var (
		q       packetQueue
		running sync.WaitGroup
		done    = make(chan struct{})
	)
	for w := range writers {
		running.Go(func() {
			for i := range each {
				p := Packet{Source: Source(w), Timestamp: uint32(i), Payload: bytes.Repeat([]byte{byte(w)}, 100+w*60)}
				for !q.put(&p) {
					runtime.Gosched()
				}
			}
		})
	}
	go func() { running.Wait(); close(done) }()
	var (
		p      Packet
		buffer [queueParts * FrameSamples]byte
		got    [writers]int
		last   [writers]int
	)
	for ended := false; ; {
		if !q.get(&p, &buffer) {
			if ended {
				break
			}
			select {
			case <-done:
				ended = true
			default:
				runtime.Gosched()
			}
			continue
		}
		w := int(p.Source)
		if !bytes.Equal(p.Payload, bytes.Repeat([]byte{byte(w)}, 100+w*60)) || got[w] > 0 && int(p.Timestamp) <= last[w] {
			t.Fatalf("mixed up: %+v", p)
		}
		got[w]++
		last[w] = int(p.Timestamp)
	}
	for w := range writers {
		if got[w] != each {
			t.Errorf("writer %d: %d packets came of %d", w, got[w], each)
		}
	}
}
