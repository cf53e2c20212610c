package sipgw

import (
	"net/netip"
	"sync"
)

// talking are the addresses that are in a call with us: what they send within
// it is heard whether or not they are known otherwise.
type talking struct {
	mu    sync.RWMutex
	calls map[netip.Addr]int
}

func (t *talking) with(ip netip.Addr) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.calls[ip] > 0
}

func (t *talking) add(ip netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.calls == nil {
		t.calls = make(map[netip.Addr]int)
	}
	t.calls[ip]++
}

func (t *talking) remove(ip netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.calls[ip]--; t.calls[ip] <= 0 {
		delete(t.calls, ip)
	}
}
