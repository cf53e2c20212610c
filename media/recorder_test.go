package media

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// withRecorder runs test with a recorder in virtual time and returns the two
// channels of its file.
func withRecorder(t *testing.T, law Codec, test func(t *testing.T, r *Recorder)) (left, right []int16) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "call.wav")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := NewRecordWriter()
		done := make(chan struct{})
		go func() { w.Run(ctx); close(done) }()
		r, err := NewRecorder(path, law, w, func(err error) { t.Error(err) })
		if err != nil {
			t.Fatal(err)
		}
		start := Now()
		test(t, r)
		length := Now() - start
		info, err := r.Close()
		if err != nil {
			t.Error(err)
		}
		if d := info.Duration - length; d < -time.Millisecond || d > time.Millisecond {
			t.Errorf("recorded %v of %v", info.Duration, length)
		}
		if stat, err := os.Stat(path); err != nil || stat.Size() != info.Bytes || info.Path != path {
			t.Errorf("%+v: %v", info, err)
		}
		if _, err := r.Close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("second Close: %v", err)
		}
		if w.Active() != 0 {
			t.Error("still being written")
		}
		cancel()
		<-done
	})
	channels := readWAV(t, path, law)
	return channels[0], channels[1]
}

func readWAV(t *testing.T, path string, law Codec) [][]int16 {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := ParseWAV(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if w.Codec != law || w.Channels != 2 || w.SampleRate != 8000 {
		t.Fatalf("%+v", w)
	}
	if size := binaryU32(b[4:]); int(size) != len(b)-8 {
		t.Errorf("RIFF size %d in a file of %d bytes", size, len(b))
	}
	channels, err := w.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return channels
}

func binaryU32(b []byte) uint32 {
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

// talker sends a tone as a stream of packets.
type talker struct {
	to     Sink
	hz     float64
	packet Packet
	law    Codec
	phase  int
	wide   *G722Encoder
}

func newTalker(to Sink, law Codec, hz float64) *talker {
	return &talker{to: to, hz: hz, law: law, wide: NewG722Encoder(), packet: Packet{Source: NewSource(), Codec: law, Sequence: uint16(rand.Uint32()), Timestamp: rand.Uint32()}}
}

// next makes the next packet, which is sent by the caller.
func (s *talker) next() *Packet {
	rate, samples := sampleRate, make([]int16, FrameSamples)
	if s.law == G722 {
		rate, samples = wideRate, make([]int16, 2*FrameSamples)
	}
	for i := range samples {
		samples[i] = int16(8000 * math.Sin(2*math.Pi*s.hz*float64(s.phase)/float64(rate)))
		s.phase++
	}
	s.packet.Payload = make([]byte, FrameSamples)
	switch s.law {
	case PCMU:
		EncodeMuLaw(s.packet.Payload, samples)
	case G722:
		s.wide.Encode(s.packet.Payload, samples)
	default:
		EncodeALaw(s.packet.Payload, samples)
	}
	s.packet.Sequence++
	s.packet.Timestamp += FrameSamples
	s.packet.Arrived = Now()
	p := s.packet
	return &p
}

func (s *talker) speak(d time.Duration) {
	for range d / FrameTime {
		s.to.WritePacket(s.next())
		time.Sleep(FrameTime)
	}
}

func wantTone(t *testing.T, what string, samples []int16, hz float64) {
	t.Helper()
	if got, share := DominantTone(samples); math.Abs(got-hz) > 5 || share < 0.97 {
		t.Errorf("%s: %.1f Hz with share %.2f, want %v Hz", what, got, share, hz)
	}
}

func wantSilence(t *testing.T, what string, samples []int16) {
	t.Helper()
	if level := rms(samples); level > 8 {
		t.Errorf("%s: level %.1f, want silence", what, level)
	}
}

// at is a part of a recording, given in milliseconds.
func at(samples []int16, from, to int) []int16 { return samples[from*8 : to*8] }

func TestRecorderKeepsSidesApartInBothLaws(t *testing.T) {
	for _, law := range []Codec{PCMA, PCMU} {
		t.Run(law.String(), func(t *testing.T) {
			left, right := withRecorder(t, law, func(t *testing.T, r *Recorder) {
				newTalker(r.Left(), PCMA, 440).speak(2 * time.Second)
				newTalker(r.Right(), PCMU, 1000).speak(2 * time.Second)
				time.Sleep(500 * time.Millisecond)
			})
			wantTone(t, "left", at(left, 0, 2000), 440)
			wantSilence(t, "left", at(left, 2000, 4500))
			wantSilence(t, "right", at(right, 0, 2000))
			wantTone(t, "right", at(right, 2000, 4000), 1000)
			wantSilence(t, "right", at(right, 4000, 4500))
		})
	}
}

func TestRecorderTakesG722AtTelephoneWidth(t *testing.T) {
	left, right := withRecorder(t, PCMA, func(t *testing.T, r *Recorder) {
		caller, agent := newTalker(r.Left(), G722, 1000), newTalker(r.Right(), G722, 440)
		second := newTalker(r.Right(), G722, 5000) // beyond what the recording holds
		for range 100 {
			r.Left().WritePacket(caller.next())
			r.Right().WritePacket(agent.next())
			r.Right().WritePacket(second.next())
			time.Sleep(FrameTime)
		}
		time.Sleep(500 * time.Millisecond)
	})
	wantTone(t, "left", at(left, 20, 1980), 1000)
	wantTone(t, "right", at(right, 20, 1980), 440)
	wantSilence(t, "left", at(left, 2010, 2500))
	if level := rms(at(left, 20, 1980)) * math.Sqrt2; math.Abs(level/8000-1) > 0.05 {
		t.Errorf("level %.0f of 8000", level)
	}
}

func TestRecorderBearsLossAndDisorderOfG722(t *testing.T) {
	left, _ := withRecorder(t, PCMA, func(t *testing.T, r *Recorder) {
		s := newTalker(r.Left(), G722, 1000)
		var held *Packet
		for i := range 100 {
			p := s.next()
			switch {
			case i%20 == 7: // lost
			case i%20 == 13:
				held = p
			default:
				r.Left().WritePacket(p)
				r.Left().WritePacket(p) // twice
				if held != nil {
					r.Left().WritePacket(held)
					held = nil
				}
			}
			time.Sleep(FrameTime)
		}
		time.Sleep(400 * time.Millisecond)
	})
	wantTone(t, "between the faults", at(left, 1620, 1730), 1000)
	wantSilence(t, "what was lost", at(left, 1746, 1758))
	if level := rms(at(left, 1862, 1878)) * math.Sqrt2; math.Abs(level/8000-1) > 0.3 {
		t.Errorf("what came late has level %.0f of 8000", level)
	}
}

func TestRecorderKeepsTheSoundBitByBit(t *testing.T) {
	var sent []byte
	path := ""
	withRecorder(t, PCMA, func(t *testing.T, r *Recorder) {
		path = r.Path()
		s := newTalker(r.Left(), PCMA, 440)
		for range 100 {
			p := s.next()
			sent = append(sent, p.Payload...)
			r.Left().WritePacket(p)
			time.Sleep(FrameTime)
		}
	})
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range sent {
		if got := b[wavHeaderSize+2*i]; got != want {
			t.Fatalf("sample %d is %#02x, want %#02x", i, got, want)
		}
	}
}

func TestRecorderPutsJitteryReorderedPacketsInOrder(t *testing.T) {
	left, _ := withRecorder(t, PCMA, func(t *testing.T, r *Recorder) {
		s := newTalker(r.Left(), PCMA, 440)
		random := rand.New(rand.NewPCG(3, 4))
		for range 100 { // packets come in groups of three, mixed and some twice
			group := []*Packet{s.next(), s.next(), s.next()}
			time.Sleep(3 * FrameTime)
			random.Shuffle(3, func(i, j int) { group[i], group[j] = group[j], group[i] })
			for _, p := range append(group, group[0]) {
				p.Arrived = Now()
				r.Left().WritePacket(p)
			}
		}
		time.Sleep(100 * time.Millisecond)
	})
	for from := 200; from < 5800; from += 100 { // the drift is being corrected meanwhile
		if share := Goertzel(at(left, from, from+100), 440); share < 0.9 {
			t.Errorf("at %d ms the tone has %.2f of the power", from, share)
		}
	}
}

func TestRecorderShowsLossAsSilence(t *testing.T) {
	left, _ := withRecorder(t, PCMA, func(t *testing.T, r *Recorder) {
		s := newTalker(r.Left(), PCMA, 1000)
		for i := range 100 {
			if p := s.next(); i < 40 || i >= 60 {
				r.Left().WritePacket(p)
			}
			time.Sleep(FrameTime)
		}
	})
	wantTone(t, "before", at(left, 0, 800), 1000)
	wantSilence(t, "lost", at(left, 800, 1200))
	wantTone(t, "after", at(left, 1200, 2000), 1000)
}

func TestRecorderMixesAgents(t *testing.T) {
	_, right := withRecorder(t, PCMA, func(t *testing.T, r *Recorder) {
		a, b := newTalker(r.Right(), PCMA, 500), newTalker(r.Right(), PCMA, 1500)
		for range 100 {
			r.Right().WritePacket(a.next())
			time.Sleep(FrameTime / 2)
			r.Right().WritePacket(b.next())
			time.Sleep(FrameTime / 2)
		}
	})
	for _, hz := range []float64{500, 1500} {
		if share := Goertzel(at(right, 500, 1500), hz); share < 0.48 || share > 0.52 {
			t.Errorf("%v Hz has %.2f of the power, want half", hz, share)
		}
	}
}

func TestRecorderPausesWithSilence(t *testing.T) {
	left, _ := withRecorder(t, PCMA, func(t *testing.T, r *Recorder) {
		s := newTalker(r.Left(), PCMA, 440)
		s.speak(time.Second)
		r.Pause()
		if !r.Paused() {
			t.Error("not paused")
		}
		s.speak(time.Second)
		r.Resume()
		s.speak(time.Second)
	})
	wantTone(t, "before", at(left, 0, 1000), 440)
	wantSilence(t, "pause", at(left, 1000, 2000))
	wantTone(t, "after", at(left, 2000, 3000), 440)
}

func TestRecorderFollowsASenderThatCountsAnew(t *testing.T) {
	left, _ := withRecorder(t, PCMA, func(t *testing.T, r *Recorder) {
		s := newTalker(r.Left(), PCMA, 440)
		s.speak(time.Second)
		time.Sleep(500 * time.Millisecond) // and the timestamp goes on as if nothing were
		s.packet.Marker = true
		r.Left().WritePacket(s.next())
		s.packet.Marker = false
		time.Sleep(FrameTime)
		s.speak(480 * time.Millisecond)
		s.packet.Timestamp += 1 << 30
		s.speak(time.Second)
		s.packet.Sequence += 20000
		s.speak(time.Second)
	})
	wantTone(t, "first", at(left, 0, 1000), 440)
	wantSilence(t, "gap", at(left, 1000, 1500))
	for from := 1500; from < 4000; from += 500 {
		wantTone(t, "after", at(left, from, from+500), 440)
	}
}

// A crystal's 50 ppm are 360 ms in two hours. The sender's frames are counted
// by its clock; what it sends at two hours must be recorded at two hours.
func TestRecorderAlignsDriftingClocks(t *testing.T) {
	for _, ppm := range []float64{-50, 50} {
		var line timeline
		random := rand.New(rand.NewPCG(1, 1))
		worst, torn := 0.0, 0
		end := int64(0)
		for i := range 2 * 3600 * 50 {
			true20ms := float64(i) * 20 * (1 + ppm/1e6)    // when it was said, in ms
			arrived := true20ms + 30 + 10*random.Float64() // network
			p := Packet{Sequence: uint16(i), Timestamp: uint32(i) * 160, Payload: make([]byte, 160)}
			position, skip, hole, fresh := line.place(&p, samplesOf(time.Duration(arrived*float64(time.Millisecond))))
			if !fresh {
				t.Fatalf("packet %d was left out", i)
			}
			if start := position + int64(skip); i > 0 && start != end && !(hole && start == end+1) {
				torn++
			}
			end = position + 160
			worst = max(worst, math.Abs(float64(position)/8-(true20ms+35)))
		}
		if worst > 20 {
			t.Errorf("%v ppm: %.1f ms away at worst", ppm, worst)
		}
		if torn > 0 {
			t.Errorf("%v ppm: the sound is torn %d times", ppm, torn)
		}
	}
}

func TestTimelineRidesOutANetworkStall(t *testing.T) {
	var line timeline
	position := int64(0)
	for i := range 200 {
		arrival := int64(i) * 160
		if i >= 100 && i < 110 { // held up for 200 ms, then all at once
			arrival = 110 * 160
		}
		p := Packet{Sequence: uint16(i), Timestamp: uint32(i) * 160, Payload: make([]byte, 160)}
		position, _, _, _ = line.place(&p, arrival)
		if d := position - int64(i)*160; d < -8 || d > 8 {
			t.Fatalf("packet %d moved by %d samples", i, d)
		}
	}
}

func TestRecordingIsPlayableWhileItGrows(t *testing.T) {
	withRecorder(t, PCMA, func(t *testing.T, r *Recorder) {
		s := newTalker(r.Left(), PCMA, 440)
		for second := 1; second <= 10; second++ {
			s.speak(time.Second)
			synctest.Wait() // what is due now is written
			channels := readWAV(t, r.Path(), PCMA)
			if missing := second*8000 - len(channels[0]); missing > 2*8000 {
				t.Errorf("after %d s: %d samples are not on the disk", second, missing)
			}
			if n := len(channels[0]); n > 8000 {
				wantTone(t, "so far", channels[0], 440)
			}
		}
	})
}

func TestRecordWriterWritesAllBeforeItEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "call.wav")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := NewRecordWriter()
		done := make(chan struct{})
		go func() { w.Run(ctx); close(done) }()
		r, err := NewRecorder(path, PCMU, w, nil)
		if err != nil {
			t.Fatal(err)
		}
		newTalker(r.Right(), PCMU, 440).speak(700 * time.Millisecond)
		cancel()
		<-done
		if n := len(readWAV(t, path, PCMU)[1]); n != 5600 {
			t.Errorf("%d samples are in the file, want 5600", n)
		}
		if info, err := r.Close(); err != nil || info.Duration != 700*time.Millisecond {
			t.Errorf("%+v, %v", info, err)
		}
	})
}

func TestRecorderTellsOfADiskErrorOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "call.wav")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := NewRecordWriter()
		done := make(chan struct{})
		go func() { w.Run(ctx); close(done) }()
		var told []error
		r, err := NewRecorder(path, PCMA, w, func(err error) { told = append(told, err) })
		if err != nil {
			t.Fatal(err)
		}
		s := newTalker(r.Left(), PCMA, 440)
		s.speak(2500 * time.Millisecond)
		_ = r.file.Close() // from here on the disk fails
		s.speak(5 * time.Second)
		synctest.Wait() // it is told in a goroutine of its own
		if len(told) != 1 {
			t.Errorf("told %d times: %v", len(told), told)
		}
		info, err := r.Close()
		if err == nil || info.Duration < time.Second {
			t.Errorf("%+v, %v", info, err)
		}
		cancel()
		<-done
	})
}

func TestNewRecorderRefuses(t *testing.T) {
	w := NewRecordWriter()
	dir := t.TempDir()
	if _, err := NewRecorder(filepath.Join(dir, "x.wav"), Opus, w, nil); err == nil {
		t.Error("records in Opus")
	}
	if _, err := NewRecorder(filepath.Join(dir, "no", "x.wav"), PCMA, w, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	old := filepath.Join(dir, "old.wav")
	if err := os.WriteFile(old, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewRecorder(old, PCMA, w, nil); !errors.Is(err, os.ErrExist) {
		t.Errorf("a file is there: %v", err)
	}
	if w.Active() != 0 {
		t.Error("what was refused is being written")
	}
}

// recordLoop returns a function that records a frame of each side.
func recordLoop(tb testing.TB) func() {
	w := NewRecordWriter()
	r, err := NewRecorder(filepath.Join(tb.TempDir(), "x.wav"), PCMA, w, nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _, _ = r.Close() })
	left, right := Packet{Source: 1, Codec: PCMA, Payload: ramp(FrameSamples), Arrived: r.start}, Packet{Source: 2, Codec: PCMU, Payload: ramp(FrameSamples), Arrived: r.start}
	frames := 0
	return func() {
		r.Left().WritePacket(&left)
		r.Right().WritePacket(&right)
		for _, p := range []*Packet{&left, &right} {
			p.Sequence++
			p.Timestamp += FrameSamples
			p.Arrived += FrameTime
		}
		if frames++; frames%10 == 0 {
			r.collecting.Lock()
			r.left.collect()
			r.right.collect()
			r.left.base, r.right.base = r.left.base+10*FrameSamples, r.right.base+10*FrameSamples
			r.collecting.Unlock()
		}
	}
}

func TestRecorderSinksAllocateNothing(t *testing.T) {
	write := recordLoop(t)
	if n := testing.AllocsPerRun(1000, write); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

func BenchmarkRecorderBothSides(b *testing.B) {
	b.ReportAllocs()
	write := recordLoop(b)
	for b.Loop() {
		write()
	}
}
