package sipgw

import (
	"sync/atomic"
	"time"
)

// deadline is a time on media.Now, or none. Its methods are safe from any
// goroutine. The pacer looks at a leg's deadlines, so that no leg needs a timer.
type deadline struct{ at atomic.Int64 } // 0 for none

func (d *deadline) set(at time.Duration) {
	if at == 0 {
		at = 1
	}
	d.at.Store(int64(at))
}

func (d *deadline) clear() { d.at.Store(0) }

// time is when the deadline is; ok is false where there is none.
func (d *deadline) time() (at time.Duration, ok bool) {
	at = time.Duration(d.at.Load())
	return at, at != 0
}

// take tells whether there is a deadline and it has come, and clears it: one
// caller alone gets true.
func (d *deadline) take(now time.Duration) bool {
	at, ok := d.time()
	return ok && now >= at && d.at.CompareAndSwap(int64(at), 0)
}
