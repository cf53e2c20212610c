package sipp

import (
	"cmp"
	"encoding/binary"
	"math"
	"os"
	"time"

	"github.com/carillon-cc/carillon/media"
)

// keys makes the capture that SIPp plays: sound with keys in it.
type keys struct {
	frames   []byte
	at       time.Duration
	sequence uint16
	time     uint32
	each     time.Duration // of a packet; 0 is 20 ms
}

const (
	packetTime   = 20 * time.Millisecond
	payloadALaw  = 8
	payloadNoise = 13
	payloadKeys  = 101
)

// packetTime is how long a packet is, and size how many samples of 8 kHz it has.
func (k *keys) packetTime() time.Duration { return cmp.Or(k.each, packetTime) }
func (k *keys) size() int                 { return int(k.packetTime() / time.Millisecond * 8) }

// quiet is silence, in packets of A-law.
func (k *keys) quiet(d time.Duration) {
	silence := make([]byte, k.size())
	for i := range silence {
		silence[i] = media.Silence(media.PCMA)
	}
	for range d / k.packetTime() {
		k.packet(payloadALaw, false, k.time, silence)
		k.next()
	}
}

// marked is sound of a payload type, no packet of which is like another: patternOf
// tells what is in it.
func (k *keys) marked(kind byte, d time.Duration) {
	for i := range int(d / k.packetTime()) {
		k.packet(kind, false, k.time, patternOf(i, k.size()))
		k.next()
	}
}

// patternOf is what the packet with a number has in it: the number, and bytes of
// all values.
func patternOf(number, size int) []byte {
	sound := make([]byte, size)
	for i := range sound {
		sound[i] = byte(i*7 + number)
	}
	binary.BigEndian.PutUint16(sound, uint16(number))
	return sound
}

// noise is comfort noise (RFC 3389): a packet that says how loud, five times a
// second.
func (k *keys) noise(d time.Duration) {
	for range d / (200 * time.Millisecond) {
		k.packet(payloadNoise, false, k.time, []byte{60})
		k.pause(200 * time.Millisecond)
	}
}

// pause lets time pass.
func (k *keys) pause(d time.Duration) {
	k.at += d
	k.time += uint32(d / time.Millisecond * 8)
}

// pressed says how a key is told by RFC 4733.
type pressed struct {
	packets  int // while the key is held; 20 ms each
	ends     int // packets with the end bit
	unmarked bool
	doubled  bool // each packet comes twice
}

// event presses a key by RFC 4733.
func (k *keys) event(code byte, p pressed) {
	begin := k.time
	for i := range p.packets + p.ends {
		payload := []byte{code, 10, 0, 0}
		held := min(i+1, p.packets)
		if i >= p.packets {
			payload[1] |= 0x80
		}
		binary.BigEndian.PutUint16(payload[2:], uint16(held*k.size()))
		k.packet(payloadKeys, i == 0 && !p.unmarked, begin, payload)
		if p.doubled {
			k.sequence--
			k.packet(payloadKeys, i == 0 && !p.unmarked, begin, payload)
		}
		k.next()
	}
}

// tone presses a key as its two tones (ITU-T Q.23).
func (k *keys) tone(low, high float64, d time.Duration) {
	phase := 0.0
	for range d / k.packetTime() {
		samples, sound := make([]int16, k.size()), make([]byte, k.size())
		for i := range samples {
			samples[i] = int16(6000*math.Sin(2*math.Pi*low*phase/8000) + 6000*math.Sin(2*math.Pi*high*phase/8000))
			phase++
		}
		media.EncodeALaw(sound, samples)
		k.packet(payloadALaw, false, k.time, sound)
		k.next()
	}
}

func (k *keys) next() { k.pause(k.packetTime()) }

// packet appends one captured frame. SIPp takes addresses and ports from the
// call.
func (k *keys) packet(kind byte, marker bool, timestamp uint32, payload []byte) {
	rtp := []byte{0x80, kind, 0, 0, 0, 0, 0, 0, 0, 0, 0x51, 0x55}
	if marker {
		rtp[1] |= 0x80
	}
	binary.BigEndian.PutUint16(rtp[2:], k.sequence)
	binary.BigEndian.PutUint32(rtp[4:], timestamp)
	k.sequence++
	rtp = append(rtp, payload...)
	head := make([]byte, 16+14+20+8)
	length := uint32(14 + 20 + 8 + len(rtp))
	binary.LittleEndian.PutUint32(head, uint32(k.at/time.Second))
	binary.LittleEndian.PutUint32(head[4:], uint32(k.at%time.Second/time.Microsecond))
	binary.LittleEndian.PutUint32(head[8:], length)
	binary.LittleEndian.PutUint32(head[12:], length)
	binary.BigEndian.PutUint16(head[28:], 0x0800) // IPv4
	head[30] = 0x45
	binary.BigEndian.PutUint16(head[32:], uint16(20+8+len(rtp)))
	head[38], head[39] = 64, 17 // hops, UDP
	copy(head[42:], []byte{127, 0, 0, 1, 127, 0, 0, 1})
	binary.BigEndian.PutUint16(head[50:], 4000)
	binary.BigEndian.PutUint16(head[52:], 4000)
	binary.BigEndian.PutUint16(head[54:], uint16(8+len(rtp)))
	k.frames = append(append(k.frames, head...), rtp...)
}

func (k *keys) write(t *trial, path string) {
	t.Helper()
	head := make([]byte, 24)
	binary.LittleEndian.PutUint32(head, 0xa1b2c3d4)
	binary.LittleEndian.PutUint16(head[4:], 2)
	binary.LittleEndian.PutUint16(head[6:], 4)
	binary.LittleEndian.PutUint32(head[16:], 65535)
	binary.LittleEndian.PutUint32(head[20:], 1) // Ethernet
	if err := os.WriteFile(path, append(head, k.frames...), 0o600); err != nil {
		t.Fatal(err)
	}
}
