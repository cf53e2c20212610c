package siptest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
)

// The ports that tests use lie below those that the system gives to connections, so
// that none takes them before they are used, and below those that Carillon has for
// sound, 16384 and up.
const (
	firstPort = 10000
	ports     = 6000
)

// next counts the ports that were handed out, so that tests which run at the same
// time get others. Each process begins somewhere else.
var next atomic.Int64

func init() { next.Store(rand.Int64N(ports)) }

// FreePorts finds n ports in a row that UDP and TCP have free on 127.0.0.1 and
// returns the first. No other test, of this process or another, is given one of
// them before this test is over, though they are not in use yet, or no longer.
func FreePorts(t testing.TB, n int) int {
	t.Helper()
	for range 200 {
		first := firstPort + int((next.Add(int64(n))-int64(n))%(ports-int64(n)))
		if claims, ok := claim(first, n); ok {
			t.Cleanup(func() { release(claims) })
			return first
		}
	}
	t.Fatal("no free ports")
	return 0
}

// claim notes that ports are given away: each by an abstract socket of its name,
// which ends with the process if nobody closes it.
func claim(first, n int) (claims []net.Listener, ok bool) {
	for port := first; port < first+n; port++ {
		l, err := net.Listen("unix", "@carillon-test-port-"+strconv.Itoa(port))
		if err != nil {
			release(claims)
			return nil, false
		}
		if claims = append(claims, l); !free(port) {
			release(claims)
			return nil, false
		}
	}
	return claims, true
}

func release(claims []net.Listener) {
	for _, l := range claims {
		_ = l.Close()
	}
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
