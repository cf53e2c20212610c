package media

import (
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

// converted is what a receiver that takes only to hears of a tone sent as from,
// at its own sample rate. fault may leave out or repeat packets.
func converted(from, to Codec, hz float64, fault func(i int, write func())) (samples []int16, rate int) {
	var w wire
	o := NewOutput(w.send)
	o.SetCodec(to, 9)
	s := newTalker(o, from, hz)
	for i := range 100 {
		p := s.next()
		fault(i, func() { o.WritePacket(p) })
	}
	var sound []byte
	for _, payload := range w.payloads {
		sound = append(sound, payload...)
	}
	switch to {
	case G722:
		return decodeG722(sound), wideRate
	case PCMU:
		samples = make([]int16, len(sound))
		DecodeMuLaw(samples, sound)
	default:
		samples = make([]int16, len(sound))
		DecodeALaw(samples, sound)
	}
	return samples, sampleRate
}

func TestOutputConvertsBetweenG711AndG722(t *testing.T) {
	faults := map[string]func(i int, write func()){
		"as it is": func(_ int, write func()) { write() },
		"loss": func(i int, write func()) {
			if i%10 != 3 {
				write()
			}
		},
		"twice": func(_ int, write func()) { write(); write() },
	}
	for _, way := range [][2]Codec{{PCMA, G722}, {PCMU, G722}, {G722, PCMA}, {G722, PCMU}} {
		for name, fault := range faults {
			t.Run(fmt.Sprintf("%v to %v, %s", way[0], way[1], name), func(t *testing.T) {
				samples, rate := converted(way[0], way[1], 1000, fault)
				samples = samples[rate/10:]
				// 1 kHz has whole periods in a packet, so that loss leaves its phase.
				level, snr := toneAndSNR(samples[:rate], 1000, float64(rate))
				if hz, _ := DominantToneAt(samples, rate); math.Abs(hz-1000) > 2 || snr < 20 || math.Abs(level*math.MaxInt16/8000-1) > 0.05 {
					t.Errorf("%.1f Hz, SNR %.1f dB, level %.3f", hz, snr, level)
				}
			})
		}
	}
}

func TestOutputLeavesG722AsItIs(t *testing.T) {
	var w wire
	o := NewOutput(w.send)
	o.SetCodec(G722, 9)
	o.WritePacket(&Packet{Source: 1, Codec: G722, Payload: ramp(FrameSamples)})
	if len(w.payloads) != 1 || string(w.payloads[0]) != string(ramp(FrameSamples)) || w.headers[0].PayloadType != 9 {
		t.Errorf("sent %+v", w.headers)
	}
}

func TestConverterForgetsTheSourceBefore(t *testing.T) {
	loud := newTalker(nil, G722, 3000)
	quiet := Packet{Source: NewSource(), Codec: G722, Payload: silentFrames[G722][:FrameSamples]}
	var fresh, used Converter
	want, got := make([]byte, FrameSamples), make([]byte, FrameSamples)
	for range 10 {
		p := loud.next()
		used.Convert(got, p.Payload, p.Source, G722, PCMA)
	}
	used.Convert(got, quiet.Payload, quiet.Source, G722, PCMA)
	fresh.Convert(want, quiet.Payload, quiet.Source, G722, PCMA)
	if string(got) != string(want) {
		t.Errorf("silence after another source is % x", got[:8])
	}
}

func TestConverterAllocatesNothing(t *testing.T) {
	for _, way := range [][2]Codec{{PCMA, G722}, {G722, PCMU}} {
		o := NewOutput(func([]byte) {})
		o.SetCodec(way[1], 9)
		p := Packet{Source: NewSource(), Codec: way[0], Payload: ramp(FrameSamples)}
		write := func() {
			o.WritePacket(&p)
			p.Sequence++
			p.Timestamp += FrameSamples
		}
		if n := testing.AllocsPerRun(1000, write); n != 0 {
			t.Errorf("%v: %v allocations a packet", way, n)
		}
		if o.Stats().Sent != 1001 {
			t.Errorf("%v: %+v", way, o.Stats())
		}
	}
}

func TestPlayerSpeaksG722(t *testing.T) {
	prompts := map[string]struct {
		prompt *Prompt
		hz     float64
	}{
		"from 8 kHz":  {NewPromptFromPCM(Tone(1000, time.Second, 0.3)), 1000},
		"from 16 kHz": {NewPromptFromWidePCM(ToneAt(5000, time.Second, 0.3, wideRate)), 5000},
	}
	for name, test := range prompts {
		t.Run(name, func(t *testing.T) {
			withPacer(t, func(t *testing.T, pacer *Pacer) {
				to := &sinkCopy{codec: G722}
				defer Play(pacer, test.prompt, to, false, nil).Stop()
				time.Sleep(2 * time.Second)
				synctest.Wait()
				var sound []byte
				for i, p := range to.packets {
					if p.Codec != G722 || len(p.Payload) != FrameSamples || p.Timestamp != uint32(i*FrameSamples) {
						t.Fatalf("packet %d: %+v", i, p)
					}
					sound = append(sound, p.Payload...)
				}
				if len(sound) != 50*FrameSamples {
					t.Fatalf("%d bytes", len(sound))
				}
				if hz, share := DominantToneAt(decodeG722(sound)[1600:], wideRate); math.Abs(hz-test.hz) > 2 || share < 0.99 {
					t.Errorf("%.1f Hz, share %.3f", hz, share)
				}
				if &test.prompt.Frame(G722, 0)[0] != &to.first[0] {
					t.Error("the frames are not shared")
				}
			})
		})
	}
}

func TestPlayerDoesNotEncodeInThePacersTime(t *testing.T) {
	withPacer(t, func(t *testing.T, pacer *Pacer) {
		to := &sinkCopy{codec: PCMA}
		prompt := NewPromptFromPCM(Tone(1000, time.Second, 0.3))
		defer Play(pacer, prompt, to, false, nil).Stop()
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		to.mu.Lock()
		to.codec = G722
		to.mu.Unlock()
		time.Sleep(time.Second)
		synctest.Wait()
		if last := to.packets[len(to.packets)-1]; last.Codec != PCMA || len(to.packets) != 50 || prompt.g722.Load() != nil {
			t.Errorf("%d packets, the last in %v", len(to.packets), last.Codec)
		}
	})
}

func TestWidePromptIsAlsoForNarrowTelephones(t *testing.T) {
	p := NewPromptFromWidePCM(ToneAt(1000, time.Second, 0.3, wideRate))
	if hz, share := DominantTone(linear(p)); math.Abs(hz-1000) > 2 || share < 0.97 || p.Duration() != time.Second {
		t.Errorf("%.1f Hz, share %.3f, %v", hz, share, p.Duration())
	}
	if level := rms(linear(NewPromptFromWidePCM(ToneAt(5000, time.Second, 0.3, wideRate)))); level > 40 {
		t.Errorf("5 kHz leaves a level of %.0f", level)
	}
}

func TestKeepAliveIsSilentInG722(t *testing.T) {
	withPacer(t, func(t *testing.T, pacer *Pacer) {
		var w wire
		o := NewOutput(w.send)
		o.SetCodec(G722, 9)
		keep := NewKeepAlive(o)
		pacer.Add(keep)
		defer pacer.Remove(keep)
		time.Sleep(time.Second)
		synctest.Wait()
		headers, payloads, _ := w.soFar()
		if len(headers) < 38 || headers[0].PayloadType != 9 || rms(decodeG722(payloads[0])) != 0 {
			t.Errorf("%d packets of silence", len(headers))
		}
	})
}
