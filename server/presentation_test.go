package server

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/call/calltest"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/flow"
	"github.com/carillon-cc/carillon/sipgw"
)

func TestWhatARingingTelephoneShows(t *testing.T) {
	type shown struct {
		from, name string
		hidden     bool
	}
	for _, x := range []struct {
		mode   ccs.Presentation
		hides  bool
		wanted shown
	}{
		{"", false, shown{"+33612345678", "Ann", false}},
		{ccs.PresentDialed, false, shown{"1000", "Main", false}},
		{ccs.PresentBoth, false, shown{"+33612345678", "Main", false}},
		{"", true, shown{"", "", true}},
		{ccs.PresentDialed, true, shown{"1000", "Main", false}},
		{ccs.PresentBoth, true, shown{"", "Main", true}},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := build(t, telephones(bridging(time.Second, ccs.Bridge{Line: "l1"}, ccs.Bridge{Number: "+33222222222"}, ccs.Bridge{Agent: "alice"}), func(s *flow.Snapshot) {
				s.Versions["p1"].Flow.Presentation = x.mode
			}), "l1", "+33222222222")
			alice := h.ready("alice")
			in := sipgw.Incoming{Leg: calltest.NewCaller("caller"), From: "+33612345678", FromName: "Ann", To: "1000", Trunk: "t1"}
			if x.hides {
				in.From, in.FromName, in.Anonymous = "", "", true
			}
			h.running.Go(func() { h.serveCall(t.Context(), in) })
			time.Sleep(2500 * time.Millisecond)
			synctest.Wait()
			if len(h.network.placed) != 2 || len(alice.offers) != 1 {
				t.Fatalf("%d telephones rang, and %d offers were made", len(h.network.placed), len(alice.offers))
			}
			for i, o := range h.network.placed {
				if got := (shown{o.From, o.FromName, o.Anonymous}); got != x.wanted {
					t.Errorf("mode %q, hidden %v: telephone %d shows %+v, want %+v", x.mode, x.hides, i, got, x.wanted)
				}
			}
			o := alice.offers[0].Details
			if got := (shown{o.ShownFrom, o.ShownName, o.ShownNone}); got != x.wanted {
				t.Errorf("mode %q, hidden %v: the agent's telephone shows %+v, want %+v", x.mode, x.hides, got, x.wanted)
			}
		})
	}
}

func TestALineThatHidesItsNumberIsHidden(t *testing.T) {
	for _, x := range []struct{ name, to string }{
		{"outside", "0622222222"},
		{"to a line", "204"},
		{"to a plan that bridges outside", "1000"},
	} {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := build(t, telephones(shop, bridging(time.Second, ccs.Bridge{Number: "+33222222222"})), "0622222222", "l4", "+33222222222")
				in := sipgw.Incoming{Leg: calltest.NewCaller("caller"), From: "201", FromName: "Hall", To: x.to, Line: "l1", Anonymous: true}
				h.running.Go(func() { h.serveCall(t.Context(), in) })
				synctest.Wait()
				if o := h.network.last(); !o.Anonymous {
					t.Errorf("placed %+v", o)
				}
			})
		})
	}
}

func TestWhoIsMovedOutsideIsHiddenAsBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, telephones(bridging(time.Minute, ccs.Bridge{Line: "l1"})), "l1", "+33622222222")
		in := sipgw.Incoming{Leg: calltest.NewCaller("caller"), To: "1000", Trunk: "t1", Anonymous: true}
		h.running.Go(func() { h.serveCall(t.Context(), in) })
		synctest.Wait()
		hall := h.network.phones["l1"]
		hall.Answers()
		synctest.Wait()
		hall.Tell(call.Refer{Leg: hall, To: "+33622222222"})
		synctest.Wait()
		if o := h.network.last(); o.Number != "+33622222222" || !o.Anonymous || o.From != "" {
			t.Errorf("placed %+v", o)
		}
	})
}
