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
		speaks bool
		want   State
	}{
		{"the browser is there", true, StateConnected},
		{"the browser is gone", false, StateLost},
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
			start := media.Now()
			now := start
			tick := func(until time.Duration) {
				for ; now <= start+until; now += media.FrameTime {
					p.Tick(now)
				}
			}
			p.heard.Store(int64(now))
			tick(lostAfter - 500*time.Millisecond)
			now += time.Second
			p.Tick(now)
			if p.State() != StateConnected {
				t.Fatalf("the browser is %v before what it sent was read", p.State())
			}
			if test.speaks {
				p.heard.Store(int64(now))
			}
			tick(lostAfter + 3*time.Second)
			if p.State() != test.want {
				t.Errorf("the browser is %v", p.State())
			}
		})
	}
}
