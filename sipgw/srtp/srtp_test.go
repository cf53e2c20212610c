package srtp

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/media/rtcp"
	"github.com/carillon-cc/carillon/sipgw/siptest"
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

// path is two legs' media, one sending to the other.
type path struct {
	output *media.Output
	packet media.Packet
	heard  chan struct{}
	to     *media.Port
}

func newPath(t testing.TB, k Key) *path {
	t.Helper()
	ports := media.NewPorts(siptest.Address(), 0, 0)
	var ends [2]*media.Port
	for i := range ends {
		p, err := ports.Open(media.PortConfig{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Close)
		ends[i] = p
	}
	from, to := ends[0], ends[1]
	if err := errors.Join(Rekey(from, Keys{}, Keys{Send: k}), Rekey(to, Keys{}, Keys{Receive: k})); err != nil {
		t.Fatal(err)
	}
	x := &path{to: to, heard: make(chan struct{}, 10), output: media.NewOutput(func(b []byte) { _ = from.Send(b) })}
	x.output.SetCodec(media.PCMA, 8)
	x.packet = media.Packet{Source: media.NewSource(), Codec: media.PCMA, Payload: make([]byte, 160)}
	to.SetPayloadTypes(map[uint8]media.Codec{8: media.PCMA})
	from.SetRemote(to.Local())
	to.SetRemote(from.Local())
	to.Receive(func(media.Header, *media.Packet) { x.heard <- struct{}{} })
	return x
}

// send sends a packet and waits until it was heard.
func (x *path) send() {
	x.packet.Sequence++
	x.packet.Timestamp += 160
	x.packet.Arrived = media.Now()
	x.output.WritePacket(&x.packet)
	<-x.heard
}

func TestALegAllocatesNothingForAPacket(t *testing.T) {
	if !pooled {
		t.Skip("allocations cannot be counted here")
	}
	for _, suite := range append([]Suite{NoSuite}, Suites...) {
		var k Key
		if suite != NoSuite {
			k = NewKey(suite)
		}
		x := newPath(t, k)
		for range 10 {
			x.send()
		}
		if n := testing.AllocsPerRun(500, x.send); n != 0 {
			t.Errorf("%v: %v allocations a packet", suite, n)
		}
	}
}

// A key that stays goes on counting; one that is new is taken at once, and
// nothing of the one before is.
func TestRekeying(t *testing.T) {
	k := NewKey(AES128GCM)
	x := newPath(t, k)
	for range 3 {
		x.send()
	}
	if err := Rekey(x.to, Keys{Receive: k}, Keys{Receive: k}); err != nil {
		t.Fatal(err)
	}
	x.send()
	if err := Rekey(x.to, Keys{Receive: k}, Keys{Receive: NewKey(AES128GCM)}); err != nil {
		t.Fatal(err)
	}
	x.packet.Sequence++
	x.output.WritePacket(&x.packet)
	for limit := time.Now().Add(30 * time.Second); x.to.Stats().Bad == 0; runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatal("the packet of a former key was taken")
		}
	}
	if len(x.heard) != 0 {
		t.Error("it was heard")
	}
}

func BenchmarkLeg(b *testing.B) {
	for _, suite := range append([]Suite{NoSuite}, Suites...) {
		b.Run(suite.String(), func(b *testing.B) {
			var k Key
			if suite != NoSuite {
				k = NewKey(suite)
			}
			x := newPath(b, k)
			b.ReportAllocs()
			for b.Loop() {
				x.send()
			}
		})
	}
}
