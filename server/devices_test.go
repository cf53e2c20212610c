package server_test

import (
	"bytes"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/ccs/demo"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/server/desk/desktest"
	"github.com/carillon-cc/carillon/sipgw/phone"
	"github.com/carillon-cc/carillon/store"
	"github.com/carillon-cc/carillon/webrtc/browser"
)

const mobile = "+33612121212"

// far is the address of telephones behind a trunk, where no other test's requests
// go astray.
const far = "127.0.43.3"

// outside starts a server whose agent alice has an outside phone, which a trunk
// reaches: the telephone that is returned. Each call to it comes on the channel.
func outside(t *testing.T, strategy ccs.Strategy) (*center, chan *phone.Ring) {
	t.Helper()
	rings := make(chan *phone.Ring, 8)
	p, err := phone.New(phone.Config{Local: netip.MustParseAddr(far), OnCall: func(r *phone.Ring) { rings <- r }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	c := startWith(t, func(tables *store.Tables) {
		ctx := t.Context()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(tables.Trunks.Put(ctx, &ccs.Trunk{
			Meta: ccs.Meta{ID: "t1"}, Name: "Provider", Targets: []ccs.TrunkTarget{{Host: far, Port: int(p.Addr().Port())}},
			Outgoing: ccs.TrunkOutgoing{Allowed: []string{"+33"}, Country: "FR"},
		}))
		must(tables.Agents.Put(ctx, &ccs.Agent{
			Meta: ccs.Meta{ID: demo.AliceID}, Device: ccs.Device{Kind: ccs.DevicePhone, Number: mobile},
		}))
		must(tables.Queues.Put(ctx, &ccs.Queue{
			Meta: ccs.Meta{ID: demo.SalesID}, Name: "Sales", Strategy: strategy, Members: []ccs.QueueMember{{Agent: demo.AliceID}, {Agent: demo.BobID}},
		}))
	})
	return c, rings
}

// readyByTelephone makes alice ready and closes her page.
func (c *center) readyByTelephone() {
	c.t.Helper()
	page := c.visit("alice", "tab-1")
	page.Send(map[string]any{"type": "ready"})
	page.Until("ready without problems", func(m desktest.Message) bool { return m.State == "ready" && len(m.Problems) == 0 })
	page.Leave()
}

func within[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("no %s", what)
		panic("unreachable")
	}
}

func TestAnOutsidePhoneTakesACallByItsKey(t *testing.T) {
	c, rings := outside(t, ccs.Sequential)
	c.readyByTelephone()
	atCaller, atAgent := newEar(), newEar()
	caller := c.dial("1", atCaller)
	ring := within(t, "call to the outside phone", rings)
	if user := ring.Invite().Recipient.User; user != mobile {
		t.Errorf("%s was called", user)
	}
	if err := ring.Ringing(); err != nil {
		t.Fatal(err)
	}
	var asked sync.Once
	question := make(chan struct{})
	agent, err := ring.Answer(phone.Reply{Packet: func(p *media.Packet) {
		atAgent.hear(p.Payload)
		if len(bytes.Trim(p.Payload, string([]byte{media.Silence(p.Codec)}))) > 0 {
			asked.Do(func() { close(question) })
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(agent.Hangup)
	within(t, "question", question)
	sayCaller := overPhone(caller)
	speak(marked(25), sayCaller)
	if n := atAgent.count(); n > 0 {
		t.Errorf("%d packets of the caller were heard before the key", n)
	}
	agent.SendDigits("21")
	converse(t, 50, direction{"the agent", sayCaller, atAgent}, direction{"the caller", overPhone(agent), atCaller})
	agent.Hangup()
	within(t, "end of the caller's call", caller.Done())
}

func TestAVoicemailLosesNoCaller(t *testing.T) {
	c, rings := outside(t, ccs.Sequential)
	c.readyByTelephone()
	bob := c.visit("bob", "tab-2")
	bob.Ready(c.browsers, browser.Options{})
	heard := newEar()
	c.dial("1", heard)
	ring := within(t, "call to the outside phone", rings)
	answered := time.Now()
	voicemail, err := ring.Answer(phone.Reply{})
	if err != nil {
		t.Fatal(err)
	}
	voicemail.Play(media.HoldMusic(), true)
	within(t, "end of the voicemail", voicemail.Done())
	if took := time.Since(answered); took < 14*time.Second {
		t.Errorf("the voicemail was hung up on after %v", took)
	}
	bob.Answer()
}

func TestTheFirstOfTwoDevicesWinsAndTheOtherIsCancelled(t *testing.T) {
	c, rings := outside(t, ccs.RingAll)
	c.readyByTelephone()
	bob := c.visit("bob", "tab-2")
	bob.Ready(c.browsers, browser.Options{})
	c.dial("1", newEar())
	for trial := 1; ; trial++ {
		ring := within(t, "call to the outside phone", rings)
		if err := ring.Ringing(); err != nil {
			t.Fatal(err)
		}
		bob.Answer()
		accepted := time.Now()
		select {
		case <-ring.Done():
			// The machine was so busy that nobody took the call while it rang.
			if trial < 5 && !cancelledFor(ring, "cause=200") {
				bob.Send(map[string]any{"type": "hangup"})
				bob.Until("the end of the call", func(m desktest.Message) bool { return m.Type == "desk" && m.Call == nil })
				bob.Send(map[string]any{"type": "endWrapUp"})
				c.readyByTelephone()
				c.dial("1", newEar())
				continue
			}
		default:
		}
		within(t, "CANCEL", ring.Done())
		if took := time.Since(accepted); took > 10*time.Second { // it takes a millisecond, and an offer that nobody answers 20 s
			t.Errorf("the CANCEL came after %v", took)
		}
		if !cancelledFor(ring, "cause=200") {
			t.Error("no CANCEL came, or its reason has the telephone list a missed call")
		}
		return
	}
}

// cancelledFor tells whether the ringing was cancelled with a reason.
func cancelledFor(ring *phone.Ring, reason string) bool {
	cancel := ring.Cancelled()
	return cancel != nil && cancel.GetHeader("Reason") != nil && strings.Contains(cancel.GetHeader("Reason").Value(), reason)
}

func TestABusyPhoneLeavesTheCallerToTheNextAgent(t *testing.T) {
	c, rings := outside(t, ccs.Sequential)
	c.readyByTelephone()
	bob := c.visit("bob", "tab-2")
	bob.Ready(c.browsers, browser.Options{})
	c.dial("1", newEar())
	ring := within(t, "call to the outside phone", rings)
	refused := time.Now()
	if err := ring.Refuse(phone.Reply{}); err != nil {
		t.Fatal(err)
	}
	bob.Answer()
	if took := time.Since(refused); took > 10*time.Second { // it takes a millisecond, and an offer that nobody answers 20 s
		t.Errorf("bob had the call after %v", took)
	}
}
