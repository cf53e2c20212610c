package media

import (
	"math"
	"testing"
	"time"
)

func TestMOSHasTheReferenceValues(t *testing.T) {
	const ms = time.Millisecond
	rows := []struct {
		rtt, jitter time.Duration
		loss        float64
		want        float64
	}{
		{50 * ms, 5 * ms, 0, 4.41},
		{150 * ms, 20 * ms, 0, 4.25},
		{150 * ms, 20 * ms, 0.03, 4.00},
		{400 * ms, 30 * ms, 0.03, 2.69},
		{400 * ms, 60 * ms, 0.05, 2.13},
		{0, 0, 1, 1},
		{5 * time.Second, time.Second, 0.5, 1},
		{-ms, -ms, -1, 4.43},
	}
	for _, r := range rows {
		got := MOS(r.rtt, r.jitter, r.loss)
		if math.Abs(got-r.want) > 0.006 {
			t.Errorf("MOS(%v, %v, %v) = %.3f, want %.2f", r.rtt, r.jitter, r.loss, got, r.want)
		}
	}
}

func TestMOSOfAFlow(t *testing.T) {
	if m := (Flow{}).MOS(); m != 0 {
		t.Errorf("%v where nothing was received", m)
	}
	f := Flow{Received: 97, Lost: 3, RTT: 150 * time.Millisecond, Jitter: 20 * time.Millisecond}
	if l := f.Loss(); l != 0.03 {
		t.Errorf("loss %v", l)
	}
	if m := f.MOS(); math.Abs(m-4.00) > 0.006 {
		t.Errorf("MOS %v", m)
	}
	if l := (Flow{Received: 5, Lost: -2}).Loss(); l != 0 {
		t.Errorf("loss %v where packets came twice", l)
	}
}
