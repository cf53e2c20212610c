package siptest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
)

// The ports that tests use lie below those that the system gives to connections,
// so that none takes them before they are used.
const (
	firstPort = 16000
	ports     = 4000
)

// next counts the ports that were handed out, so that tests which run at the same
// time get others. Each process begins somewhere else.
var next atomic.Int64

func init() { next.Store(rand.Int64N(ports)) }

// FreePorts finds n ports in a row that UDP and TCP have free on 127.0.0.1 and
// returns the first.
func FreePorts(t testing.TB, n int) int {
	t.Helper()
	for range 200 {
		first := firstPort + int((next.Add(int64(n))-int64(n))%(ports-int64(n)))
		ok := true
		for port := first; ok && port < first+n; port++ {
			ok = free(port)
		}
		if ok {
			return first
		}
	}
	t.Fatal("no free ports")
	return 0
}

func free(port int) bool {
	at := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	l, err := net.Listen("tcp4", at)
	if err != nil {
		return false
	}
	defer l.Close()
	c, err := net.ListenPacket("udp4", at)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}
