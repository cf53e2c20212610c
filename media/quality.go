package media

import "time"

// MOS estimates how people would judge a call, from 1 (bad) to about 4.4: the
// E-model of ITU-T G.107, simplified as is usual for packet networks. rtt is 0
// where it is not known; loss is the part of the packets that were lost, 0 to 1.
func MOS(rtt, jitter time.Duration, loss float64) float64 {
	const best = 94.768 // without delay and loss
	ms := func(d time.Duration) float64 { return float64(max(d, 0)) / float64(time.Millisecond) }
	// A jitter buffer holds twice the jitter, encoding and decoding take 10 ms.
	latency := ms(rtt) + 2*ms(jitter) + 10
	r := best - latency/40
	if latency >= 160 { // from there on people talk into each other
		r = best - (latency-120)/10
	}
	r -= 2.5 * 100 * min(max(loss, 0), 1)
	if r <= 0 {
		return 1
	}
	return max(1, 1+0.035*r+7e-6*r*(r-60)*(100-r))
}

// Flow is how well a stream of packets travelled.
type Flow struct {
	Received uint64
	Lost     int64 // below 0 when packets came twice
	Jitter   time.Duration
	RTT      time.Duration // 0 where it is not known
}

// Loss is the part of the packets that were lost, 0 to 1.
func (f Flow) Loss() float64 {
	expected := int64(f.Received) + f.Lost
	if f.Lost <= 0 || expected <= 0 {
		return 0
	}
	return float64(f.Lost) / float64(expected)
}

// MOS is MOS of the flow, and 0 where nothing was received.
func (f Flow) MOS() float64 {
	if f.Received == 0 {
		return 0
	}
	return MOS(f.RTT, f.Jitter, f.Loss())
}
