package bench

import (
	"testing"
	"time"
)

func TestHistogramQuantilesAreWithinABucket(t *testing.T) {
	var h histogram
	for i := 1; i <= 10000; i++ {
		h.add(time.Duration(i) * 10 * time.Microsecond) // 10 µs – 100 ms, evenly
	}
	for _, test := range []struct {
		q    float64
		want time.Duration
	}{{0.5, 50 * time.Millisecond}, {0.99, 99 * time.Millisecond}, {1, 100 * time.Millisecond}} {
		got := h.quantile(test.q)
		if got < test.want || float64(got) > 1.07*float64(test.want) {
			t.Errorf("quantile %v = %v, want %v to 7 %% above", test.q, got, test.want)
		}
	}
	if got := new(histogram).quantile(0.5); got != 0 {
		t.Errorf("quantile of nothing = %v", got)
	}
}
