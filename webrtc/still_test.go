package webrtc

import (
	"testing"
	"time"

	"github.com/carillon-cc/carillon/media"
)

// An agent who only listens is heard every few seconds. A machine that stands still
// for a moment has yet to read what came meanwhile.
func TestNobodyIsLostBecauseTheServerStoodStill(t *testing.T) {
	for _, test := range []struct {
		name   string
		still  time.Duration
		speaks bool
		want   State
	}{
		{"the browser is there", time.Second, true, StateConnected},
		{"the browser is gone", time.Second, false, StateLost},
		{"for long, and the browser is there", time.Minute, true, StateConnected},
		{"for long, and the browser is gone", time.Minute, false, StateLost},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := startEngine(t, func(c *Config) { c.Pacer = media.NewPacer() }) // which nobody runs
			s := newStates()
			p, _, err := e.NewPeer(testOffer, s.options())
			if err != nil {
				t.Fatal(err)
			}
			p.setState(StateConnected)
			s.await(t, StateConnected)
			now := media.Now()
			tick := func(span time.Duration) {
				for end := now + span; now < end; now += media.FrameTime {
					p.Tick(now)
				}
			}
			p.heard.Store(int64(now))
			tick(lostAfter - 500*time.Millisecond)
			now += test.still
			p.Tick(now)
			if p.State() != StateConnected {
				t.Fatalf("the browser is %v before what it sent was read", p.State())
			}
			if test.speaks {
				p.heard.Store(int64(now))
			}
			tick(lostAfter - time.Second)
			if p.State() != test.want {
				t.Errorf("the browser is %v", p.State())
			}
		})
	}
}
