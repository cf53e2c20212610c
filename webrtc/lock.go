package webrtc

import "sync"

// lockTries bounds how long lockSoon tries: about a microsecond, longer than
// anybody holds such a lock without having been interrupted by the kernel.
const lockTries = 200

// lockSoon takes a lock that is held by others for an instant at most, such as
// to read statistics, and gives up rather than wait for one who is not running.
func lockSoon(mu *sync.Mutex) bool {
	for range lockTries {
		if mu.TryLock() {
			return true
		}
	}
	return false
}
