package media

import (
	"net/netip"
	"testing"
	"time"
)

func TestLatch(t *testing.T) {
	const ms = time.Millisecond
	var (
		sdp      = netip.MustParseAddrPort("192.0.2.1:4000")
		sdpOther = netip.MustParseAddrPort("192.0.2.1:4002")
		nat      = netip.MustParseAddrPort("198.51.100.7:5000")
		natMoved = netip.MustParseAddrPort("198.51.100.7:5001")
		stranger = netip.MustParseAddrPort("203.0.113.9:6000")
		moved    = netip.MustParseAddrPort("192.0.2.2:4000")
	)
	type step struct {
		from     netip.AddrPort
		ssrc     uint32
		sequence uint16
		at       time.Duration
		accept   bool
		// or, when remote is set, an SDP with that address
		remote netip.AddrPort
	}
	in := func(from netip.AddrPort, ssrc uint32, sequence uint16, at time.Duration, accept bool) step {
		return step{from: from, ssrc: ssrc, sequence: sequence, at: at, accept: accept}
	}
	tests := map[string]struct {
		strict  bool
		allowed []netip.Prefix
		steps   []step
		target  netip.AddrPort
		sources int // different ones among the accepted packets
	}{
		"the SDP address is taken at once": {
			steps:  []step{in(sdp, 1, 10, 0, true), in(sdp, 1, 11, 20*ms, true), in(sdp, 1, 12, 40*ms, true)},
			target: sdp, sources: 1,
		},
		"two packets in a row latch another address": {
			steps:  []step{in(nat, 1, 10, 0, false), in(nat, 1, 11, 20*ms, true), in(nat, 1, 12, 40*ms, true)},
			target: nat, sources: 1,
		},
		"two packets with a gap do not": {
			steps:  []step{in(nat, 1, 10, 0, false), in(nat, 1, 12, 20*ms, false), in(nat, 1, 13, 40*ms, true)},
			target: nat, sources: 1,
		},
		"nor do the same packet twice, or two SSRCs": {
			steps:  []step{in(nat, 1, 10, 0, false), in(nat, 1, 10, 1*ms, false), in(nat, 2, 11, 20*ms, false)},
			target: sdp,
		},
		"the sequence may wrap meanwhile": {
			steps:  []step{in(nat, 1, 65535, 0, false), in(nat, 1, 0, 20*ms, true)},
			target: nat, sources: 1,
		},
		"a stranger finds the door closed": {
			steps: []step{
				in(nat, 1, 10, 0, false), in(nat, 1, 11, 20*ms, true), in(stranger, 7, 1, 21*ms, false), in(stranger, 7, 2, 22*ms, false),
				in(stranger, 1, 12, 23*ms, false), in(nat, 1, 12, 40*ms, true), in(stranger, 7, 3, 1900*ms, false),
			},
			target: nat, sources: 1,
		},
		"after two seconds of silence another may come": {
			steps: []step{
				in(nat, 1, 10, 0, false), in(nat, 1, 11, 20*ms, true), in(natMoved, 1, 200, 2021*ms, false), in(natMoved, 1, 201, 2041*ms, true),
				in(nat, 1, 12, 2050*ms, false),
			},
			target: natMoved, sources: 2,
		},
		"unless the first is back": {
			steps: []step{
				in(nat, 1, 10, 0, false), in(nat, 1, 11, 20*ms, true), in(stranger, 9, 1, 2021*ms, false), in(nat, 1, 80, 2030*ms, true),
				in(stranger, 9, 2, 2041*ms, false),
			},
			target: nat, sources: 1,
		},
		"a flood does not keep the peer out": {
			steps: []step{
				in(sdp, 1, 10, 0, true), in(stranger, 1, 1, 1*ms, false), in(stranger, 2, 1, 2*ms, false), in(stranger, 3, 1, 3*ms, false),
				in(stranger, 4, 1, 4*ms, false), in(stranger, 5, 1, 5*ms, false), in(sdp, 1, 11, 20*ms, true), in(stranger, 5, 2, 21*ms, false),
			},
			target: sdp, sources: 1,
		},
		"the peer's SSRC may change when the old one is silent": {
			steps: []step{
				in(sdp, 1, 10, 0, true), in(sdp, 1, 11, 20*ms, true), in(sdp, 2, 500, 30*ms, false), in(sdp, 2, 501, 50*ms, false),
				in(sdp, 1, 12, 60*ms, true), in(sdp, 2, 600, 180*ms, false), in(sdp, 2, 601, 200*ms, true), in(sdp, 1, 13, 210*ms, false),
			},
			target: sdp, sources: 2,
		},
		"the peer shows up where its SDP said": {
			steps: []step{
				in(nat, 1, 10, 0, false), in(nat, 1, 11, 20*ms, true), in(sdp, 2, 1, 30*ms, false), in(sdp, 2, 2, 50*ms, true), in(nat, 1, 12, 60*ms, false),
			},
			target: sdp, sources: 2,
		},
		"a new SDP moves the peer, and what still flows does not bring it back": {
			steps: []step{
				in(nat, 1, 10, 0, false), in(nat, 1, 11, 20*ms, true), {remote: moved, at: 30 * ms}, in(nat, 1, 12, 40*ms, false), in(nat, 1, 13, 60*ms, false),
			},
			target: moved, sources: 1,
		},
		"a new SDP, and the peer there": {
			steps: []step{
				in(sdp, 1, 10, 0, true), in(sdp, 1, 11, 20*ms, true), {remote: moved, at: 30 * ms}, in(moved, 1, 12, 40*ms, true), in(moved, 1, 13, 60*ms, true),
			},
			target: moved, sources: 2,
		},
		"the same SDP again changes nothing": {
			steps: []step{
				in(nat, 1, 10, 0, false), in(nat, 1, 11, 20*ms, true), {remote: sdp, at: 30 * ms}, in(nat, 1, 12, 40*ms, true),
			},
			target: nat, sources: 1,
		},
		"only allowed networks": {
			allowed: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")},
			steps: []step{
				in(stranger, 7, 1, 0, false), in(stranger, 7, 2, 20*ms, false), in(nat, 1, 10, 30*ms, false), in(nat, 1, 11, 50*ms, true),
			},
			target: nat, sources: 1,
		},
		"strict: from the SDP's host only, and sent to the SDP's port": {
			strict: true,
			steps: []step{
				in(nat, 1, 10, 0, false), in(nat, 1, 11, 20*ms, false), in(sdpOther, 2, 5, 30*ms, true), in(sdpOther, 2, 6, 50*ms, true),
				in(nat, 1, 12, 60*ms, false),
			},
			target: sdp, sources: 1,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			l := latch{symmetric: !test.strict, allowed: test.allowed}
			l.setRemote(sdp, 0)
			sources := make(map[Source]bool)
			for i, s := range test.steps {
				if s.remote.IsValid() {
					l.setRemote(s.remote, s.at)
					continue
				}
				source, _ := l.judge(s.from, Header{SSRC: s.ssrc, Sequence: s.sequence}, s.at)
				if accept := source != 0; accept != s.accept {
					t.Errorf("step %d: accepted %v, want %v", i, accept, s.accept)
				}
				if source != 0 {
					sources[source] = true
				}
			}
			if got := l.target(); got != test.target {
				t.Errorf("sends to %v, want %v", got, test.target)
			}
			if len(sources) != test.sources {
				t.Errorf("%d sources, want %d", len(sources), test.sources)
			}
		})
	}
}
