package media

import (
	"bytes"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// wire keeps the packets that an output sends.
type wire struct {
	mu       sync.Mutex
	headers  []Header
	payloads [][]byte
	at       []time.Duration
}

func (w *wire) send(b []byte) {
	h, payload, ok := ParseRTP(b)
	if !ok {
		panic("not RTP")
	}
	if cap(b)-len(b) < sendSlack && len(b) < MaxPacket {
		panic("no room for SRTP")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.headers, w.payloads, w.at = append(w.headers, h), append(w.payloads, bytes.Clone(payload)), append(w.at, Now())
}

// soFar is what was sent until now.
func (w *wire) soFar() (headers []Header, payloads [][]byte, at []time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.headers), slices.Clone(w.payloads), slices.Clone(w.at)
}

func TestOutputTranslatesTheOtherLaw(t *testing.T) {
	var w wire
	o := NewOutput(w.send)
	o.SetCodec(PCMU, 0)
	p := Packet{Source: NewSource(), Codec: PCMA, Payload: ramp(FrameSamples)}
	o.WritePacket(&p)
	if !bytes.Equal(p.Payload, ramp(FrameSamples)) {
		t.Error("the packet was changed")
	}
	want := make([]byte, FrameSamples)
	ALawToMuLaw(want, p.Payload)
	if len(w.headers) != 1 || w.headers[0].PayloadType != 0 || !bytes.Equal(w.payloads[0], want) {
		t.Fatalf("sent %+v", w.headers)
	}
}

func TestWhatAReceiverDoesNotWantTakesNoNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w wire
		o := NewOutput(w.send)
		o.SetCodec(PCMA, 8)
		keep := NewKeepAlive(o)
		p := Packet{Source: NewSource(), Codec: PCMA, Payload: ramp(FrameSamples)}
		say := func(n int) {
			for range n {
				time.Sleep(FrameTime)
				p.Sequence, p.Timestamp, p.Arrived = p.Sequence+1, p.Timestamp+FrameSamples, Now()
				o.WritePacket(&p)
				keep.Tick(Now())
			}
		}
		say(3)
		o.SetSending(false)
		o.SetSending(false)
		say(500)
		if len(w.headers) != 3 || o.Stats().Sent != 3 {
			t.Fatalf("%d packets went out, %d were counted", len(w.headers), o.Stats().Sent)
		}
		o.SetSending(true)
		say(2)
		o.SetSending(true) // changes nothing
		say(1)
		if len(w.headers) != 6 {
			t.Fatalf("%d packets went out", len(w.headers))
		}
		for i := 1; i < len(w.headers); i++ {
			now, before := w.headers[i], w.headers[i-1]
			frames := uint32(1)
			if i == 3 {
				frames = 501 // the time that passed shows
			}
			if now.Sequence != before.Sequence+1 || now.Timestamp != before.Timestamp+frames*FrameSamples || now.Marker != (i == 3) {
				t.Errorf("packet %d is %+v after %+v", i, now, before)
			}
		}
	})
}

func TestOutputSendsWhatTheReceiverTakes(t *testing.T) {
	tests := map[string]struct {
		takes   map[Codec]uint8
		in      Codec
		out     int // payload type, or -1 for nothing
		foreign uint64
	}{
		"same":                       {map[Codec]uint8{PCMA: 8}, PCMA, 8, 0},
		"other law":                  {map[Codec]uint8{PCMA: 8}, PCMU, 8, 0},
		"both laws":                  {map[Codec]uint8{PCMA: 8, PCMU: 0}, PCMU, 0, 0},
		"dynamic payload type":       {map[Codec]uint8{Opus: 111}, Opus, 111, 0},
		"events":                     {map[Codec]uint8{PCMA: 8, TelephoneEvent: 101}, TelephoneEvent, 101, 0},
		"events that it cannot take": {map[Codec]uint8{PCMA: 8}, TelephoneEvent, -1, 1},
		"foreign":                    {map[Codec]uint8{PCMA: 8}, Opus, -1, 1},
		"nothing negotiated":         {nil, PCMA, -1, 1},
		"no codec":                   {map[Codec]uint8{PCMA: 8}, NoCodec, -1, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var w wire
			o := NewOutput(w.send)
			for codec, pt := range test.takes {
				o.SetPayloadType(codec, pt)
			}
			o.WritePacket(&Packet{Source: 1, Codec: test.in, Payload: ramp(10)})
			got := -1
			if len(w.headers) > 0 {
				got = int(w.headers[0].PayloadType)
			}
			if got != test.out || o.Stats().Foreign != test.foreign {
				t.Errorf("sent as %d, want %d; %+v", got, test.out, o.Stats())
			}
		})
	}
}

func TestSetCodecReplacesTheSoundAndKeepsEvents(t *testing.T) {
	o := NewOutput(func([]byte) {})
	o.SetCodec(PCMA, 8)
	o.SetPayloadType(TelephoneEvent, 101)
	o.SetCodec(Opus, 111)
	if o.Takes(PCMA) || !o.Takes(Opus) || !o.Takes(TelephoneEvent) || o.Codec() != Opus {
		t.Error("wrong encodings after SetCodec")
	}
}

func TestOutputDropsWhatIsTooLong(t *testing.T) {
	o := NewOutput(func([]byte) { t.Error("sent") })
	o.SetCodec(PCMA, 8)
	o.WritePacket(&Packet{Source: 1, Codec: PCMA, Payload: make([]byte, MaxPacket-HeaderSize+1)})
}

func TestOutputOfManyWritersNeverRepeatsASequence(t *testing.T) {
	seen := make(map[uint16]bool)
	o := NewOutput(func(b []byte) {
		h, _, _ := ParseRTP(b)
		if seen[h.Sequence] {
			t.Errorf("sequence %d twice", h.Sequence)
		}
		seen[h.Sequence] = true
	})
	o.SetCodec(PCMA, 8)
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			p := Packet{Source: NewSource(), Codec: PCMA, Payload: ramp(FrameSamples)}
			for range 500 {
				o.WritePacket(&p)
				p.Sequence++
				p.Timestamp += FrameSamples
			}
		})
	}
	writers.Wait()
	if s := o.Stats(); s.Sent+s.Busy+s.Late != 4000 || s.Sent != uint64(len(seen)) {
		t.Errorf("%+v, %d seen", s, len(seen))
	}
}

func TestKeepAliveFillsSilences(t *testing.T) {
	withPacer(t, func(t *testing.T, pacer *Pacer) {
		var w wire
		o := NewOutput(w.send)
		o.SetCodec(PCMU, 0)
		keep := NewKeepAlive(o)
		pacer.Add(keep)
		start := Now()
		player := Play(pacer, NewPrompt(ramp(100*FrameSamples)), struct {
			Sink
			coder
		}{o, coder(PCMU)}, true, nil)
		time.Sleep(501 * time.Millisecond)
		synctest.Wait()
		player.Stop()
		headers, _, _ := w.soFar()
		sound := len(headers)
		if sound < 25 || sound > 26 {
			t.Fatalf("%d packets in half a second of sound", sound)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		headers, payloads, sentAt := w.soFar()
		silent := payloads[sound:]
		if n := len(silent); n < 39 || n > 41 {
			t.Errorf("%d packets of silence, want those of 0.8 s", n)
		}
		for i, payload := range silent {
			if !bytes.Equal(payload, bytes.Repeat([]byte{0xff}, FrameSamples)) {
				t.Fatalf("silent packet %d is % x", i, payload[:8])
			}
		}
		if quiet := sentAt[sound] - sentAt[sound-1]; quiet <= keepAliveAfter || quiet > keepAliveAfter+2*FrameTime {
			t.Errorf("silence began after %v", quiet)
		}
		for i := 1; i < len(headers); i++ {
			elapsed := (sentAt[i] - sentAt[i-1]) * 8 / time.Millisecond
			step := time.Duration(headers[i].Timestamp - headers[i-1].Timestamp)
			if headers[i].Sequence != headers[i-1].Sequence+1 || step < elapsed-FrameSamples || step > elapsed+FrameSamples {
				t.Errorf("packet %d at %v: timestamp step %d in %d samples of time", i, sentAt[i]-start, step, elapsed)
			}
		}
		Play(pacer, NewPrompt(ramp(100*FrameSamples)), struct {
			Sink
			coder
		}{o, coder(PCMU)}, false, nil)
		time.Sleep(40 * time.Millisecond)
		synctest.Wait()
		headers, _, _ = w.soFar()
		before := len(headers)
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		headers, _, _ = w.soFar()
		if n := len(headers) - before; n != 10 {
			t.Errorf("%d packets in 200 ms: silence goes on under the sound", n)
		}
		pacer.Remove(keep)
	})
}

type coder Codec

func (c coder) Codec() Codec { return Codec(c) }

func writeLoop() (*Output, func()) {
	o := NewOutput(func([]byte) {})
	o.SetCodec(PCMA, 8)
	p := Packet{Source: NewSource(), Codec: PCMU, Payload: ramp(FrameSamples)}
	return o, func() {
		o.WritePacket(&p)
		p.Sequence++
		p.Timestamp += FrameSamples
	}
}

func TestOutputAllocatesNothing(t *testing.T) {
	_, write := writeLoop()
	if n := testing.AllocsPerRun(1000, write); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

func BenchmarkOutputWritePacket(b *testing.B) {
	b.ReportAllocs()
	_, write := writeLoop()
	for b.Loop() {
		write()
	}
}
