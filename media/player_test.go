package media

import (
	"bytes"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// sinkCopy keeps what is written to it.
type sinkCopy struct {
	mu      sync.Mutex
	codec   Codec
	packets []Packet
	first   []byte // the first payload itself
}

func (s *sinkCopy) Codec() Codec {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.codec
}

func (s *sinkCopy) WritePacket(p *Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.packets == nil {
		s.first = p.Payload
	}
	c := *p
	c.Payload = bytes.Clone(p.Payload)
	s.packets = append(s.packets, c)
}

func (s *sinkCopy) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.packets)
}

func ramp(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func TestPromptFramesAreFilledUpWithSilence(t *testing.T) {
	alaw := ramp(2*FrameSamples + 10)
	p := NewPrompt(alaw)
	alaw[0] = 99 // the prompt has its own copy
	if p.Frames() != 3 || p.Duration() != 41250*time.Microsecond {
		t.Fatalf("%d frames, %v", p.Frames(), p.Duration())
	}
	if p.Frame(PCMA, 0)[0] != 0 || p.Frame(PCMA, 1)[0] != FrameSamples || len(p.ALaw()) != len(alaw) {
		t.Error("wrong sound in the frames")
	}
	for _, codec := range []Codec{PCMA, PCMU} {
		last := p.Frame(codec, 2)
		if len(last) != FrameSamples || last[9] == Silence(codec) || last[10] != Silence(codec) || last[159] != Silence(codec) {
			t.Errorf("%v: last frame % x", codec, last)
		}
	}
	want := make([]byte, FrameSamples)
	ALawToMuLaw(want, p.Frame(PCMA, 1))
	if !bytes.Equal(p.Frame(PCMU, 1), want) {
		t.Error("µ-law frame is not the A-law one translated")
	}
	if NewPrompt(nil).Frames() != 0 {
		t.Error("an empty prompt has frames")
	}
}

func TestPlayerPlaysOnceAndTells(t *testing.T) {
	for _, codec := range []Codec{PCMA, PCMU, Opus} {
		t.Run(codec.String(), func(t *testing.T) {
			withPacer(t, func(t *testing.T, pacer *Pacer) {
				to := &sinkCopy{codec: codec}
				prompt := NewPrompt(ramp(10 * FrameSamples))
				done := 0
				player := Play(pacer, prompt, to, false, func() { done++ })
				time.Sleep(time.Second)
				synctest.Wait()
				player.Stop()
				if to.count() != 10 || done != 1 {
					t.Fatalf("%d packets, done %d times", to.count(), done)
				}
				want := PCMA
				if codec == PCMU {
					want = PCMU
				}
				for i, p := range to.packets {
					first := to.packets[0]
					if p.Codec != want || p.Source != first.Source || p.Marker != (i == 0) || p.Sequence != first.Sequence+uint16(i) ||
						p.Timestamp != first.Timestamp+uint32(i*FrameSamples) || p.Arrived != first.Arrived+time.Duration(i)*FrameTime {
						t.Errorf("packet %d: %+v", i, p)
					}
					if !bytes.Equal(p.Payload, prompt.Frame(want, i)) {
						t.Errorf("packet %d has other sound", i)
					}
				}
				if pacer.Stats().Tasks != 0 {
					t.Error("the player is still in the pacer")
				}
			})
		})
	}
}

func TestPlayerLoopsUntilStopped(t *testing.T) {
	withPacer(t, func(t *testing.T, pacer *Pacer) {
		to := &sinkCopy{codec: PCMA}
		player := Play(pacer, NewPrompt(ramp(3*FrameSamples)), to, true, func() { t.Error("done was called") })
		time.Sleep(201 * time.Millisecond)
		synctest.Wait()
		player.Stop()
		player.Stop()
		n := to.count()
		if n < 10 || n > 11 || !bytes.Equal(to.packets[3].Payload, to.packets[0].Payload) || bytes.Equal(to.packets[4].Payload, to.packets[0].Payload) {
			t.Errorf("%d packets in 200 ms, or not in a loop", n)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if to.count() != n {
			t.Error("packets after Stop")
		}
	})
}

func TestPlayerOfAnEmptyPromptIsDoneAtOnce(t *testing.T) {
	withPacer(t, func(t *testing.T, pacer *Pacer) {
		done := 0
		Play(pacer, NewPrompt(nil), &sinkCopy{codec: PCMA}, true, func() { done++ })
		time.Sleep(time.Second)
		synctest.Wait()
		if done != 1 {
			t.Errorf("done %d times", done)
		}
	})
}

type nowhere struct{}

func (nowhere) Codec() Codec        { return PCMU }
func (nowhere) WritePacket(*Packet) {}

func TestPlayerTickAllocatesNothing(t *testing.T) {
	player := Play(NewPacer(), NewPrompt(ramp(5000)), nowhere{}, true, nil)
	if n := testing.AllocsPerRun(1000, func() { player.Tick(0) }); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func BenchmarkPlayerTick(b *testing.B) {
	b.ReportAllocs()
	player := Play(NewPacer(), NewPrompt(ramp(5000)), nowhere{}, true, nil)
	for b.Loop() {
		player.Tick(0)
	}
}
