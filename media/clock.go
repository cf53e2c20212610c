package media

import (
	"sync/atomic"
	"time"
)

var (
	processStart = time.Now()
	sources      atomic.Uint64
)

// Now is the time since the process started, on the monotonic clock: cheap to
// compare, not moved by a change of the wall clock. In the virtual time of a
// test it starts anywhere, even below 0: only differences mean something.
func Now() time.Duration { return time.Since(processStart) }

// NewSource returns a Source that no other stream of this process has.
func NewSource() Source { return Source(sources.Add(1)) }
