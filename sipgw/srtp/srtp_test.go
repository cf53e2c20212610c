package srtp

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/media/rtcp"
)

const slack = 64

func packet(h media.Header, sound string) []byte {
	return append(media.AppendHeader(make([]byte, 0, media.MaxPacket+slack), h), sound...)
}

func ends(t testing.TB, k Key) (*Sealer, *Opener) {
	t.Helper()
	s, err := NewSealer(k)
	if err != nil {
		t.Fatal(err)
	}
	o, err := NewOpener(k)
	if err != nil {
		t.Fatal(err)
	}
	return s, o
}

func TestEachSuiteOpensWhatItSealed(t *testing.T) {
	for _, suite := range Suites {
		t.Run(suite.String(), func(t *testing.T) {
			k := NewKey(suite)
			same, err := ParseKey(SuiteNamed(suite.String()), k.Inline())
			if err != nil || same != k {
				t.Fatalf("the key does not survive SDP: %v", err)
			}
			seal, open := ends(t, k)
			clear := packet(media.Header{PayloadType: 8, Sequence: 7, SSRC: 5}, "sound of a telephone")
			plain := bytes.Clone(clear)
			sealed, err := seal.SealRTP(clear)
			if err != nil || bytes.Contains(sealed, []byte("telephone")) || &sealed[0] != &clear[0] {
				t.Fatalf("%v, in place %v", err, &sealed[0] == &clear[0])
			}
			copied := bytes.Clone(sealed)
			opened, err := open.OpenRTP(sealed)
			if err != nil || !bytes.Equal(opened, plain) {
				t.Fatalf("opened % x: %v", opened, err)
			}
			if _, err := open.OpenRTP(bytes.Clone(copied)); err == nil {
				t.Error("a packet is taken twice")
			}
			copied[len(copied)-1] ^= 1
			copied[3]++
			if _, err := open.OpenRTP(copied); err == nil {
				t.Error("a packet that was changed is taken")
			}
			report := rtcp.AppendDescription(rtcp.AppendReceiverReport(make([]byte, 0, rtcp.MaxSize), 5), 5, "somebody")
			plain = bytes.Clone(report)
			sealed, err = seal.SealRTCP(report)
			if err != nil || bytes.Contains(sealed, []byte("somebody")) {
				t.Fatal("a report is not encrypted", err)
			}
			if opened, err = open.OpenRTCP(sealed); err != nil || !bytes.Equal(opened, plain) {
				t.Fatalf("opened % x: %v", opened, err)
			}
		})
	}
}

// The count of wraps is kept for each stream, so that one that comes back after
// another goes on.
func TestWrapsAreCountedForEachStream(t *testing.T) {
	seal, open := ends(t, NewKey(AES128SHA80))
	send := func(ssrc uint32, sequence uint16) {
		t.Helper()
		b, err := seal.SealRTP(packet(media.Header{Sequence: sequence, SSRC: ssrc}, "x"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := open.OpenRTP(b); err != nil {
			t.Fatalf("stream %d, packet %d: %v", ssrc, sequence, err)
		}
	}
	for sequence := uint16(65000); sequence != 1000; sequence++ {
		send(1, sequence)
	}
	send(2, 60000)
	send(2, 60001)
	send(1, 1000)
	send(1, 1001)
}

func TestManyStreamsOfAPeerAreBounded(t *testing.T) {
	seal, open := ends(t, NewKey(AES128GCM))
	var failed int
	for ssrc := range uint32(maxStreams + 10) {
		b, _ := seal.SealRTP(packet(media.Header{SSRC: ssrc}, "x"))
		if _, err := open.OpenRTP(b); err != nil {
			failed++
		}
	}
	if failed != 10 {
		t.Errorf("%d refused", failed)
	}
}

func TestKeysDoNotShow(t *testing.T) {
	k := NewKey(AES128SHA80)
	text := fmt.Sprintf("%v %+v %#v %s", k, k, struct{ Key Key }{k}, k)
	if strings.Contains(text, k.Inline()) || strings.Contains(text, k.secret) {
		t.Error(text)
	}
}

func TestKeysOfTheWrongLengthAreRefused(t *testing.T) {
	for _, text := range []string{"", "AAAA", "!", strings.Repeat("A", 44), NewKey(AES256GCM).Inline()} {
		if _, err := ParseKey(AES128SHA80, text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	k := NewKey(AES128GCM)
	if same, err := ParseKey(AES128GCM, strings.TrimRight(k.Inline(), "=")); err != nil || same != k {
		t.Error("a key without padding is refused:", err)
	}
}

// pooled tells that what is given to a pool can be had again.
var pooled = true

func TestSealingAndOpeningAllocateNothing(t *testing.T) {
	if !pooled {
		t.Skip("allocations cannot be counted here")
	}
	for _, suite := range Suites {
		seal, open := ends(t, NewKey(suite))
		buffer := make([]byte, 0, media.MaxPacket+slack)
		sound := make([]byte, 160)
		sequence := uint16(0)
		if n := testing.AllocsPerRun(1000, func() {
			sequence++
			b := append(media.AppendHeader(buffer, media.Header{PayloadType: 8, Sequence: sequence, SSRC: 1}), sound...)
			b, err := seal.SealRTP(b)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := open.OpenRTP(b); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%v: %v allocations a packet", suite, n)
		}
		report := make([]byte, 0, rtcp.MaxSize)
		if n := testing.AllocsPerRun(100, func() {
			b := rtcp.AppendSenderReport(report, 1, rtcp.Sent{}, 0, time.Time{})
			b, _ = seal.SealRTCP(rtcp.AppendDescription(b, 1, "x"))
			if _, err := open.OpenRTCP(b); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%v: %v allocations a report", suite, n)
		}
	}
}

func FuzzOpen(f *testing.F) {
	seal, open := ends(f, NewKey(AES128GCM))
	b, _ := seal.SealRTP(packet(media.Header{SSRC: 1}, "x"))
	f.Add(b)
	f.Add([]byte{0xbf, 0xc8})
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = open.OpenRTP(bytes.Clone(b))
		_, _ = open.OpenRTCP(bytes.Clone(b))
	})
}

func BenchmarkSeal(b *testing.B) {
	for _, suite := range Suites {
		b.Run(suite.String(), func(b *testing.B) {
			seal, _ := ends(b, NewKey(suite))
			buffer, sound := make([]byte, 0, media.MaxPacket+slack), make([]byte, 160)
			b.ReportAllocs()
			var sequence uint16
			for b.Loop() {
				sequence++
				_, _ = seal.SealRTP(append(media.AppendHeader(buffer, media.Header{Sequence: sequence}), sound...))
			}
		})
	}
}

func BenchmarkSealAndOpen(b *testing.B) {
	for _, suite := range Suites {
		b.Run(suite.String(), func(b *testing.B) {
			seal, open := ends(b, NewKey(suite))
			buffer, sound := make([]byte, 0, media.MaxPacket+slack), make([]byte, 160)
			b.ReportAllocs()
			var sequence uint16
			for b.Loop() {
				sequence++
				p, _ := seal.SealRTP(append(media.AppendHeader(buffer, media.Header{Sequence: sequence}), sound...))
				if _, err := open.OpenRTP(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
