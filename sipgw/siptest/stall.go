package siptest

import (
	"testing"
	"time"
)

// stallTick is how often a stall is looked for.
const stallTick = 5 * time.Millisecond

// Unstalled runs a trial that is about time itself, such as how long a call lasted.
// Where it fails although the machine, or this process, stood still for at most limit
// meanwhile, its error fails the test; otherwise the trial begins again, a few times.
// A trial cleans up after itself.
func Unstalled(t testing.TB, limit time.Duration, trial func() error) {
	t.Helper()
	const trials = 8
	for n := 1; ; n++ {
		stop := watch()
		err := trial()
		longest := stop()
		if err == nil {
			return
		}
		if longest <= limit || n == trials {
			t.Fatalf("%v (the machine stood still for up to %v)", err, longest)
		}
		t.Logf("once again, the machine stood still for %v: %v", longest, err)
	}
}

// watch measures for how long the process stood still, until stop is called.
func watch() (stop func() (longest time.Duration)) {
	end, result := make(chan struct{}), make(chan time.Duration)
	go func() {
		ticker := time.NewTicker(stallTick)
		defer ticker.Stop()
		var longest time.Duration
		for last, over := time.Now(), false; ; {
			select {
			case <-ticker.C:
			case <-end:
				over = true
			}
			now := time.Now()
			longest = max(longest, now.Sub(last)-stallTick)
			if last = now; over {
				result <- longest
				return
			}
		}
	}()
	return func() time.Duration {
		close(end)
		return <-result
	}
}
