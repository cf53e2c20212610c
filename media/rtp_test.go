package media

import (
	"bytes"
	"testing"
)

func rtpBytes(first byte, rest ...byte) []byte {
	b := []byte{first, 0x88, 0x12, 0x34, 0, 0, 0, 160, 0xde, 0xad, 0xbe, 0xef}
	return append(b, rest...)
}

func TestParseRTP(t *testing.T) {
	tests := map[string]struct {
		in      []byte
		payload []byte
		ok      bool
	}{
		"plain":                            {rtpBytes(0x80, 1, 2, 3), []byte{1, 2, 3}, true},
		"without payload":                  {rtpBytes(0x80), []byte{}, true},
		"contributing source":              {rtpBytes(0x81, 9, 9, 9, 9, 1), []byte{1}, true},
		"extension":                        {rtpBytes(0x90, 0xbe, 0xde, 0, 1, 9, 9, 9, 9, 7), []byte{7}, true},
		"extension of no length":           {rtpBytes(0x90, 0xbe, 0xde, 0, 0, 7), []byte{7}, true},
		"padding":                          {rtpBytes(0xa0, 5, 0, 0, 3), []byte{5}, true},
		"nothing but padding":              {rtpBytes(0xa0, 0, 0, 3), []byte{}, true},
		"all at once":                      {rtpBytes(0xb1, 9, 9, 9, 9, 0, 0, 0, 0, 6, 1), []byte{6}, true},
		"version 1":                        {rtpBytes(0x40, 1), nil, false},
		"short":                            {rtpBytes(0x80)[:11], nil, false},
		"empty":                            {nil, nil, false},
		"contributing sources cut off":     {rtpBytes(0x82, 9, 9, 9, 9), nil, false},
		"extension cut off":                {rtpBytes(0x90, 0xbe, 0xde, 0, 2, 9, 9, 9, 9), nil, false},
		"extension without its length":     {rtpBytes(0x90, 0xbe), nil, false},
		"padding of no length":             {rtpBytes(0xa0, 1, 0), nil, false},
		"padding longer than the payload":  {rtpBytes(0xa0, 1, 3), nil, false},
		"padding flag and nothing behind":  {rtpBytes(0xa0), nil, false},
		"padding reaching into the header": {rtpBytes(0xa1, 9, 9, 9, 9, 6), nil, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h, payload, ok := ParseRTP(test.in)
			if ok != test.ok || !bytes.Equal(payload, test.payload) {
				t.Fatalf("got % x %v, want % x %v", payload, ok, test.payload, test.ok)
			}
			want := Header{Marker: true, PayloadType: 8, Sequence: 0x1234, Timestamp: 160, SSRC: 0xdeadbeef}
			if ok && h != want {
				t.Errorf("header %+v, want %+v", h, want)
			}
		})
	}
}

func FuzzParseRTP(f *testing.F) {
	f.Add(rtpBytes(0x80, 1, 2, 3))
	f.Add(rtpBytes(0xb1, 9, 9, 9, 9, 0, 0, 0, 0, 6, 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, payload, ok := ParseRTP(b)
		if !ok {
			return
		}
		if len(payload) > len(b)-HeaderSize {
			t.Fatalf("payload of %d bytes in a packet of %d", len(payload), len(b))
		}
		again, same, ok := ParseRTP(append(AppendHeader(nil, h), payload...))
		if !ok || again != h || !bytes.Equal(same, payload) {
			t.Fatalf("%+v does not survive writing and reading: %+v", h, again)
		}
	})
}

func BenchmarkParseRTP(b *testing.B) {
	b.ReportAllocs()
	packet := append(rtpBytes(0x80), make([]byte, FrameSamples)...)
	for b.Loop() {
		ParseRTP(packet)
	}
}
