package phone_test

import (
	"math"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw"
	"github.com/carillon-cc/carillon/sipgw/phone"
)

func TestTelephonesWithoutACommonCodecHearEachOther(t *testing.T) {
	legs := make(chan call.Leg, 1)
	e := startEcho(t, func(in sipgw.Incoming) bool {
		legs <- in.Leg
		return true
	})
	p := newPhone(t)
	dial := func(codec media.Codec) (*phone.Call, call.Leg) {
		c, err := p.Dial(bounded(t), phone.Options{URI: e.uri("udp"), Codecs: []media.Codec{codec}, Keep: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.WaitAnswer(bounded(t)); err != nil || c.Codec() != codec {
			t.Fatalf("answered in %v, %v", c.Codec(), err)
		}
		return c, <-legs
	}
	for _, law := range []media.Codec{media.PCMA, media.PCMU} {
		t.Run(law.String(), func(t *testing.T) {
			wide, wideLeg := dial(media.G722)
			narrow, narrowLeg := dial(law)
			wideLeg.Listen(call.Listener{Packets: back{narrowLeg}})
			narrowLeg.Listen(call.Listener{Packets: back{wideLeg}})
			wide.Play(media.NewPromptFromWidePCM(media.ToneAt(1000, time.Second, 0.3, 16000)), true)
			narrow.Play(media.NewPromptFromPCM(media.Tone(440, time.Second, 0.3)), true)
			wantTone(t, "in G.711", 1000, 8000, narrow.Heard)
			wantTone(t, "in G.722", 440, 16000, wide.HeardWide)
			wide.Hangup()
			narrow.Hangup()
		})
	}
}

// wantTone waits until the last quarter of a second holds the tone: a machine
// that is busy for a moment makes gaps.
func wantTone(t *testing.T, what string, hz float64, rate int, heard func() []int16) {
	t.Helper()
	for limit := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		samples := heard()
		got, share := media.DominantToneAt(samples[max(0, len(samples)-rate/4):], rate)
		if math.Abs(got-hz) < 5 && share > 0.95 {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%s: heard %.0f Hz at %.2f", what, got, share)
		}
	}
}
