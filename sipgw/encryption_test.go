package sipgw_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw"
	"github.com/carillon-cc/carillon/sipgw/siptest"
)

// toneEar keeps the end of what a leg hears in A-law.
type toneEar struct {
	mu      sync.Mutex
	samples []int16
}

// WritePacket hears a packet.
func (e *toneEar) WritePacket(p *media.Packet) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.samples) > 8000 {
		e.samples = append(e.samples[:0], e.samples[4000:]...)
	}
	frame := make([]int16, len(p.Payload))
	media.DecodeALaw(frame, p.Payload)
	e.samples = append(e.samples, frame...)
}

// hears waits until the end of what was heard is a tone, or is not.
func (e *toneEar) hears(t *testing.T, hz float64, want bool) {
	t.Helper()
	var got, share float64
	for limit := time.Now().Add(2 * patience); time.Now().Before(limit); time.Sleep(20 * time.Millisecond) {
		e.mu.Lock()
		got, share = media.DominantTone(e.samples[max(0, len(e.samples)-2000):])
		e.mu.Unlock()
		if (math.Abs(got-hz) < 5 && share > 0.9) == want {
			return
		}
	}
	t.Fatalf("heard %.0f Hz at %.2f; is that %.0f Hz: want %v", got, share, hz, want)
}

// forget has what is heard begin anew.
func (e *toneEar) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.samples = nil
}

// awaitEvent waits for the next event of a type.
func awaitEvent[E any](t *testing.T, events chan call.Event) E {
	t.Helper()
	limit := time.After(2 * patience)
	for {
		select {
		case e := <-events:
			if want, ok := e.(E); ok {
				return want
			}
		case <-limit:
			var none E
			t.Fatalf("no %T came", none)
			return none
		}
	}
}

// overheard has an ear take what a leg says, and returns its events.
func overheard(leg call.Leg, ear *toneEar) chan call.Event {
	events := make(chan call.Event, 100)
	leg.Listen(call.Listener{Packets: ear, Events: func(e call.Event) { events <- e }})
	return events
}

// A session border controller by address, over TLS, that takes nothing but
// encrypted sound: baresip.
func TestTrunkOverTLSTalksInEncryptedSound(t *testing.T) {
	t.Parallel()
	const host, ours, theirs = "sbc.carrier.test", 440, 700
	authority := siptest.NewAuthority(t)
	cert, key := siptest.Files(t, authority.Issue(time.Now().Add(time.Hour), host))
	both := filepath.Join(t.TempDir(), "both.pem")
	one, two := ok[[]byte](t)(os.ReadFile(cert)), ok[[]byte](t)(os.ReadFile(key))
	if err := os.WriteFile(both, append(one, two...), 0o600); err != nil {
		t.Fatal(err)
	}
	port := siptest.FreePorts(t, 2) // TLS has the second one
	sbc := siptest.StartBaresip(t, siptest.BaresipOptions{
		Hz: theirs, Port: port, Certificate: both,
		Account: "<sip:+33123456789@127.0.0.1;transport=tls>;regint=0;audio_codecs=PCMA/8000/1;ptime=20;mediaenc=srtp-mand",
	})
	var pacer *media.Pacer
	told := make(states, 1000)
	w := build(t, func(c *sipgw.Config) {
		quick(c)
		pacer = c.Pacer
		c.OnTrunk = func(s sipgw.TrunkState) { told <- s }
		c.ListenTLS, c.TLSRoots, c.Resolver = c.Listen, authority.Pool, names{at: loopback}
		c.TLS = &tls.Config{Certificates: []tls.Certificate{siptest.SelfSigned(t, "carillon.test")}}
	})
	carrier := provider("carrier")
	carrier.Encryption = ccs.EncryptionRequired
	carrier.Targets = []ccs.TrunkTarget{{Host: host, Port: port + 1, Transport: ccs.TLS}}
	w.SetTrunks([]*ccs.Trunk{carrier})
	told.await(t, "looked up", func(s sipgw.TrunkState) bool { return len(s.Targets) == 1 })
	talk := func(leg call.Leg, heard *toneEar, events chan call.Event) {
		t.Helper()
		player := media.Play(pacer, tone(ours), leg, true, nil)
		defer player.Stop()
		sbc.Hears(ours)
		heard.hears(t, theirs, true)
		sbc.Do("hold", "")
		if !awaitEvent[call.Held](t, events).On {
			t.Error("not held")
		}
		sbc.Do("resume", "")
		if awaitEvent[call.Held](t, events).On {
			t.Error("still held")
		}
		heard.forget()
		heard.hears(t, theirs, true)
		sbc.Echo()
		heard.hears(t, ours, true)
		sbc.Speak()
	}

	leg, err := w.Call(sipgw.Outgoing{Number: "0123456789", Codec: media.PCMA})
	if err != nil {
		t.Fatal(err)
	}
	heard := &toneEar{}
	events := overheard(leg, heard)
	sbc.Happens("CALL_INCOMING")
	sbc.Do("accept", "")
	sbc.Happens("CALL_ESTABLISHED")
	awaitEvent[call.Answered](t, events)
	talk(leg, heard, events)
	leg.Hangup(call.Cause{By: call.ByAgent, Reason: call.ReasonHangup})
	sbc.Happens("CALL_CLOSED")

	sbc.Do("dial", fmt.Sprintf("sip:+33199000000@%s;transport=tls", w.AddrTLS()))
	var in sipgw.Incoming
	select {
	case in = <-w.incoming:
	case <-time.After(2 * patience):
		t.Fatal("no call came")
	}
	if in.Trunk != "carrier" {
		t.Errorf("the call came through %q", in.Trunk)
	}
	heard = &toneEar{}
	events = overheard(in.Leg, heard)
	if err := in.Leg.Answer(); err != nil {
		t.Fatal(err)
	}
	sbc.Happens("CALL_ESTABLISHED")
	talk(in.Leg, heard, events)
	sbc.Do("hangup", "")
	awaitEvent[call.Gone](t, events)
	if said := sbc.Said(); strings.Count(said, "SRTP is Enabled") < 2 {
		t.Errorf("the sound is not encrypted:\n%s", said)
	}
}

// lockedLog keeps what is logged.
type lockedLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write keeps a line.
func (l *lockedLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestPlainSoundThroughATrunkThatDemandsEncryptionIsRefusedInWords(t *testing.T) {
	t.Parallel()
	var log lockedLog
	w := build(t, func(c *sipgw.Config) {
		quick(c)
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	p := anywhere(t)
	carrier := provider("carrier", p)
	carrier.Encryption = ccs.EncryptionRequired
	w.SetTrunks([]*ccs.Trunk{carrier})
	c, in := dials(t, w, p, "0123456789")
	if in != nil {
		t.Fatal("the call was taken")
	}
	const words = "plain sound is offered, and encrypted sound is demanded"
	if e := c.Ending(); e.Status != 488 {
		t.Errorf("refused with %+v", e)
	}
	if text := log.String(); !strings.Contains(text, words) || !strings.Contains(text, "trunk=carrier") {
		t.Errorf("the log says\n%s", text)
	}
}
