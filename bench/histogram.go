package bench

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// histogram counts durations in buckets of about 6 % width from 1 µs to minutes.
// Any number of goroutines may add to it.
type histogram struct {
	buckets [40 * bucketsPerOctave]atomic.Uint64
	count   atomic.Uint64
	most    atomic.Int64
}

// bucketsPerOctave is into how many equal parts each power of two is divided.
const bucketsPerOctave = 16

// bucket is the index for d: the exponent of its nanoseconds and the four bits
// below the leading one.
func bucket(d time.Duration) int {
	ns := uint64(max(d, 1024))
	exponent := bits.Len64(ns) - 1 // at least 10
	fraction := ns >> (exponent - 4) & (bucketsPerOctave - 1)
	return min((exponent-10)*bucketsPerOctave+int(fraction), 40*bucketsPerOctave-1)
}

// upper is the upper bound of a bucket.
func upper(i int) time.Duration {
	exponent, fraction := i/bucketsPerOctave+10, i%bucketsPerOctave
	return time.Duration(math.Ldexp(1+float64(fraction+1)/bucketsPerOctave, exponent))
}

func (h *histogram) add(d time.Duration) {
	h.buckets[bucket(d)].Add(1)
	h.count.Add(1)
	for {
		most := h.most.Load()
		if int64(d) <= most || h.most.CompareAndSwap(most, int64(d)) {
			return
		}
	}
}

// quantile is a bound below which the share q (0–1) of the durations lies, at
// most 6 % above the true value; 0 where there are none.
func (h *histogram) quantile(q float64) time.Duration {
	count := h.count.Load()
	if count == 0 {
		return 0
	}
	want := uint64(math.Ceil(q * float64(count)))
	var seen uint64
	for i := range h.buckets {
		seen += h.buckets[i].Load()
		if seen >= want {
			return min(upper(i), time.Duration(h.most.Load()))
		}
	}
	return time.Duration(h.most.Load())
}

// merge adds what another histogram has counted, which nobody adds to meanwhile.
func (h *histogram) merge(o *histogram) {
	for i := range o.buckets {
		h.buckets[i].Add(o.buckets[i].Load())
	}
	h.count.Add(o.count.Load())
	h.most.Store(max(h.most.Load(), o.most.Load()))
}
