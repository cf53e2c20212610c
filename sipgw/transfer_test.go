package sipgw_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/sipgw"
	"github.com/carillon-cc/carillon/sipgw/phone"
)

// talk places a call to a telephone, which answers.
func (w *tower) talk(t *testing.T, trusted bool, reply phone.Reply) (*outgoing, *phone.Call) {
	t.Helper()
	p, rings := callee(t)
	o := w.place(t, sipgw.Place{Peers: hops(p), Trusted: trusted})
	c := ok[*phone.Call](t)(next(t, rings).Answer(reply))
	expect[call.Answered](t, o)
	return o, c
}

func TestTelephoneTransfersItsCalls(t *testing.T) {
	w := build(t, nil)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	o, c := w.talk(t, true, phone.Reply{})
	other, c2 := w.talk(t, true, phone.Reply{})
	outcome := func(want ...int) {
		t.Helper()
		for _, code := range want {
			select {
			case got := <-c.Outcome():
				if got != code {
					t.Fatalf("outcome %d, want %d", got, code)
				}
			case <-ctx.Done():
				t.Fatalf("no outcome, want %d", code)
			}
		}
	}
	if err := c.Transfer(ctx, "sip:1001@127.0.0.1;user=phone"); err != nil {
		t.Fatal(err)
	}
	e := expect[call.Refer](t, o)
	if e.To != "1001" || e.Leg != call.Leg(o.CalledLeg) {
		t.Errorf("asked for %+v", e)
	}
	e.Report(486)
	outcome(100, 486)
	for err := c.Connect(ctx, c2); ; err = c.Connect(ctx, c2) {
		var refused *phone.RefusedError
		if errors.As(err, &refused) && refused.Status == 491 { // word of the first is still on its way
			time.Sleep(time.Millisecond)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	e = expect[call.Refer](t, o)
	if e.Replaces != call.Leg(other.CalledLeg) {
		t.Errorf("asked for %+v", e)
	}
	e.Report(200)
	o.Hangup(call.Cause{By: call.BySystem, Reason: call.ReasonTransferred})
	outcome(100, 200)
	<-c.Done()
	other.Hangup(call.Cause{By: call.BySystem, Reason: call.ReasonTransferred})

	_, stranger := w.talk(t, false, phone.Reply{})
	var refused *phone.RefusedError
	if err := stranger.Transfer(ctx, "tel:1001"); !errors.As(err, &refused) || refused.Status != 403 {
		t.Errorf("a stranger's transfer: %v", err)
	}
	stranger.Hangup()
}

func TestTelephoneThatSaysNothingButLivesIsKept(t *testing.T) {
	t.Parallel()
	w := build(t, func(c *sipgw.Config) {
		c.Timers.MediaTimeout = 100 * time.Millisecond
	})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	o, c := w.talk(t, true, phone.Reply{Media: netip.AddrPortFrom(loopback, 9)}) // it sends nothing
	if err := c.Update(ctx, map[string]string{"Supported": "timer", "Session-Expires": "1800"}); err != nil {
		t.Error(err)
	}
	if err := c.Hold(ctx, phone.HoldInactive); err != nil {
		t.Error(err)
	}
	expect[call.Held](t, o)
	if err := c.Unhold(ctx); err != nil {
		t.Error(err)
	}
	expect[call.Held](t, o)
	select {
	case e := <-o.events:
		t.Errorf("told %+v", e)
	case <-time.After(500 * time.Millisecond):
	}
	c.Hangup()
	expect[call.Gone](t, o)
}
