package sipgw_test

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw"
	"github.com/carillon-cc/carillon/sipgw/phone"
	"github.com/carillon-cc/carillon/sipgw/siptest"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// patience is how long tests wait for what must happen, also on a machine that is
// busy or stands still for a while.
const patience = 30 * time.Second

// tower is a gateway that calls telephones.
type tower struct {
	*sipgw.Gateway
	incoming chan sipgw.Incoming
	stop     func()
}

// build runs a gateway on an address of its own that ends with the test.
func build(t *testing.T, change func(*sipgw.Config)) *tower {
	t.Helper()
	pacer, own := media.NewPacer(), siptest.Address()
	cfg := sipgw.Config{
		Listen: own.String() + ":0", Ports: media.NewPorts(own, 0, 0), Pacer: pacer, AllowLoopback: true,
		Log: slog.New(slog.DiscardHandler), Timers: sipgw.Timers{Farewell: 100 * time.Millisecond},
	}
	if change != nil {
		change(&cfg)
	}
	g, err := sipgw.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := &tower{Gateway: g, incoming: make(chan sipgw.Incoming, 10)}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { pacer.Run(ctx) })
	running.Go(func() {
		_ = g.Run(ctx, func(ctx context.Context, in sipgw.Incoming) {
			w.incoming <- in
			<-ctx.Done()
		})
	})
	w.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	t.Cleanup(w.stop)
	for limit := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		_, err := g.Place(sipgw.Place{})
		var refused *sipgw.RefusedError
		if errors.As(err, &refused) && refused.Reason == call.ReasonTrunkFailed || time.Now().After(limit) {
			break
		}
	}
	return w
}

// outgoing is a call that a tower placed.
type outgoing struct {
	call.CalledLeg
	events chan call.Event
}

func (w *tower) place(t *testing.T, p sipgw.Place) *outgoing {
	t.Helper()
	l, err := w.Place(p)
	if err != nil {
		t.Fatal(err)
	}
	o := &outgoing{l, make(chan call.Event, 100)}
	o.hear(nil)
	return o
}

// hear has a sink take what the called side says.
func (o *outgoing) hear(to media.Sink) {
	o.Listen(call.Listener{Packets: to, Events: func(e call.Event) { o.events <- e }})
}

// expect waits for the next event, which must be of a type.
func expect[E any](t *testing.T, o *outgoing) E {
	t.Helper()
	select {
	case e := <-o.events:
		want, ok := e.(E)
		if gone, over := e.(call.Gone); over && !ok {
			t.Fatalf("gone by %v with status %d, want %T", gone.Cause, gone.Cause.Status, want)
		}
		if !ok {
			t.Fatalf("%T came, want %T: %+v", e, want, e)
		}
		return want
	case <-time.After(patience):
		var none E
		t.Fatalf("no %T came", none)
		return none
	}
}

// callee makes a telephone whose calls come through the channel.
func callee(t *testing.T) (*phone.Phone, chan *phone.Ring) {
	t.Helper()
	rings := make(chan *phone.Ring, 10)
	p, err := phone.New(phone.Config{Local: siptest.Address(), OnCall: func(r *phone.Ring) { rings <- r }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p, rings
}

func next(t *testing.T, rings chan *phone.Ring) *phone.Ring {
	t.Helper()
	select {
	case r := <-rings:
		return r
	case <-time.After(patience):
		t.Fatal("the telephone was not called")
		return nil
	}
}

func hops(phones ...*phone.Phone) []netip.AddrPort {
	var at []netip.AddrPort
	for _, p := range phones {
		at = append(at, p.Addr())
	}
	return at
}

func ok[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// hears waits until the end of what a telephone heard is a tone.
func hears(t *testing.T, c *phone.Call, want float64) {
	t.Helper()
	var hz, share float64
	for limit := time.Now().Add(patience); time.Now().Before(limit); time.Sleep(20 * time.Millisecond) {
		heard := c.Heard()
		hz, share = media.DominantTone(heard[max(0, len(heard)-2000):])
		if math.Abs(hz-want) < 5 && share > 0.95 {
			return
		}
	}
	t.Fatalf("heard %.0f Hz at %.2f, want %.0f Hz", hz, share, want)
}

func tone(hz float64) *media.Prompt {
	return media.NewPromptFromPCM(media.Tone(hz, time.Second, 0.3))
}

func TestCallerAndCalledHearEachOther(t *testing.T) {
	for _, transport := range []string{"UDP"} {
		w := build(t, nil)
		b, rings := callee(t)
		a := ok[*phone.Phone](t)(phone.New(phone.Config{Local: siptest.Address()}))
		t.Cleanup(a.Close)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		caller := ok[*phone.Call](t)(a.Dial(ctx, phone.Options{URI: "sip:1000@" + w.Addr().String(), From: "3000", Keep: time.Minute}))
		in := <-w.incoming
		in.Leg.Listen(call.Listener{})

		var released atomic.Int32
		o := w.place(t, sipgw.Place{Peers: hops(b), Transport: transport, Codecs: []media.Codec{media.PCMA, media.PCMU}, Release: func() { released.Add(1) }})
		o.hear(in.Leg)
		in.Leg.Listen(call.Listener{Packets: o})
		r := next(t, rings)
		if err := r.Ringing(); err != nil {
			t.Fatal(err)
		}
		if expect[call.Ringing](t, o).Early {
			t.Error("early media without any")
		}
		called := ok[*phone.Call](t)(r.Answer(phone.Reply{Keep: time.Minute}))
		expect[call.Answered](t, o)
		if err := in.Leg.Answer(); err != nil {
			t.Fatal(err)
		}
		if err := caller.WaitAnswer(ctx); err != nil {
			t.Fatal(err)
		}
		caller.Play(tone(440), true)
		called.Play(tone(660), true)
		hears(t, called, 440)
		hears(t, caller, 660)
		if o.Codec() != media.PCMA {
			t.Errorf("codec %v", o.Codec())
		}
		called.SendDigits("5")
		if got := expect[call.Digit](t, o); got.Digit != '5' {
			t.Errorf("digit %q", got.Digit)
		}
		if q := o.Quality(); q.Received == 0 || q.Sent == 0 || q.Codec != "PCMA" {
			t.Errorf("%+v", q)
		}
		if w.Stats().Calls != 2 || released.Load() != 0 {
			t.Errorf("%+v, released %d times", w.Stats(), released.Load())
		}
		called.Hangup()
		if got := expect[call.Gone](t, o); got.Cause.By != call.ByCalled || got.Cause.Reason != call.ReasonHangup {
			t.Errorf("gone by %v", got.Cause)
		}
		settled(t, "the leg is released", func() bool { return released.Load() == 1 && w.Stats().Calls == 1 })
		caller.Hangup()
	}
}

func settled(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for limit := time.Now().Add(patience); time.Now().Before(limit); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatal("not so: " + what)
}
