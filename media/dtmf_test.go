package media

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"
)

func event(source Source, timestamp uint32, code uint8, end bool, at time.Duration) *Packet {
	return &Packet{Source: source, Codec: TelephoneEvent, Timestamp: timestamp, Payload: appendEvent(nil, code, end, 160), Arrived: at}
}

func TestParseEvent(t *testing.T) {
	code, end, duration, volume, ok := ParseEvent([]byte{11, 0x8a, 0x03, 0x20})
	if code != 11 || !end || duration != 800 || volume != 10 || !ok {
		t.Error(code, end, duration, volume, ok)
	}
	if _, _, _, _, ok := ParseEvent([]byte{1, 2, 3}); ok {
		t.Error("three bytes are no event")
	}
}

func numbered(sequence uint16, p *Packet) *Packet {
	p.Sequence = sequence
	return p
}

func TestDigitReceiver(t *testing.T) {
	const ms = time.Millisecond
	tests := map[string]struct {
		in   []*Packet
		want string
	}{
		"one key in many packets": {[]*Packet{event(1, 100, 5, false, 0), event(1, 100, 5, false, 20*ms), event(1, 100, 5, true, 40*ms), event(1, 100, 5, true, 60*ms), event(1, 100, 5, true, 80*ms)}, "5"},
		"only an end packet":      {[]*Packet{event(1, 100, 11, true, 0)}, "#"},
		"only a middle packet":    {[]*Packet{event(1, 100, 10, false, 0)}, "*"},
		"the same key twice":      {[]*Packet{event(1, 100, 5, true, 0), event(1, 1700, 5, true, 200*ms)}, "55"},
		"two keys of one time":    {[]*Packet{event(1, 100, 5, true, 0), event(1, 100, 6, true, 20*ms)}, "56"},
		"two keys of one time, the first late once more": {
			[]*Packet{numbered(7, event(1, 100, 5, true, 0)), numbered(8, event(1, 100, 6, true, 20*ms)), numbered(7, event(1, 100, 5, true, 30*ms)), numbered(9, event(1, 100, 6, true, 40*ms))}, "56",
		},
		"40 ms of which the begin and two ends are lost, the other twice": {
			[]*Packet{numbered(9, event(1, 100, 7, true, 0)), numbered(9, event(1, 100, 7, true, ms))}, "7",
		},
		"a late end packet":       {[]*Packet{event(1, 100, 5, false, 0), event(1, 1700, 6, false, 200*ms), event(1, 100, 5, true, 210*ms)}, "56"},
		"flash is no key":         {[]*Packet{event(1, 100, 16, true, 0), event(1, 300, 255, true, 0)}, ""},
		"letters":                 {[]*Packet{event(1, 100, 12, true, 0), event(1, 300, 15, true, 0)}, "AD"},
		"timestamp 0 first":       {[]*Packet{event(1, 0, 0, true, 0)}, "0"},
		"timestamps wrap":         {[]*Packet{event(1, 0xffffff00, 1, true, 0), event(1, 0x100, 2, true, 100*ms)}, "12"},
		"another source":          {[]*Packet{event(1, 5000, 1, true, 0), event(2, 100, 1, true, 100*ms)}, "11"},
		"a clock that began anew": {[]*Packet{event(1, 5000, 1, true, 0), event(1, 100, 1, true, 6000*ms)}, "11"},
		"short":                   {[]*Packet{{Codec: TelephoneEvent, Payload: []byte{1, 2}}}, ""},
		"sound":                   {[]*Packet{{Codec: PCMA, Payload: []byte{1, 2, 3, 4}}}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var r DigitReceiver
			got := ""
			for _, p := range test.in {
				if digit, ok := r.Receive(p); ok {
					got += string(digit)
				}
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestKeyThatIsHeldForTenSecondsIsOne(t *testing.T) {
	var r DigitReceiver
	p := Packet{Source: 1, Codec: TelephoneEvent, Sequence: 1, Timestamp: 1000}
	found := ""
	send := func(duration int, end bool) {
		p.Payload = appendEvent(nil, 5, end, uint16(duration))
		if digit, ok := r.Receive(&p); ok {
			found += string(digit)
		}
		p.Sequence++
		p.Arrived += 50 * time.Millisecond
	}
	for duration := 400; duration <= 0xffff; duration += 400 {
		send(duration, false)
	}
	// No longer duration can be told: the event goes on in another.
	send(0xffff, false)
	p.Timestamp += 0xffff
	send(400, false)
	send(800, true)
	send(800, true)
	if found != "5" {
		t.Errorf("found %q", found)
	}
	p.Timestamp += 1600 // the same key, once more
	send(400, false)
	if found != "55" {
		t.Errorf("found %q", found)
	}
}

func TestDigitSenderIsUnderstood(t *testing.T) {
	withPacer(t, func(t *testing.T, pacer *Pacer) {
		var w wire
		o := NewOutput(w.send)
		o.SetCodec(PCMA, 8)
		s := NewDigitSender(pacer, o, 0)
		if s.Send('1') {
			t.Error("a key is taken though the receiver takes no events")
		}
		o.SetPayloadType(TelephoneEvent, 101)
		if s.Send('x') {
			t.Error("x is no key")
		}
		player := Play(pacer, NewPrompt(ramp(1000*FrameSamples)), struct {
			Sink
			coder
		}{o, coder(PCMA)}, true, nil)
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		for _, digit := range []byte("11#D") {
			if !s.Send(digit) {
				t.Errorf("%c is not taken", digit)
			}
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		player.Stop()

		var receiver DigitReceiver
		got := ""
		events := make(map[uint32][][]byte) // by timestamp
		var order []uint32
		sound, firstEvent, lastEvent := 0, -1, -1
		for i, h := range w.headers {
			if h.PayloadType != 101 {
				sound++
				continue
			}
			if firstEvent < 0 {
				firstEvent = i
			}
			lastEvent = i
			if events[h.Timestamp] == nil {
				order = append(order, h.Timestamp)
				if !h.Marker {
					t.Error("an event begins without marker")
				}
			}
			events[h.Timestamp] = append(events[h.Timestamp], w.payloads[i])
			if digit, ok := receiver.Receive(&Packet{Source: 1, Codec: TelephoneEvent, Timestamp: h.Timestamp, Payload: w.payloads[i], Arrived: w.at[i]}); ok {
				got += string(digit)
			}
		}
		if got != "11#D" {
			t.Errorf("received %q", got)
		}
		for _, timestamp := range order {
			var durations []uint16
			ends := 0
			for _, payload := range events[timestamp] {
				_, end, duration, _, _ := ParseEvent(payload)
				durations = append(durations, duration)
				if end {
					ends++
				}
			}
			if ends != endPackets || durations[0] != 160 || durations[len(durations)-1] != 800 || len(durations) != 8 {
				t.Errorf("durations %v with %d end packets", durations, ends)
			}
			for i := 1; i < len(durations); i++ {
				if durations[i] < durations[i-1] {
					t.Errorf("durations %v shrink", durations)
				}
			}
		}
		for i := firstEvent; i <= lastEvent; i++ {
			if w.headers[i].PayloadType != 101 {
				t.Error("sound is sent between the keys")
				break
			}
		}
		// Time must not have stood still for the sound that goes on.
		first, last := 0, len(w.headers)-1
		if last < 0 {
			t.Fatal("nothing")
		}
		elapsed := int64(w.at[last]-w.at[first]) * 8 / int64(time.Millisecond)
		if step := int64(w.headers[last].Timestamp - w.headers[first].Timestamp); step < elapsed-160 || step > elapsed+160 {
			t.Errorf("timestamps moved by %d in %d samples of time", step, elapsed)
		}
		if sound < 50 || pacer.Stats().Tasks != 0 {
			t.Errorf("%d packets of sound, %d tasks left", sound, pacer.Stats().Tasks)
		}
	})
}

func TestDigitSenderStopLetsOthersBeHeard(t *testing.T) {
	withPacer(t, func(t *testing.T, pacer *Pacer) {
		var w wire
		o := NewOutput(w.send)
		o.SetCodec(PCMA, 8)
		o.SetPayloadType(TelephoneEvent, 101)
		s := NewDigitSender(pacer, o, time.Second)
		taken := 0
		for range 2 * maxKeysWaiting {
			if s.Send('5') {
				taken++
			}
		}
		if taken < maxKeysWaiting || taken > maxKeysWaiting+1 { // one may be under way already
			t.Errorf("%d keys were taken", taken)
		}
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		s.Stop()
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		n := len(w.headers)
		o.WritePacket(&Packet{Source: NewSource(), Codec: PCMA, Payload: ramp(10)})
		if len(w.headers) != n+1 {
			t.Error("sound is still left out")
		}
	})
}

func FuzzDigitReceiver(f *testing.F) {
	f.Add([]byte{5, 0x8a, 3, 0x20, 5, 0x8a, 3, 0x20}, uint32(100))
	f.Fuzz(func(t *testing.T, data []byte, timestamp uint32) {
		var r DigitReceiver
		p := Packet{Source: 1, Codec: TelephoneEvent, Timestamp: timestamp}
		for n := range bytes.SplitSeq(data, []byte{0xff}) {
			p.Payload = n
			digit, ok := r.Receive(&p)
			if ok && bytes.IndexByte([]byte(digits), digit) < 0 {
				t.Fatalf("%q is no key", digit)
			}
			if _, again := r.Receive(&p); again {
				t.Fatal("the same packet gave a key twice")
			}
			p.Timestamp += uint32(len(n))
		}
	})
}
