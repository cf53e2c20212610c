package sipgw

import (
	"net/netip"
	"sync/atomic"
)

// acl is who may talk to us because of the address alone: trunks, and this
// machine where that is wanted.
type acl struct {
	loopback bool
	trunks   atomic.Pointer[[]netip.Prefix]
	closed   atomic.Bool   // nobody may, any more
	dropped  atomic.Uint64 // datagrams and connections of strangers
}

func newACL(loopback bool, trunks []netip.Prefix) *acl {
	a := &acl{loopback: loopback}
	a.set(trunks)
	return a
}

func (a *acl) set(trunks []netip.Prefix) {
	own := make([]netip.Prefix, len(trunks))
	for i, p := range trunks {
		own[i] = p.Masked()
	}
	a.trunks.Store(&own)
}

// trunk is the prefix that an address belongs to; ok tells whether it may talk
// to us.
func (a *acl) trunk(ip netip.Addr) (prefix netip.Prefix, ok bool) {
	if a.closed.Load() {
		return netip.Prefix{}, false
	}
	for _, p := range *a.trunks.Load() {
		if p.Contains(ip) {
			return p, true
		}
	}
	return netip.Prefix{}, a.loopback && ip.IsLoopback()
}

func (a *acl) allows(ip netip.Addr) bool {
	_, ok := a.trunk(ip)
	return ok
}
