package sipgw

import (
	"context"
	"errors"
	"net/netip"
	"testing"
)

func TestAPeerThatDoesNotAnswerHoldsUpNobodyElse(t *testing.T) {
	d := newDialled(netip.AddrPort{})
	dead, other := netip.MustParseAddrPort("192.0.2.1:5060"), netip.MustParseAddrPort("192.0.2.2:5060")
	done, err := d.turn(t.Context(), dead)
	if err != nil {
		t.Fatal(err)
	}
	beside, err := d.turn(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	beside()
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.turn(impatient, dead); !errors.Is(err, context.Canceled) {
		t.Errorf("a second connection to the same peer did not wait: %v", err)
	}
	done()
	again, err := d.turn(t.Context(), dead)
	if err != nil {
		t.Fatal(err)
	}
	again()
	if len(d.under) != 0 {
		t.Errorf("%d connections are still being opened", len(d.under))
	}
}
