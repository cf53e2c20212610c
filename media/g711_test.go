package media

import (
	"math"
	"testing"
)

func TestG711KnownValues(t *testing.T) {
	tests := []struct {
		code       byte
		alaw, ulaw int16
	}{
		{0xd5, 8, 0}, // the µ-law column is checked where it is not 0
		{0x55, -8, 0},
		{0xaa, 32256, 0},
		{0x2a, -32256, 0},
		{0x80, 5504, 32124},
		{0x00, -5504, -32124},
		{0xff, 848, 0},
	}
	for _, test := range tests {
		if got := alawToLinear[test.code]; got != test.alaw {
			t.Errorf("A-law %#02x decodes to %d, want %d", test.code, got, test.alaw)
		}
		if got := mulawToLinear[test.code]; test.ulaw != 0 && got != test.ulaw {
			t.Errorf("µ-law %#02x decodes to %d, want %d", test.code, got, test.ulaw)
		}
	}
	if mulawToLinear[0xff] != 0 || mulawToLinear[0x7f] != 0 {
		t.Error("both µ-law zeros must decode to 0")
	}
}

func TestG711CodesSurviveDecodingAndEncoding(t *testing.T) {
	for i := range 256 {
		if got := compressALaw(alawToLinear[i]); got != byte(i) {
			t.Errorf("A-law %#02x comes back as %#02x", i, got)
		}
		want := byte(i)
		if want == 0x7f { // negative zero has no sample of its own
			want = 0xff
		}
		if got := compressMuLaw(mulawToLinear[i]); got != want {
			t.Errorf("µ-law %#02x comes back as %#02x", i, got)
		}
	}
}

func TestG711ErrorIsWithinHalfAStep(t *testing.T) {
	for s := math.MinInt16; s <= math.MaxInt16; s++ {
		magnitude := math.Abs(float64(s))
		limit := max(16, magnitude/32+8) // half of the interval's width, with the offset of the smallest
		if got := alawToLinear[compressALaw(int16(s))]; math.Abs(float64(got)-float64(s)) > limit {
			t.Fatalf("A-law: %d comes back as %d", s, got)
		}
		limit = max(8, magnitude/32+8)
		if magnitude > 32635 { // beyond µ-law's last interval
			limit = 700
		}
		if got := mulawToLinear[compressMuLaw(int16(s))]; math.Abs(float64(got)-float64(s)) > limit {
			t.Fatalf("µ-law: %d comes back as %d", s, got)
		}
	}
}

func TestG711EncodingRisesWithTheSample(t *testing.T) {
	for s := math.MinInt16 + 1; s <= math.MaxInt16; s++ {
		if alawToLinear[compressALaw(int16(s))] < alawToLinear[compressALaw(int16(s-1))] {
			t.Fatalf("A-law falls at %d", s)
		}
		if mulawToLinear[compressMuLaw(int16(s))] < mulawToLinear[compressMuLaw(int16(s-1))] {
			t.Fatalf("µ-law falls at %d", s)
		}
	}
}

func TestLawsTranslateWithLittleError(t *testing.T) {
	src := make([]byte, 256)
	for i := range src {
		src[i] = byte(i)
	}
	dst := make([]byte, 256)
	ALawToMuLaw(dst, src)
	for i, b := range dst {
		a, m := float64(alawToLinear[i]), float64(mulawToLinear[b])
		if math.Abs(a-m) > max(16, math.Abs(a)/32+8) {
			t.Errorf("A-law %#02x (%v) became µ-law %#02x (%v)", i, a, b, m)
		}
	}
	MuLawToALaw(dst, src)
	for i, b := range dst {
		m, a := float64(mulawToLinear[i]), float64(alawToLinear[b])
		if math.Abs(a-m) > max(16, math.Abs(m)/32+8) {
			t.Errorf("µ-law %#02x (%v) became A-law %#02x (%v)", i, m, b, a)
		}
	}
}

func TestSilenceIsTheSmallestValue(t *testing.T) {
	if Silence(PCMA) != 0xd5 || Silence(PCMU) != 0xff {
		t.Errorf("silence is %#02x and %#02x", Silence(PCMA), Silence(PCMU))
	}
	if compressALaw(0) != Silence(PCMA) || compressMuLaw(0) != Silence(PCMU) {
		t.Error("zero must be encoded as silence")
	}
}

func BenchmarkALawToMuLaw(b *testing.B) {
	b.ReportAllocs()
	src, dst := make([]byte, FrameSamples), make([]byte, FrameSamples)
	for b.Loop() {
		ALawToMuLaw(dst, src)
	}
}
