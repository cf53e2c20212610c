package phone_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/internal/leaks"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw"
	"github.com/carillon-cc/carillon/sipgw/phone"
	"github.com/carillon-cc/carillon/sipgw/siptest"
)

func TestMain(m *testing.M) { leaks.Verify(m) }

var loopback = netip.MustParseAddr("127.0.0.1")

// echo is a gateway whose calls hear themselves, with what happened to them.
type echo struct {
	*sipgw.Gateway
	pacer  *media.Pacer
	events chan call.Event
}

// back sends what a leg receives back to it.
type back struct{ leg call.Leg }

func (b back) WritePacket(p *media.Packet) { b.leg.WritePacket(p) }

// startEcho runs an echo at an address of its own that ends with the test. handle does what comes before
// the echo; it returns false when the call is not to be answered.
func startEcho(t *testing.T, handle func(in sipgw.Incoming) bool) *echo {
	t.Helper()
	return startEchoWith(t, handle, func(*sipgw.Config) {})
}

// startEchoWith runs an echo with another configuration.
func startEchoWith(t *testing.T, handle func(in sipgw.Incoming) bool, change func(*sipgw.Config)) *echo {
	t.Helper()
	own := siptest.Address()
	e := &echo{pacer: media.NewPacer(), events: make(chan call.Event, 1000)}
	cfg := sipgw.Config{
		Listen: own.String() + ":0", Ports: media.NewPorts(own, 0, 0), Pacer: e.pacer, AllowLoopback: true,
		Log: slog.New(slog.DiscardHandler), Timers: sipgw.Timers{Farewell: 100 * time.Millisecond},
	}
	change(&cfg)
	g, err := sipgw.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	e.Gateway = g
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { e.pacer.Run(ctx) })
	running.Go(func() {
		_ = g.Run(ctx, func(ctx context.Context, in sipgw.Incoming) {
			over := make(chan struct{})
			in.Leg.Listen(call.Listener{Packets: back{in.Leg}, Events: func(event call.Event) {
				e.events <- event
				if _, gone := event.(call.Gone); gone {
					close(over)
				}
			}})
			in.Leg.Ring()
			if handle == nil || handle(in) {
				if in.Leg.Answer() != nil {
					return
				}
			}
			select {
			case <-over:
			case <-ctx.Done():
			}
		})
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return e
}

func (e *echo) uri(transport string) string {
	return "sip:1000@" + e.Addr().String() + ";transport=" + transport
}

func newPhone(t *testing.T) *phone.Phone {
	t.Helper()
	p, err := phone.New(phone.Config{Local: siptest.Address()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// patience is how long tests wait for what must happen, also on a machine that is
// busy or stands still for a while.
const patience = 30 * time.Second

func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func wait[E any](t *testing.T, e *echo) E {
	t.Helper()
	limit := time.After(patience)
	for {
		select {
		case event := <-e.events:
			if want, ok := event.(E); ok {
				return want
			}
		case <-limit:
			var none E
			t.Fatalf("no %T came", none)
			return none
		}
	}
}

func TestSoundGoesBothWays(t *testing.T) {
	rows := []struct {
		name, transport string
		options         phone.Options
		codec           media.Codec
	}{
		{"UDP", "udp", phone.Options{}, media.PCMA},
		{"TCP", "tcp", phone.Options{}, media.PCMA},
		{"mu-law", "udp", phone.Options{Codecs: []media.Codec{media.PCMU, media.PCMA}}, media.PCMU},
		{"late offer", "udp", phone.Options{LateOffer: true}, media.PCMA},
		{"late offer over TCP", "tcp", phone.Options{LateOffer: true}, media.PCMA},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			e, p := startEcho(t, nil), newPhone(t)
			row.options.URI, row.options.From, row.options.Keep = e.uri(row.transport), "+33123", 10*time.Second
			c, err := p.Dial(bounded(t), row.options)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.WaitAnswer(bounded(t)); err != nil {
				t.Fatal(err)
			}
			if c.Codec() != row.codec {
				t.Errorf("agreed on %v", c.Codec())
			}
			c.Play(media.NewPromptFromPCM(media.Tone(440, time.Second, 0.3)), true)
			if !c.SendDigits("5#") {
				t.Error("digits cannot be sent")
			}
			for _, want := range []byte("5#") {
				if got := wait[call.Digit](t, e); got.Digit != want {
					t.Errorf("digit %q, want %q", got.Digit, want)
				}
			}
			if err := c.SendInfo(bounded(t), '7'); err != nil {
				t.Error(err)
			}
			if got := wait[call.Digit](t, e); got.Digit != '7' {
				t.Errorf("digit %q", got.Digit)
			}
			// A machine that is busy for a moment makes gaps; a clean quarter of a
			// second comes soon.
			for limit := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
				heard := c.Heard()
				hz, share := media.DominantTone(heard[max(0, len(heard)-2000):])
				if math.Abs(hz-440) < 5 && share > 0.95 {
					break
				}
				if time.Now().After(limit) {
					t.Fatalf("heard %.0f Hz at %.2f", hz, share)
				}
			}
			c.Hangup()
			<-c.Done()
			if got := wait[call.Gone](t, e); got.Cause != (call.Cause{By: call.ByCaller, Reason: call.ReasonHangup}) {
				t.Errorf("gone by %v", got.Cause)
			}
		})
	}
}

func TestHoldOfEveryKind(t *testing.T) {
	e, p := startEcho(t, nil), newPhone(t)
	c, err := p.Dial(bounded(t), phone.Options{URI: e.uri("udp")})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.WaitAnswer(bounded(t)); err != nil {
		t.Fatal(err)
	}
	for _, way := range []phone.Hold{phone.HoldSendOnly, phone.HoldInactive, phone.HoldNoAddress} {
		if err := c.Hold(bounded(t), way); err != nil {
			t.Fatal(err)
		}
		if !wait[call.Held](t, e).On {
			t.Error("not held")
		}
		if err := c.Unhold(bounded(t)); err != nil {
			t.Fatal(err)
		}
		if wait[call.Held](t, e).On {
			t.Error("still held")
		}
		before := c.Stats().Received
		for limit := time.Now().Add(patience); c.Stats().Received < before+5; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(limit) {
				t.Fatal("no sound after the hold")
			}
		}
	}
	c.Hangup()
}

func TestHangupBeforeTheAnswerCancels(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		arrived := make(chan struct{}, 1)
		e, p := startEcho(t, func(sipgw.Incoming) bool { arrived <- struct{}{}; return false }), newPhone(t)
		c, err := p.Dial(bounded(t), phone.Options{URI: e.uri(transport)})
		if err != nil {
			t.Fatal(err)
		}
		<-arrived // a call that is cancelled sooner is never seen
		c.Hangup()
		if err := c.WaitAnswer(bounded(t)); !errors.Is(err, phone.ErrEnded) {
			t.Errorf("waiting gave %v", err)
		}
		if got := c.Ending(); got.Status != 487 || got.By != phone.ByUs {
			t.Errorf("ended as %+v", got)
		}
		if got := wait[call.Gone](t, e); got.Cause.Reason != call.ReasonCancelled {
			t.Errorf("gone by %v", got.Cause)
		}
	}
}

func TestRefusalIsTold(t *testing.T) {
	e := startEcho(t, func(in sipgw.Incoming) bool {
		in.Leg.Refuse(call.Cause{By: call.BySystem, Reason: call.ReasonAnonymous})
		return true
	})
	c, err := phone.Dial(bounded(t), phone.Options{URI: e.uri("udp"), Headers: map[string]string{"Privacy": "id\r\nX-Evil: 1"}})
	if err != nil {
		t.Fatal(err)
	}
	var refused *phone.RefusedError
	if err := c.WaitAnswer(bounded(t)); !errors.As(err, &refused) || refused.Status != 433 {
		t.Errorf("waiting gave %v", err)
	}
	<-c.Done()
}

func TestPeerHangsUp(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		legs := make(chan call.Leg, 1)
		e := startEcho(t, func(in sipgw.Incoming) bool {
			legs <- in.Leg
			return true
		})
		p := newPhone(t)
		c, err := p.Dial(bounded(t), phone.Options{URI: e.uri(transport)})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.WaitAnswer(bounded(t)); err != nil {
			t.Fatal(err)
		}
		(<-legs).Hangup(call.Cause{By: call.BySystem, Reason: call.ReasonPlanHangup})
		select {
		case <-c.Done():
		case <-bounded(t).Done():
			t.Fatal("the call does not end")
		}
		if got := c.Ending(); got.By != phone.ByPeer {
			t.Errorf("ended as %+v", got)
		}
	}
}

func TestTrialTellsWhatHappened(t *testing.T) {
	e := startEcho(t, nil)
	path := filepath.Join(t.TempDir(), "heard.wav")
	presses, err := phone.ParsePresses("2@300ms,#@100ms")
	if err != nil {
		t.Fatal(err)
	}
	siptest.Unstalled(t, 10*time.Millisecond, func() error {
		result, err := phone.RunTrial(bounded(t), phone.TrialOptions{
			URI: e.uri("udp"), From: "+33123", ToneHz: 700, Presses: presses, RecordPath: path, HangUp: 2 * time.Second,
		})
		if err != nil {
			return err
		}
		if !result.Answered || result.Status != 200 || result.EndedBy != phone.ByUs || result.DigitsSent != "#2" || result.Codec != "PCMA" ||
			math.Abs(result.ToneHz-700) > 5 || result.PacketsLost != 0 || result.PacketsReceived < 50 || result.SetupMS <= 0 ||
			math.Abs(result.DurationMS-2000) > 500 {
			text, _ := json.MarshalIndent(result, "", "  ")
			return fmt.Errorf("result is %s", text)
		}
		return nil
	})
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, _ := f.Stat()
	w, err := media.ParseWAV(f, info.Size())
	if err != nil || w.SampleRate != 8000 || w.Samples() < 8000 {
		t.Errorf("recording is %+v, %v", w, err)
	}
	if _, err := phone.RunTrial(bounded(t), phone.TrialOptions{URI: e.uri("udp"), RecordPath: filepath.Join(path, "x.wav")}); err == nil {
		t.Error("a recording went nowhere without an error")
	}
	// Options that cannot be followed leave an old recording alone.
	if _, err := phone.RunTrial(bounded(t), phone.TrialOptions{URI: "sip:", RecordPath: path}); err == nil {
		t.Error("called nobody")
	}
	if again, err := f.Stat(); err != nil || again.Size() != info.Size() {
		t.Error("the old recording was touched")
	}
}

func TestTrialInG722HearsWideSound(t *testing.T) {
	e := startEcho(t, nil)
	path := filepath.Join(t.TempDir(), "heard.wav")
	siptest.Unstalled(t, 10*time.Millisecond, func() error {
		result, err := phone.RunTrial(bounded(t), phone.TrialOptions{
			URI: e.uri("udp"), Codec: "G722", ToneHz: 5000, RecordPath: path, HangUp: 2 * time.Second,
		})
		if err != nil || result.Codec != "G722" || math.Abs(result.ToneHz-5000) > 5 || result.ToneShare < 0.8 {
			return fmt.Errorf("%+v, %w", result, err)
		}
		return nil
	})
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, _ := f.Stat()
	if w, err := media.ParseWAV(f, info.Size()); err != nil || w.SampleRate != 16000 || w.Samples() < 16000 {
		t.Errorf("recording is %+v, %v", w, err)
	}
}

func TestTrialOfNobodyIsAResult(t *testing.T) {
	result, err := phone.RunTrial(bounded(t), phone.TrialOptions{URI: "sip:1@" + siptest.Address().String(), RingTime: 200 * time.Millisecond})
	if err != nil || result.Answered {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestTrialRefusesBadOptions(t *testing.T) {
	rows := map[string]phone.TrialOptions{
		"URI":                  {URI: "sip:"},
		"encrypted":            {URI: "sips:1@127.0.0.1"},
		"transport":            {URI: "sip:1@127.0.0.1;transport=sctp"},
		"used together":        {URI: "sip:1@127.0.0.1", ToneHz: 400, PlayPath: "x.wav"},
		"not from 0 to 8000":   {URI: "sip:1@127.0.0.1", Codec: "G722", ToneHz: 8001},
		"none of PCMA":         {URI: "sip:1@127.0.0.1", Codec: "opus"},
		"not from 0 to 4000":   {URI: "sip:1@127.0.0.1", ToneHz: 5000},
		"no such file":         {URI: "sip:1@127.0.0.1", PlayPath: "does-not-exist.wav"},
		"want sip:number@host": {URI: "sip:1@127.0.0.1>\r\nX: y"},
	}
	for want, options := range rows {
		_, err := phone.RunTrial(bounded(t), options)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestParsePresses(t *testing.T) {
	got, err := phone.ParsePresses(" 12#@4s, *@500ms ,a@6s")
	want := []phone.Press{{"*", 500 * time.Millisecond}, {"12#", 4 * time.Second}, {"A", 6 * time.Second}}
	if err != nil || len(got) != len(want) {
		t.Fatalf("got %v, %v", got, err)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %v, want %v", got[i], want[i])
		}
	}
	if got, err := phone.ParsePresses(""); got != nil || err != nil {
		t.Errorf("nothing gave %v, %v", got, err)
	}
	for text, want := range map[string]string{
		"2": "no time", "@4s": "no key", "x@4s": "no telephone key", "2@soon": "no time in", "2@-1s": "must be from", "2@9h": "must be from", "2@1s,": "no time",
	} {
		if _, err := phone.ParsePresses(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: want an error with %q, got %v", text, want, err)
		}
	}
}

func FuzzParsePresses(f *testing.F) {
	f.Add("2@4s,#@6s")
	f.Add("@,@")
	f.Fuzz(func(t *testing.T, text string) {
		presses, err := phone.ParsePresses(text)
		if err != nil {
			return
		}
		for i, p := range presses {
			if p.Keys == "" || p.At < 0 || i > 0 && p.At < presses[i-1].At {
				t.Fatalf("%q gave %v", text, presses)
			}
		}
	})
}
