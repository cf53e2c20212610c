package server_test

import (
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw/phone"
	"github.com/carillon-cc/carillon/store"
)

// carrier is the other end of a trunk: the telephones behind it.
type carrier struct {
	port     int
	answered chan *phone.Call
	heard    *ear

	mu     sync.Mutex
	called []string // the numbers, in order
}

// openCarrier takes calls: to …11 it is busy, at …22 nobody answers, others answer.
func openCarrier(t *testing.T) *carrier {
	t.Helper()
	c := &carrier{answered: make(chan *phone.Call, 1), heard: newEar()}
	p, err := phone.New(phone.Config{Local: netip.MustParseAddr(far), OnCall: c.ring})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	c.port = int(p.Addr().Port())
	return c
}

func (c *carrier) ring(r *phone.Ring) {
	number := r.Invite().Recipient.User
	c.mu.Lock()
	c.called = append(c.called, number)
	c.mu.Unlock()
	switch {
	case strings.HasSuffix(number, "11"):
		_ = r.Refuse(phone.Reply{Status: 486})
	case strings.HasSuffix(number, "22"):
		_ = r.Ringing()
	default:
		_ = r.Ringing()
		call, err := r.Answer(phone.Reply{Packet: func(p *media.Packet) { c.heard.hear(p.Payload) }})
		if err == nil {
			c.answered <- call
		}
	}
}

func (c *carrier) numbers() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.called, " ")
}

// bridging is a store with a trunk to the carrier, and number 3000 with a plan that
// rings these numbers one after the other, 4 s each: those that answer do so in a
// moment, but the machine may be busy.
func (c *carrier) bridging(t *testing.T, numbers ...string) func(*store.Tables) {
	return func(tables *store.Tables) {
		flow := ccs.Flow{TimeZone: "Europe/Paris", Language: "en", TransferTimeout: 4000, Steps: []ccs.Step{{ID: "s"}}}
		for _, n := range numbers {
			flow.Steps[0].Actions = append(flow.Steps[0].Actions, ccs.Action{ID: "to" + n, Bridge: &ccs.Bridge{Number: n}})
		}
		ctx := t.Context()
		if err := errors.Join(
			tables.Trunks.Put(ctx, &ccs.Trunk{
				Meta: ccs.Meta{ID: "carrier"}, Name: "Carrier", Targets: []ccs.TrunkTarget{{Host: far, Port: c.port}},
				Outgoing: ccs.TrunkOutgoing{Allowed: []string{"+33"}, Country: "FR"},
			}),
			tables.Versions.Put(ctx, &ccs.PlanVersion{Meta: ccs.Meta{ID: "v"}, PlanID: "p", Version: 1, PublishedAt: time.Now().UTC(), Flow: flow}),
			tables.Plans.Put(ctx, &ccs.Plan{Meta: ccs.Meta{ID: "p"}, Name: "Bridges", Draft: flow, Published: "v"}),
			tables.Numbers.Put(ctx, &ccs.Number{Meta: ccs.Meta{ID: "n"}, Number: "3000", Label: "Bridges", PlanID: "p"}),
		); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAPlanBridgesTheCallerToAPhoneOutside(t *testing.T) {
	theirs := openCarrier(t)
	c := startWith(t, theirs.bridging(t, "01 99 00 00 11", "0199000022", "0199000033"))
	atCaller := newEar()
	caller, err := c.phone.Dial(t.Context(), phone.Options{
		URI: strings.Replace(c.sip, "1000", "3000", 1), From: "+33612345678", Packet: func(p *media.Packet) { atCaller.hear(p.Payload) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(caller.Hangup)
	if err := caller.WaitAnswer(t.Context()); err != nil {
		t.Fatalf("%v, called %s", err, theirs.numbers())
	}
	if got, want := theirs.numbers(), "+33199000011 +33199000022 +33199000033"; got != want {
		t.Errorf("called %s, want %s", got, want)
	}
	answered := <-theirs.answered
	converse(t, 50, direction{"the called", overPhone(caller), theirs.heard}, direction{"the caller", overPhone(answered), atCaller})
	answered.Hangup()
	select {
	case <-caller.Done():
	case <-time.After(patience):
		t.Error("the caller was not hung up")
	}
}

func TestACallerOfAPlanThatReachesNobodyIsRefused(t *testing.T) {
	theirs := openCarrier(t)
	c := startWith(t, theirs.bridging(t, "0199000011"))
	caller, err := c.phone.Dial(t.Context(), phone.Options{URI: strings.Replace(c.sip, "1000", "3000", 1)})
	if err != nil {
		t.Fatal(err)
	}
	if err := caller.WaitAnswer(t.Context()); err == nil || caller.Ending().Status != 480 {
		t.Errorf("status %d, error %v", caller.Ending().Status, err)
	}
}

func TestACallerWhoLeavesStopsTheRinging(t *testing.T) {
	theirs := openCarrier(t)
	rings := make(chan *phone.Ring, 1)
	silent, err := phone.New(phone.Config{Local: netip.MustParseAddr(far), OnCall: func(r *phone.Ring) { _ = r.Ringing(); rings <- r }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(silent.Close)
	theirs.port = int(silent.Addr().Port())
	fill := theirs.bridging(t, "0199000022")
	c := startWith(t, func(tables *store.Tables) {
		fill(tables)
		v, err := tables.Versions.Get(t.Context(), "v")
		if err != nil {
			t.Fatal(err)
		}
		v.Flow.TransferTimeout = 60_000
		if err := tables.Versions.Put(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	})
	caller, err := c.phone.Dial(t.Context(), phone.Options{URI: strings.Replace(c.sip, "1000", "3000", 1)})
	if err != nil {
		t.Fatal(err)
	}
	ring := <-rings
	caller.Hangup()
	select {
	case <-ring.Done():
		if ring.Cancelled() == nil {
			t.Error("the ringing ended without a CANCEL")
		}
	case <-time.After(patience):
		t.Error("the telephone rings on")
	}
}
