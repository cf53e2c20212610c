package webrtc

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/internal/leaks"
	"github.com/carillon-cc/carillon/media"
)

func TestMain(m *testing.M) { leaks.Verify(m) }

// patience is how long is waited for what must happen.
const patience = 30 * time.Second

// loopback is an address of this process alone: what another test sends to a port
// that one of its sockets had cannot come to an engine here.
var loopback = netip.AddrFrom4([4]byte{127, byte(64 | os.Getpid()>>8&0x3f), byte(os.Getpid()), 2})

// startEngine serves on a free port of the loopback interface.
func startEngine(t testing.TB, change ...func(*Config)) *Engine {
	t.Helper()
	pacer := media.NewPacer()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { pacer.Run(ctx) })
	config := Config{
		Listen: netip.AddrPortFrom(loopback, 0).String(), Pacer: pacer, PublicIPs: []netip.Addr{loopback},
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, c := range change {
		c(&config)
	}
	e, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		e.Close()
		cancel()
		running.Wait()
	})
	return e
}

// states collects the states of a peer.
type states chan State

func newStates() states { return make(states, 100) }

func (s states) options() PeerOptions { return PeerOptions{OnState: func(state State) { s <- state }} }

// await waits for a state, passing over others.
func (s states) await(t testing.TB, want State) {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case got := <-s:
			if got == want {
				return
			}
		case <-timeout:
			t.Fatalf("the peer did not become %v", want)
		}
	}
}

// heard is a packet with a payload of its own.
type heard struct {
	media.Packet
	sound string
}

// ear is a call's end that keeps what it hears.
type ear struct {
	packets chan heard
	events  chan call.Event
}

func newEar() *ear {
	return &ear{packets: make(chan heard, 1000), events: make(chan call.Event, 10)}
}

func (e *ear) WritePacket(p *media.Packet) {
	select {
	case e.packets <- heard{Packet: *p, sound: string(p.Payload)}:
	default:
	}
}

func (e *ear) listener() call.Listener {
	return call.Listener{Packets: e, Events: func(event call.Event) { e.events <- event }}
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
