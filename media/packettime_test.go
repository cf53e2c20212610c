package media

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// timed is a target that wants so much sound in a packet.
type timed struct {
	sinkCopy
	time time.Duration
}

func (t *timed) PacketTime() time.Duration { return t.time }

func TestPromptsComeInPacketsOfThePartysSize(t *testing.T) {
	const ms = time.Millisecond
	sound := ramp(6 * FrameSamples)
	for wanted, size := range map[time.Duration]int{
		0: 160, 5 * ms: 80, 10 * ms: 80, 15 * ms: 80, 20 * ms: 160, 30 * ms: 240, 40 * ms: 320, 60 * ms: 480, 200 * ms: 480,
	} {
		synctest.Test(t, func(t *testing.T) {
			to := &timed{sinkCopy: sinkCopy{codec: PCMA}, time: wanted}
			player := Play(NewPacer(), NewPrompt(sound), to, false, nil)
			start, ticks := Now(), 0
			for player.Tick(Now()) {
				ticks++
				time.Sleep(FrameTime)
			}
			if ticks != 6 {
				t.Errorf("%v: done after %d frames", wanted, ticks)
			}
			var all []byte
			at := uint32(0)
			for i, p := range to.packets {
				if len(p.Payload) != size && i != len(to.packets)-1 || p.Timestamp != at || p.Sequence != uint16(i) || p.Marker != (i == 0) {
					t.Errorf("%v: packet %d has %d samples at %d", wanted, i, len(p.Payload), p.Timestamp)
				}
				// Never late, and less than a frame early.
				begins := time.Duration(at) * time.Second / sampleRate
				if early := begins - (p.Arrived - start); early < 0 || early >= FrameTime {
					t.Errorf("%v: packet %d is early by %v", wanted, i, early)
				}
				all = append(all, p.Payload...)
				at += uint32(len(p.Payload))
			}
			if !bytes.Equal(all, sound) {
				t.Errorf("%v: other sound came", wanted)
			}
		})
	}
}

func TestSilenceComesInPacketsOfThePartysSize(t *testing.T) {
	for wanted, size := range map[time.Duration]int{0: 160, 10 * time.Millisecond: 80, 30 * time.Millisecond: 240, 60 * time.Millisecond: 480} {
		synctest.Test(t, func(t *testing.T) {
			sent, packets := 0, 0
			o := NewOutput(func(b []byte) {
				if len(b) != HeaderSize+size {
					t.Errorf("%v: %d samples", wanted, len(b)-HeaderSize)
				}
				sent += len(b) - HeaderSize
				packets++
			})
			o.SetCodec(PCMU, 0)
			o.SetPacketTime(wanted)
			k := NewKeepAlive(o)
			time.Sleep(keepAliveAfter)
			for range 60 {
				time.Sleep(FrameTime)
				k.Tick(Now())
			}
			if sent < 60*160-480 || sent > 60*160+480 {
				t.Errorf("%v: %d samples in 1.2 s", wanted, sent)
			}
		})
	}
}

// A source that follows on one with long packets does not talk into the last of
// them.
func TestTheTimelineKnowsHowLongPacketsLast(t *testing.T) {
	r := NewRewriter()
	now := Now()
	first, _ := r.Rewrite(&Packet{Source: 1, Codec: PCMA, Payload: make([]byte, 480), Arrived: now}, 8000)
	second, _ := r.Rewrite(&Packet{Source: 1, Codec: PCMA, Sequence: 1, Timestamp: 480, Payload: make([]byte, 480), Arrived: now + 60*time.Millisecond}, 8000)
	other, _ := r.Rewrite(&Packet{Source: 2, Codec: PCMA, Payload: make([]byte, 160), Arrived: now + 70*time.Millisecond}, 8000)
	later, _ := r.Rewrite(&Packet{Source: 3, Codec: PCMA, Payload: make([]byte, 160), Arrived: now + 170*time.Millisecond}, 8000)
	if second.Timestamp-first.Timestamp != 480 || other.Timestamp-second.Timestamp != 480 || later.Timestamp-other.Timestamp != 800 {
		t.Errorf("timestamps %d, %d, %d, %d", first.Timestamp, second.Timestamp, other.Timestamp, later.Timestamp)
	}
}

func TestTheFirstSequenceNumberLeavesRoomBeforeTheWrap(t *testing.T) {
	for range 1000 {
		if r := NewRewriter(); r.sequence >= 1<<15 {
			t.Fatalf("begins at %d", r.sequence)
		}
	}
}

// What a telephone sends reaches another one bit by bit, whatever the size of
// its packets, from port to port.
func TestSoundPassesUntouched(t *testing.T) {
	for _, codec := range []Codec{PCMA, PCMU, G722} {
		for _, size := range []int{80, 160, 240, 320, 480} {
			t.Run(fmt.Sprint(codec, size), func(t *testing.T) {
				const in, out = 97, 9
				port, other := openPort(t, PortConfig{Symmetric: true}), openPort(t, PortConfig{})
				one, two := newPeer(t), newPeer(t)
				port.SetRemote(one.at())
				port.SetPayloadTypes(map[uint8]Codec{in: codec})
				other.SetRemote(two.at())
				output := NewOutput(func(b []byte) { _ = other.Send(b) })
				output.SetCodec(codec, out)
				output.SetPacketTime(40 * time.Millisecond)
				port.Receive(func(_ Header, p *Packet) { output.WritePacket(p) })
				var first Header
				for n := range 3 {
					sound := ramp(size + n)[n:]
					one.send(port, Header{PayloadType: in, Sequence: uint16(n), Timestamp: uint32(n * size), SSRC: 5}, sound...)
					h, payload, ok := ParseRTP(two.receive())
					if !ok || !bytes.Equal(payload, sound) || h.PayloadType != out || h.SSRC != output.SSRC() {
						t.Fatalf("packet %d: %+v, % x", n, h, payload)
					}
					if n == 0 {
						first = h
					}
					if h.Sequence != first.Sequence+uint16(n) || h.Timestamp != first.Timestamp+uint32(n*size) {
						t.Errorf("packet %d: %+v after %+v", n, h, first)
					}
				}
			})
		}
	}
}

func TestRecorderTakesPacketsOfAllSizes(t *testing.T) {
	for _, size := range []int{80, 160, 240, 320, 480} {
		sound := Tone(440, 3*time.Second, 0.4)
		left, _ := withRecorder(t, PCMA, func(t *testing.T, r *Recorder) {
			p := Packet{Source: NewSource(), Codec: PCMA}
			for at := 0; at < len(sound); at += size {
				part := sound[at:min(at+size, len(sound))]
				p.Payload = make([]byte, len(part))
				EncodeALaw(p.Payload, part)
				p.Arrived = Now()
				r.Left().WritePacket(&p)
				p.Sequence++
				p.Timestamp += uint32(len(part))
				time.Sleep(time.Duration(len(part)) * time.Second / sampleRate)
			}
		})
		if hz, share := DominantTone(left[4000:20000]); hz < 439 || hz > 441 || share < 0.99 {
			t.Errorf("%d samples a packet: %.1f Hz at %.3f", size, hz, share)
		}
	}
}
