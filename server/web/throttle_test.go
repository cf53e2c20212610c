package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"
)

func TestThrottleLetsGoOnAfterTheTimeItTells(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	th := newThrottle(func() time.Time { return now })
	for range sourceBurst {
		if wait := th.wait("a", "alice"); wait != 0 {
			t.Fatalf("has to wait %v too early", wait)
		}
		th.failed("a", "alice")
	}
	wait := th.wait("a", "alice")
	if wait <= 0 || wait > sourceRefill {
		t.Fatalf("has to wait %v, want up to %v", wait, sourceRefill)
	}
	now = now.Add(wait)
	if wait := th.wait("a", "alice"); wait != 0 {
		t.Errorf("after that it is %v more", wait)
	}
}

func TestThrottleCountsALoginFromManySources(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	th := newThrottle(func() time.Time { return now })
	th.succeeded("home", "alice")
	for i := range loginBurst {
		th.failed(fmt.Sprint("source", i), "alice")
	}
	if th.wait("another", "alice") == 0 {
		t.Error("many sources together guess without limit")
	}
	if th.wait("another", "alice") > loginRefill {
		t.Error("a stranger's wait is longer than one refill")
	}
	if th.wait("home", "alice") != 0 {
		t.Error("strangers hold up the user where they are known")
	}
	if th.wait("another", "bob") != 0 {
		t.Error("another login has to wait as well")
	}
}

func TestThrottleMemoryIsBounded(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	th := newThrottle(func() time.Time { return now })
	for i := range throttleLimit + 500 {
		th.failed(fmt.Sprint("s", i), fmt.Sprint("l", i))
		th.succeeded(fmt.Sprint("s", i), fmt.Sprint("l", i))
	}
	if len(th.sources) > throttleLimit || len(th.logins) > throttleLimit || len(th.known) > throttleLimit {
		t.Errorf("%d, %d, %d entries", len(th.sources), len(th.logins), len(th.known))
	}
}

func TestSourceIsTheHostOrItsIPv6Network(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.7:1234":            "192.0.2.7",
		"[2001:db8:1:2:3:4:5:6]:80": netip.MustParsePrefix("2001:db8:1:2::/64").String(),
		"[::ffff:192.0.2.7]:80":     "192.0.2.7",
	} {
		if got := connectionSource(&http.Request{RemoteAddr: remote}); got != want {
			t.Errorf("%s is %q, want %q", remote, got, want)
		}
	}
}
