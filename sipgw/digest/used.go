package digest

import (
	"sync"
	"time"
)

// maxUsed bounds how many responses are remembered, twice: about 8 MB.
const maxUsed = 1 << 16

// used are the responses that were accepted. A response holds the nonce and its
// count, so that a telephone never sends the same one in two requests, whereas
// somebody who overheard it would. Only right ones are kept: a stranger cannot
// fill it.
type used struct {
	mu         sync.Mutex
	max        int // 0: maxUsed
	now, older map[string]struct{}
	since      time.Time // when now began
	floor      time.Time // what was accepted before may be forgotten
}

// remembers tells whether all uses of a nonce that was made at a time are known.
func (u *used) remembers(made time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return !made.Before(u.floor)
}

// first notes a response and tells whether it is new.
func (u *used) first(response string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	limit := u.max
	if limit == 0 {
		limit = maxUsed
	}
	if now := time.Now(); u.now == nil || len(u.now) >= limit || now.Sub(u.since) >= lifetime {
		// Forgetting early makes the nonces of that time stale, nothing worse.
		u.floor = u.since
		u.older, u.now, u.since = u.now, make(map[string]struct{}), now
	}
	if _, again := u.older[response]; again {
		return false
	}
	if _, again := u.now[response]; again {
		return false
	}
	u.now[response] = struct{}{}
	return true
}
