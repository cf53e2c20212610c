package browser

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/internal/leaks"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/webrtc"
)

func TestMain(m *testing.M) { leaks.Verify(m) }

// patience is how long is waited for what must happen.
const patience = time.Minute

// loopback is an address of this process alone: what another test sends to a port
// that one of its sockets had cannot come to a server here.
var loopback = netip.AddrFrom4([4]byte{127, byte(64 | os.Getpid()>>8&0x3f), byte(os.Getpid()), 3})

// start serves on loopback, and makes an engine of browsers.
func start(t testing.TB) (*webrtc.Engine, *Engine) {
	t.Helper()
	pacer := media.NewPacer()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { pacer.Run(ctx) })
	server, err := webrtc.New(webrtc.Config{
		Listen: netip.AddrPortFrom(loopback, 0).String(), PublicIPs: []netip.Addr{loopback}, Pacer: pacer,
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
	b, p, err := tryConnect(t, server, engine, o, patience)
	if err != nil {
		t.Fatal(err)
	}
	return b, p
}

func tryConnect(t testing.TB, server *webrtc.Engine, engine *Engine, o Options, limit time.Duration) (*Browser, *webrtc.Peer, error) {
	t.Helper()
	b := engine.New(o)
	states := make(chan webrtc.State, 10)
	p, answer, err := server.NewPeer(b.Offer(), webrtc.PeerOptions{OnState: func(s webrtc.State) { states <- s }})
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := b.Connect(ctx, answer); err != nil {
		p.Close()
		return nil, nil, err
	}
	select {
	case s := <-states:
		if s == webrtc.StateConnected {
			return b, p, nil
		}
		err = fmt.Errorf("the peer became %v", s)
	case <-ctx.Done():
		err = ctx.Err()
	}
	b.Close()
	p.Close()
	return nil, nil, err
}

// await waits for something and gives up in time.
func await[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("no %s came", what)
		panic("unreachable")
	}
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
	if c := await(t, "sound of the browser", up); c.Codec != media.PCMU || string(c.Payload) != "up" || c.Sequence != 7 || c.Timestamp != 8 || !c.Marker {
		t.Errorf("the server heard %+v", c)
	}
	for line := range p.Lines() {
		p.Line(line).WritePacket(&media.Packet{Source: 1, Codec: media.PCMA, Payload: []byte("down"), Arrived: media.Now()})
		c := await(t, "sound for the browser", got)
		if n, ok := b.Line(c.h.SSRC); !ok || n != line || c.payload != "down" || c.h.PayloadType != 8 {
			t.Errorf("on line %d the browser heard %+v", line, c)
		}
		if c.late < 0 || c.late > patience {
			t.Errorf("the packet arrived %v ago", c.late)
		}
	}
}

func TestSilentBrowserStaysConnected(t *testing.T) {
	server, engine := start(t)
	_, p := connect(t, server, engine, Options{})
	before := p.Stats().Heard
	deadline := time.Now().Add(patience)
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
	ctx, cancel := context.WithTimeout(t.Context(), patience)
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
	var all sync.WaitGroup
	begin := time.Now()
	for range n {
		all.Go(func() {
			back := make(chan uint32, 1000)
			b, p, err := connectInTime(t, server, engine, Options{OnPacket: func(h media.Header, _ []byte, _ time.Duration) { back <- h.SSRC }})
			if err != nil {
				t.Error(err)
				return
			}
			p.Line(0).Listen(call.Listener{Packets: sink(func(m *media.Packet) { p.Line(0).WritePacket(m) })})
			// A packet may be lost where there is much to do, as on a network.
			sequence, limit := uint16(0), time.Now().Add(patience)
			for heard := 0; heard < 10; sequence++ {
				if err := b.Send(media.Header{PayloadType: 8, Sequence: sequence, Timestamp: uint32(sequence) * 160}, make([]byte, 160)); err != nil {
					t.Error(err)
				}
				select {
				case ssrc := <-back:
					heard++
					if line, ok := b.Line(ssrc); !ok || line != 0 {
						t.Errorf("the browser hears itself on line %d", line)
					}
				case <-time.After(time.Second):
					if time.Now().After(limit) {
						t.Errorf("the browser heard %d of %d packets", heard, sequence)
						return
					}
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d browsers connected and heard themselves in %v", n, time.Since(begin))
}

// handshakeTime is how long the server waits for a browser's handshake. A machine
// that is too busy for so many at once gives up some of them.
const handshakeTime = 10 * time.Second

// connectInTime connects as connect does, and again where the handshake took the
// server too long.
func connectInTime(t testing.TB, server *webrtc.Engine, engine *Engine, o Options) (*Browser, *webrtc.Peer, error) {
	t.Helper()
	const tries = 5
	for try := 1; ; try++ {
		begun := time.Now()
		b, p, err := tryConnect(t, server, engine, o, 2*handshakeTime)
		if err == nil || time.Since(begun) < handshakeTime || try == tries {
			return b, p, err
		}
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
	await(t, "sound", tried)
	heard := make(chan struct{}, 1)
	p.Line(0).Listen(call.Listener{Packets: sink(func(*media.Packet) { heard <- struct{}{} })})
	if err := b.Send(media.Header{PayloadType: 8, Sequence: 2, Timestamp: 160}, []byte("second")); err != nil {
		t.Fatal(err)
	}
	await(t, "sound after the fault", heard)
}
