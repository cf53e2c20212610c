package browser

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/webrtc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start serves on loopback, and makes an engine of browsers.
func start(t testing.TB) (*webrtc.Engine, *Engine) {
	t.Helper()
	pacer := media.NewPacer()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { pacer.Run(ctx) })
	server, err := webrtc.New(webrtc.Config{
		Listen: "127.0.0.1:0", PublicIPs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, Pacer: pacer,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := NewEngine()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		engine.Close()
		server.Close()
		cancel()
		running.Wait()
	})
	return server, engine
}

// connect brings a browser and a peer of the server together.
func connect(t testing.TB, server *webrtc.Engine, engine *Engine, o Options) (*Browser, *webrtc.Peer) {
	t.Helper()
	b := engine.New(o)
	up := make(chan struct{})
	p, answer, err := server.NewPeer(b.Offer(), webrtc.PeerOptions{OnState: func(s webrtc.State) {
		if s == webrtc.StateConnected {
			close(up)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := b.Connect(ctx, answer); err != nil {
		t.Fatal(err)
	}
	<-up
	return b, p
}

// sink passes packets to a function.
type sink func(p *media.Packet)

func (s sink) WritePacket(p *media.Packet) { s(p) }

func TestSoundPassesBothWays(t *testing.T) {
	server, engine := start(t)
	type packet struct {
		h       media.Header
		payload string
		late    time.Duration
	}
	got := make(chan packet, 10)
	b, p := connect(t, server, engine, Options{OnPacket: func(h media.Header, payload []byte, at time.Duration) {
		got <- packet{h, string(payload), media.Now() - at}
	}})
	up := make(chan media.Packet, 10)
	p.Line(0).Listen(call.Listener{Packets: sink(func(p *media.Packet) {
		c := *p
		c.Payload = bytes.Clone(p.Payload)
		up <- c
	})})

	pt, ok := b.PayloadType(media.PCMU)
	if !ok {
		t.Fatal("PCMU was not agreed on")
	}
	if err := b.Send(media.Header{PayloadType: pt, Sequence: 7, Timestamp: 8, Marker: true}, []byte("up")); err != nil {
		t.Fatal(err)
	}
	if c := <-up; c.Codec != media.PCMU || string(c.Payload) != "up" || c.Sequence != 7 || c.Timestamp != 8 || !c.Marker {
		t.Errorf("the server heard %+v", c)
	}
	for line := range p.Lines() {
		p.Line(line).WritePacket(&media.Packet{Source: 1, Codec: media.PCMA, Payload: []byte("down"), Arrived: media.Now()})
		c := <-got
		if n, ok := b.Line(c.h.SSRC); !ok || n != line || c.payload != "down" || c.h.PayloadType != 8 {
			t.Errorf("on line %d the browser heard %+v", line, c)
		}
		if c.late < 0 || c.late > 5*time.Second {
			t.Errorf("the packet arrived %v ago", c.late)
		}
	}
}

func TestSilentBrowserStaysConnected(t *testing.T) {
	server, engine := start(t)
	_, p := connect(t, server, engine, Options{})
	before := p.Stats().Heard
	deadline := time.Now().Add(15 * time.Second)
	for p.Stats().Heard < before+4*time.Second {
		if time.Now().After(deadline) {
			t.Fatal("the browser does not keep the connection up")
		}
		time.Sleep(50 * time.Millisecond)
	}
	if p.State() != webrtc.StateConnected {
		t.Errorf("the connection is %v", p.State())
	}
}

func TestAnotherServersAnswerIsRefused(t *testing.T) {
	server, engine := start(t)
	b := engine.New(Options{})
	_, answer, err := server.NewPeer(b.Offer(), webrtc.PeerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	i := strings.Index(answer, "sha-256 ") + len("sha-256 ")
	forged := strings.ReplaceAll(answer, answer[i:i+5], "00:00")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := b.Connect(ctx, forged); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if err := b.Send(media.Header{}, []byte{1}); !errors.Is(err, ErrClosed) {
		t.Errorf("error of Send: %v", err)
	}
}

func TestAnswersThatAreNoneAreRefused(t *testing.T) {
	_, engine := start(t)
	for _, sdp := range []string{"", "v=0", "m=audio 9 UDP/TLS/RTP/SAVPF 8\na=candidate:1", "m=audio 9 UDP/TLS/RTP/SAVPF 8\na=fingerprint:x"} {
		if err := engine.New(Options{}).Connect(t.Context(), sdp); err == nil {
			t.Errorf("%q was taken", sdp)
		}
	}
}

func TestHundredBrowsersConnectAtOnce(t *testing.T) {
	server, engine := start(t)
	const n = 100
	var heard atomic.Int64
	var all sync.WaitGroup
	begin := time.Now()
	for range n {
		all.Go(func() {
			b, p := connect(t, server, engine, Options{OnPacket: func(media.Header, []byte, time.Duration) { heard.Add(1) }})
			p.Line(0).Listen(call.Listener{Packets: sink(func(m *media.Packet) { p.Line(0).WritePacket(m) })})
			for i := range 10 {
				if err := b.Send(media.Header{PayloadType: 8, Sequence: uint16(i), Timestamp: uint32(i) * 160}, make([]byte, 160)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d browsers connected in %v", n, time.Since(begin))
	deadline := time.Now().Add(10 * time.Second)
	for heard.Load() < 10*n && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	if heard.Load() != 10*n {
		t.Errorf("%d of %d packets came back", heard.Load(), 10*n)
	}
}

func BenchmarkEcho(b *testing.B) {
	server, engine := start(b)
	back := make(chan struct{}, 1)
	x, p := connect(b, server, engine, Options{OnPacket: func(media.Header, []byte, time.Duration) { back <- struct{}{} }})
	p.Line(0).Listen(call.Listener{Packets: sink(func(m *media.Packet) { p.Line(0).WritePacket(m) })})
	sound := make([]byte, 160)
	h := media.Header{PayloadType: 8}
	b.ReportAllocs()
	for b.Loop() {
		h.Sequence++
		h.Timestamp += 160
		if err := x.Send(h, sound); err != nil {
			b.Fatal(err)
		}
		<-back
	}
}

func TestAFaultInOneCallLeavesTheSocketReading(t *testing.T) {
	server, engine := start(t)
	b, p := connect(t, server, engine, Options{})
	defer b.Close()
	tried := make(chan struct{}, 1)
	p.Line(0).Listen(call.Listener{Packets: sink(func(*media.Packet) {
		tried <- struct{}{}
		panic("fault of a call")
	})})
	if err := b.Send(media.Header{PayloadType: 8, Sequence: 1}, []byte("first")); err != nil {
		t.Fatal(err)
	}
	<-tried
	heard := make(chan struct{}, 1)
	p.Line(0).Listen(call.Listener{Packets: sink(func(*media.Packet) { heard <- struct{}{} })})
	if err := b.Send(media.Header{PayloadType: 8, Sequence: 2, Timestamp: 160}, []byte("second")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-heard:
	case <-time.After(5 * time.Second):
		t.Fatal("nothing is heard after the fault")
	}
}
