package server_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/server"
	"github.com/carillon-cc/carillon/server/desk/desktest"
	"github.com/carillon-cc/carillon/server/web"
	"github.com/carillon-cc/carillon/sipgw/phone"
	"github.com/carillon-cc/carillon/sipgw/siptest"
	"github.com/carillon-cc/carillon/store"
	"github.com/carillon-cc/carillon/webrtc/browser"
)

// The tones by which the parties are told apart, in Hz.
const (
	callerHz    = 440
	telephoneHz = 700
	browserHz   = 1000
)

// deskOf is what one transport is tried with: somebody else's telephone as the line
// on which calls of one agent ring, and another agent in a browser. Each is alone
// in a queue with a number.
type deskOf struct {
	transport string
	line      string // its number
	number    string // of the queue of the line's agent
	browser   string // of the queue of the agent in the browser
}

func (d deskOf) fill(tables *store.Tables, hash string, t *testing.T) error {
	ctx := t.Context()
	line := &ccs.Line{
		Meta: ccs.Meta{ID: "line-" + d.transport}, Number: d.line, Name: d.transport, Secrets: ccs.NewLineSecrets(d.line, "secret"),
	}
	if d.transport == "tls" {
		line.Encryption = ccs.EncryptionRequired
	}
	problems := []error{tables.Lines.Put(ctx, line)}
	for number, device := range map[string]ccs.Device{
		d.number: {Kind: ccs.DeviceLine, Line: line.ID}, d.browser: {Kind: ccs.DeviceBrowser},
	} {
		login := "agent-" + number
		flow := ccs.Flow{TimeZone: "UTC", Language: "en", Steps: []ccs.Step{{
			ID: "s", Actions: []ccs.Action{{ID: "q", Queue: &ccs.EnterQueue{Queue: "queue-" + number}}},
		}}}
		problems = append(
			problems,
			tables.Users.Put(ctx, &ccs.User{Meta: ccs.Meta{ID: login}, Login: login, Name: login, Role: ccs.RoleAgent, PasswordHash: hash}),
			tables.Agents.Put(ctx, &ccs.Agent{Meta: ccs.Meta{ID: login}, Device: device}),
			tables.Queues.Put(ctx, &ccs.Queue{
				Meta: ccs.Meta{ID: "queue-" + number}, Name: number, Strategy: ccs.Sequential, Members: []ccs.QueueMember{{Agent: login}},
			}),
			tables.Versions.Put(ctx, &ccs.PlanVersion{Meta: ccs.Meta{ID: "v" + number}, PlanID: "p" + number, Version: 1, PublishedAt: time.Now().UTC(), Flow: flow}),
			tables.Plans.Put(ctx, &ccs.Plan{Meta: ccs.Meta{ID: "p" + number}, Name: number, Draft: flow, Published: "v" + number}),
			tables.Numbers.Put(ctx, &ccs.Number{Meta: ccs.Meta{ID: "n" + number}, Number: number, Label: number, PlanID: "p" + number}),
		)
	}
	return errors.Join(problems...)
}

func TestSomebodyElsesTelephoneIsAnAgentsDeviceOverEveryTransport(t *testing.T) {
	desks := []deskOf{{"udp", "201", "3101", "3201"}, {"tcp", "202", "3102", "3202"}, {"tls", "203", "3103", "3203"}}
	hash, err := web.HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	secure := fmt.Sprintf("127.0.0.1:%d", siptest.FreePorts(t, 1))
	c := startWith(t, func(tables *store.Tables) {
		for _, d := range desks {
			if err := d.fill(tables, hash, t); err != nil {
				t.Fatal(err)
			}
		}
	}, func(config *server.Config) { config.SIPTLS = secure })
	for _, d := range desks {
		t.Run(d.transport, func(t *testing.T) {
			t.Parallel()
			own := *c
			own.t, own.cookies = t, make(map[string]string)
			d.try(&own, secure)
		})
	}
}

// try has the telephone register, take a call of its agent's queue, hold it and come
// back, hang up, and call a queue itself.
func (d deskOf) try(c *center, secure string) {
	t := c.t
	_, server, _ := strings.Cut(c.sip, "@")
	sound := "audio_codecs=PCMA/8000/1;ptime=20"
	if d.transport == "tls" {
		server = secure
		sound += ";mediaenc=srtp-mand"
	}
	telephone := siptest.StartBaresip(t, siptest.BaresipOptions{
		Hz:      telephoneHz,
		Account: fmt.Sprintf("<sip:%s@%s;transport=%s>;auth_pass=secret;regint=60;%s", d.line, server, d.transport, sound),
	})
	page := c.visit("agent-"+d.number, "tab-"+d.number)
	page.Send(map[string]any{"type": "ready"})
	page.Until("ready with the telephone registered", func(m desktest.Message) bool { return m.State == "ready" && len(m.Problems) == 0 })

	caller, err := c.phone.Dial(t.Context(), phone.Options{
		URI: strings.Replace(c.sip, "1000", d.number, 1), From: "+33612345678", Codecs: []media.Codec{media.PCMA}, Keep: 5 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(caller.Hangup)
	if err := caller.WaitAnswer(t.Context()); err != nil {
		t.Fatal(err)
	}
	caller.Play(media.NewPromptFromPCM(media.Tone(callerHz, time.Second, 0.3)), true)
	telephone.Happens("CALL_INCOMING")
	telephone.Do("accept", "")
	telephone.Happens("CALL_ESTABLISHED")
	if d.transport == "tls" {
		wantSecret(t, telephone)
	}
	telephone.Hears(callerHz)
	awaitTone(t, "the caller", telephoneHz, true, caller.Heard)
	telephone.Do("hold", "")
	awaitTone(t, "the caller on hold", telephoneHz, false, caller.Heard)
	telephone.Do("resume", "")
	awaitTone(t, "the caller after the hold", telephoneHz, true, caller.Heard)
	telephone.Echo()
	awaitTone(t, "the caller of an echo", callerHz, true, caller.Heard)
	telephone.Speak()
	telephone.Do("hangup", "")
	within(t, "end of the caller's call", caller.Done())
	telephone.Happens("CALL_CLOSED")
	page.Until("ready again", desktest.InState("ready"))

	d.calls(c, telephone, server)
}

// calls has the telephone call the queue of the agent in the browser.
func (d deskOf) calls(c *center, telephone *siptest.Baresip, server string) {
	t := c.t
	page := c.visit("agent-"+d.browser, "tab-"+d.browser)
	var heard listener
	b := page.Ready(c.browsers, browser.Options{OnPacket: heard.hear})
	telephone.Do("dial", fmt.Sprintf("sip:%s@%s;transport=%s", d.browser, server, d.transport))
	telephone.Happens("CALL_ESTABLISHED")
	page.Answer()
	sound := make([]byte, 8000)
	media.EncodeALaw(sound, media.Tone(browserHz, time.Second, 0.3))
	over := make(chan struct{})
	var speaking sync.WaitGroup
	speaking.Go(func() {
		say := overBrowser(b, media.PCMA)
		tick := time.NewTicker(media.FrameTime)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-over:
				return
			case <-tick.C:
				from := i * media.FrameSamples % len(sound)
				say(sound[from : from+media.FrameSamples])
			}
		}
	})
	defer speaking.Wait()
	defer close(over)
	telephone.Hears(browserHz)
	awaitTone(t, "the browser", telephoneHz, true, heard.last)
	telephone.Do("hangup", "")
	page.Until("the end of the call", func(m desktest.Message) bool { return m.Type == "desk" && m.Call == nil })
}

// wantSecret waits until the telephone says that it believes its sound to be
// encrypted.
func wantSecret(t *testing.T, telephone *siptest.Baresip) {
	t.Helper()
	for limit := time.Now().Add(patience); !strings.Contains(telephone.Said(), "SRTP is Enabled"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("the sound is not encrypted:\n%s", telephone.Said())
		}
	}
}

// listener keeps the end of what came in A-law.
type listener struct {
	mu      sync.Mutex
	samples []int16
}

func (l *listener) hear(_ media.Header, payload []byte, _ time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.samples) > 16000 {
		l.samples = append(l.samples[:0], l.samples[8000:]...)
	}
	frame := make([]int16, len(payload))
	media.DecodeALaw(frame, payload)
	l.samples = append(l.samples, frame...)
}

func (l *listener) last() []int16 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]int16(nil), l.samples[max(0, len(l.samples)-4000):]...)
}

// awaitTone waits until the end of what somebody heard is a tone, or is not.
func awaitTone(t *testing.T, who string, hz float64, want bool, heard func() []int16) {
	t.Helper()
	var got, share float64
	for limit := time.Now().Add(patience); time.Now().Before(limit); time.Sleep(20 * time.Millisecond) {
		samples := heard()
		got, share = media.DominantTone(samples[max(0, len(samples)-2000):])
		if (math.Abs(got-hz) < 5 && share > 0.9) == want {
			return
		}
	}
	t.Fatalf("%s hears %.0f Hz at %.2f; is that %v Hz: want %v", who, got, share, hz, want)
}
