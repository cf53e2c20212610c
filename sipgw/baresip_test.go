package sipgw

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/sipgw/siptest"
)

// baresip runs somebody else's telephone as line 100 until the test ends.
func baresip(t *testing.T, b *bench, transport string) {
	t.Helper()
	to := b.Addr()
	if transport == "tls" {
		to = b.AddrTLS()
	}
	siptest.StartBaresip(t, siptest.BaresipOptions{
		Hz: 700, Account: fmt.Sprintf("<sip:100@%s;transport=%s>;auth_pass=secret;regint=60;answermode=auto", to, transport),
	})
}

func TestBaresipIsALine(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"udp", "tcp", "tls"} {
		t.Run(transport, func(t *testing.T) {
			b := startLines(t, func(c *Config) { secure(t, c) }, line100())
			baresip(t, b, transport)
			eventually(t, "baresip is registered", func() bool { return b.Stats().Registered == 1 })
			c := b.LineStates()[0].Contacts[0]
			if !strings.Contains(c.UserAgent, "baresip") || c.Transport != strings.ToUpper(transport) {
				t.Errorf("contact %+v", c)
			}
			if s := b.Stats(); s.Failures != 0 {
				t.Errorf("stats %+v", s)
			}
			l, err := b.Call(Outgoing{Line: "line-100", From: "1000", FromName: "Eve"})
			if err != nil {
				t.Fatal(err)
			}
			heard := &collector{}
			events := make(chan call.Event, 100)
			l.Listen(call.Listener{Packets: heard, Events: func(e call.Event) { events <- e }})
			for answered := false; !answered; {
				select {
				case e := <-events:
					switch e := e.(type) {
					case call.Answered:
						answered = true
					case call.Gone:
						t.Fatalf("gone by %v", e.Cause)
					}
				case <-time.After(patience):
					t.Fatal("baresip does not answer")
				}
			}
			eventually(t, "baresip is heard", func() bool { return heard.packets() > 10 })
			l.Hangup(call.Cause{By: call.ByCaller, Reason: call.ReasonHangup})
		})
	}
}
