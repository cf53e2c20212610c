package media

import (
	"testing"
	"time"
)

// sent is what a rewriter made of a packet, relative to the packet before the
// first: sequence and timestamp steps.
type sent struct {
	sequence  int16
	timestamp int32
	marker    bool
	dropped   bool
}

func TestRewriterTimeline(t *testing.T) {
	const ms = time.Millisecond
	pcm := func(s Source, at time.Duration, sequence uint16, timestamp uint32) Packet {
		return Packet{Source: s, Codec: PCMA, Sequence: sequence, Timestamp: timestamp, Arrived: at}
	}
	opus := func(s Source, at time.Duration, sequence uint16, timestamp uint32) Packet {
		return Packet{Source: s, Codec: Opus, Sequence: sequence, Timestamp: timestamp, Arrived: at}
	}
	tests := map[string]struct {
		in   []Packet
		want []sent
	}{
		"continuous": {
			[]Packet{pcm(1, 0, 100, 5000), pcm(1, 20*ms, 101, 5160), pcm(1, 40*ms, 102, 5320)},
			[]sent{{1, 160, true, false}, {2, 320, false, false}, {3, 480, false, false}},
		},
		"loss stays visible": {
			[]Packet{pcm(1, 0, 100, 5000), pcm(1, 60*ms, 103, 5480)},
			[]sent{{1, 160, true, false}, {4, 640, false, false}},
		},
		"reordering stays visible": {
			[]Packet{pcm(1, 0, 100, 5000), pcm(1, 40*ms, 102, 5320), pcm(1, 41*ms, 101, 5160), pcm(1, 60*ms, 103, 5480)},
			[]sent{{1, 160, true, false}, {3, 480, false, false}, {2, 320, false, false}, {4, 640, false, false}},
		},
		"duplicates are dropped": {
			[]Packet{pcm(1, 0, 100, 5000), pcm(1, 1*ms, 100, 5000), pcm(1, 40*ms, 102, 5320), pcm(1, 41*ms, 101, 5160), pcm(1, 42*ms, 101, 5160)},
			[]sent{{1, 160, true, false}, {dropped: true}, {3, 480, false, false}, {2, 320, false, false}, {dropped: true}},
		},
		"a packet from before the switch has no place": {
			[]Packet{pcm(1, 0, 100, 5000), pcm(2, 20*ms, 7, 9), pcm(2, 21*ms, 6, 0)},
			[]sent{{1, 160, true, false}, {2, 320, true, false}, {dropped: true}},
		},
		"too late": {
			[]Packet{pcm(1, 0, 100, 5000), pcm(1, 20*ms, 200, 21000), pcm(1, 21*ms, 136, 10760), pcm(1, 22*ms, 137, 10920)},
			[]sent{{1, 160, true, false}, {101, 16160, false, false}, {dropped: true}, {38, 6080, false, false}},
		},
		"switch at once": {
			[]Packet{pcm(1, 0, 100, 5000), pcm(2, 5*ms, 60000, 77)},
			[]sent{{1, 160, true, false}, {2, 320, true, false}},
		},
		"switch after a gap, rounded to frames": {
			[]Packet{pcm(1, 0, 100, 5000), pcm(2, 1007*ms, 60000, 77), pcm(2, 1027*ms, 60001, 237)},
			[]sent{{1, 160, true, false}, {2, 160 + 8000, true, false}, {3, 320 + 8000, false, false}},
		},
		"and back": {
			[]Packet{pcm(1, 0, 100, 5000), pcm(2, 20*ms, 9, 77), pcm(1, 40*ms, 102, 5320)},
			[]sent{{1, 160, true, false}, {2, 320, true, false}, {3, 480, true, false}},
		},
		"sequence and timestamp wrap": {
			[]Packet{pcm(1, 0, 65535, 0xffffffff-79), pcm(1, 20*ms, 0, 80), pcm(1, 21*ms, 65534, 0xffffffff-239)},
			[]sent{{1, 160, true, false}, {2, 320, false, false}, {dropped: true}},
		},
		"a jump of the sequence begins anew": {
			[]Packet{pcm(1, 0, 100, 5000), pcm(1, 20*ms, 100+3001, 900000)},
			[]sent{{1, 160, true, false}, {2, 320, true, false}},
		},
		"the largest step is still loss": {
			[]Packet{pcm(1, 0, 100, 5000), pcm(1, 60*time.Second, 100+3000, 5000+480000)},
			[]sent{{1, 160, true, false}, {3001, 160 + 480000, false, false}},
		},
		"a source that counts time anew": {
			[]Packet{pcm(1, 0, 100, 500000), pcm(1, 20*ms, 101, 0)},
			[]sent{{1, 160, true, false}, {2, 320, true, false}},
		},
		"another clock": {
			[]Packet{pcm(1, 0, 100, 5000), opus(2, 20*ms, 7, 1000), opus(2, 40*ms, 8, 1960), opus(3, 100*ms, 8, 0), pcm(1, 120*ms, 103, 5480)},
			[]sent{{1, 160, true, false}, {2, 160 + 960, true, false}, {3, 160 + 1920, false, false}, {4, 160 + 1920 + 2880, true, false}, {5, 320 + 1920 + 2880, true, false}},
		},
		"an event's packets do not move time": {
			[]Packet{pcm(1, 0, 100, 5000), pcm(2, 20*ms, 1, 0), pcm(2, 40*ms, 2, 0), pcm(2, 60*ms, 3, 0), pcm(1, 80*ms, 104, 5640)},
			[]sent{{1, 160, true, false}, {2, 320, true, false}, {3, 320, false, false}, {4, 320, false, false}, {5, 320 + 480, true, false}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := NewRewriter()
			r.newest = -20 * ms
			sequence, timestamp := r.sequence, r.timestamp
			for i, p := range test.in {
				h, ok := r.Rewrite(&p, p.Codec.ClockRate())
				got := sent{dropped: true}
				if ok {
					got = sent{int16(h.Sequence - sequence), int32(h.Timestamp - timestamp), h.Marker, false}
				}
				if got != test.want[i] {
					t.Errorf("packet %d: got %+v, want %+v", i, got, test.want[i])
				}
				if ok && h.SSRC != r.SSRC() {
					t.Errorf("packet %d: SSRC changed", i)
				}
			}
		})
	}
}

// A sequence number that is used twice breaks SRTP, whatever the sources do.
func FuzzRewriterNeverRepeatsASequence(f *testing.F) {
	f.Add([]byte{1, 0, 1, 1, 1, 1, 2, 9, 1, 3})
	f.Fuzz(func(t *testing.T, moves []byte) {
		if len(moves) > 2000 { // fewer packets than sequence numbers
			moves = moves[:2000]
		}
		r := NewRewriter()
		seen := make(map[uint16]bool)
		var p Packet
		for i := 0; i+1 < len(moves); i += 2 {
			p.Source = Source(moves[i]%3 + 1)
			p.Sequence += uint16(int8(moves[i+1])) / 4
			p.Timestamp = uint32(p.Sequence) * 160
			p.Arrived += FrameTime
			h, ok := r.Rewrite(&p, 8000)
			if ok && seen[h.Sequence] {
				t.Fatalf("sequence %d went out twice", h.Sequence)
			}
			if ok {
				seen[h.Sequence] = true
			}
		}
	})
}
