package siptest

import (
	"net/netip"
	"os"
	"sync/atomic"
)

// addresses counts the addresses that were handed out.
var addresses atomic.Int64

// Address is a loopback address that no other test has, of this process or of another
// that runs at the same time. A port that one test closes is soon given to another
// test's socket, which then gets what was meant for the former one: sockets at
// addresses of their own never do. Nobody listens at a new address, so it also serves
// as a peer that refuses connections. It may be called from any goroutine.
func Address() netip.Addr {
	const hosts = 254 // an address is used again after so many; its ports differ even then
	process, host := os.Getpid(), (addresses.Add(1)-1)%hosts
	return netip.AddrFrom4([4]byte{127, byte(128 | process>>8&0x7f), byte(process), byte(1 + host)})
}
