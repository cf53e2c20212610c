package sipgw

import "sync"

// recent is a map of bounded size that forgets what was not used for longest.
// The zero value is ready; its methods may be called by any goroutine.
type recent[K comparable, V any] struct {
	mu         sync.Mutex
	now, older map[K]V
}

// maxRecent is how many a recent keeps, twice.
const maxRecent = 8192

// get returns what is kept under a key.
func (r *recent[K, V]) get(key K) (v V, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v, ok = r.now[key]; !ok {
		v, ok = r.older[key]
	}
	return v, ok
}

// change replaces what is kept under a key, or the zero value, by what f makes
// of it.
func (r *recent[K, V]) change(key K, f func(V) V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.now[key]
	if !ok {
		v = r.older[key]
		if r.now == nil || len(r.now) >= maxRecent {
			r.older, r.now = r.now, make(map[K]V)
		}
	}
	r.now[key] = f(v)
}
