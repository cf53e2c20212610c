package sipgw

import (
	"net/netip"
	"slices"
	"sync/atomic"
)

// acl is who may talk to us because of the address alone: trunks, and this
// machine where that is wanted.
type acl struct {
	loopback bool
	networks atomic.Pointer[[]network] // the smallest first
	closed   atomic.Bool               // nobody may, any more
	dropped  atomic.Uint64             // datagrams and connections of strangers
}

// network is addresses that may talk to us.
type network struct {
	prefix netip.Prefix
	name   string // whose it is: a trunk's id, or the prefix
	// guest says that only answers to what we ask are wanted.
	guest bool
}

func newACL(loopback bool) *acl {
	a := &acl{loopback: loopback}
	a.set(nil)
	return a
}

// set replaces the networks. Where one is within another, the smaller one says
// whose an address is; of two equal ones the first.
func (a *acl) set(networks []network) {
	own := slices.Clone(networks)
	for i := range own {
		own[i].prefix = own[i].prefix.Masked()
	}
	slices.SortStableFunc(own, func(a, b network) int { return b.prefix.Bits() - a.prefix.Bits() })
	a.networks.Store(&own)
}

// find is the network that an address belongs to; ok tells whether it may talk
// to us. This machine has no network.
func (a *acl) find(ip netip.Addr) (n network, ok bool) {
	if a.closed.Load() {
		return network{}, false
	}
	for _, n := range *a.networks.Load() {
		if n.prefix.Contains(ip) {
			return n, true
		}
	}
	return network{}, a.loopback && ip.IsLoopback()
}

func (a *acl) allows(ip netip.Addr) bool {
	_, ok := a.find(ip)
	return ok
}
