package server_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw/digest"
	"github.com/carillon-cc/carillon/sipgw/phone"
	"github.com/carillon-cc/carillon/sipgw/siptest"
	"github.com/carillon-cc/carillon/store"
)

// ringingLine is a store with line 201, and number 4000 whose plan rings it.
func ringingLine(t *testing.T) func(*store.Tables) {
	return func(tables *store.Tables) {
		flow := ccs.Flow{TimeZone: "Europe/Paris", Language: "en", Steps: []ccs.Step{{ID: "s", Actions: []ccs.Action{
			{ID: "ring", Bridge: &ccs.Bridge{Line: "hall"}},
		}}}}
		ctx := t.Context()
		if err := errors.Join(
			tables.Lines.Put(ctx, &ccs.Line{Meta: ccs.Meta{ID: "hall"}, Number: "201", Name: "Hall", Secrets: ccs.NewLineSecrets("201", password)}),
			tables.Versions.Put(ctx, &ccs.PlanVersion{Meta: ccs.Meta{ID: "v"}, PlanID: "p", Version: 1, PublishedAt: time.Now().UTC(), Flow: flow}),
			tables.Plans.Put(ctx, &ccs.Plan{Meta: ccs.Meta{ID: "p"}, Name: "Hall", Draft: flow, Published: "v"}),
			tables.Numbers.Put(ctx, &ccs.Number{Meta: ccs.Meta{ID: "n"}, Number: "4000", Label: "Hall", PlanID: "p"}),
		); err != nil {
			t.Fatal(err)
		}
	}
}

// register registers the telephone at an address as line 201, by its own socket,
// which nobody has at the moment.
func (c *center) register(at netip.AddrPort, callID string, seq int) {
	c.t.Helper()
	registrar := strings.TrimPrefix(c.sip, "sip:1000@")
	server := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(registrar))
	conn, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(at), server)
	// A socket that was closed is free once its reader has seen so.
	for limit := time.Now().Add(patience); errors.Is(err, syscall.EADDRINUSE) && time.Now().Before(limit); time.Sleep(time.Millisecond) {
		conn, err = net.DialUDP("udp", net.UDPAddrFromAddrPort(at), server)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	credentials := ""
	for range 2 {
		text := strings.Join([]string{
			"REGISTER sip:" + registrar + " SIP/2.0", fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=z9hG4bK%d;rport", at, seq),
			"From: <sip:201@carillon.example>;tag=a", "To: <sip:201@carillon.example>", "Call-ID: " + callID, fmt.Sprintf("CSeq: %d REGISTER", seq),
			"Contact: <sip:201@" + at.String() + ">;expires=600", credentials + "Content-Length: 0", "", "",
		}, "\r\n")
		if _, err := conn.Write([]byte(text)); err != nil {
			c.t.Fatal(err)
		}
		res := c.answer(conn, uint32(seq))
		if res.StatusCode == sip.StatusOK {
			return
		}
		challenge, err := digest.Read(res)
		if err != nil {
			c.t.Fatalf("%v to\n%s", err, res)
		}
		answer, err := challenge.Answer("REGISTER", "sip:"+registrar, "201", password)
		if err != nil {
			c.t.Fatal(err)
		}
		credentials, seq = answer.String()+"\r\n", seq+1
	}
	c.t.Fatal("the telephone could not register")
}

// answer reads the answer to a request of ours. What else comes is of a call that
// this telephone has just ended.
func (c *center) answer(conn *net.UDPConn, seq uint32) *sip.Response {
	c.t.Helper()
	buffer := make([]byte, 4096)
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			c.t.Fatal(err)
		}
		m, _ := sip.ParseMessage(buffer[:n])
		if res, ok := m.(*sip.Response); ok && res.CSeq().MethodName == sip.REGISTER && res.CSeq().SeqNo == seq {
			return res
		}
	}
}

// A telephone that registered before an upgrade takes calls after it at once.
func TestALineRingsAfterARestartBeforeItRegistersAgain(t *testing.T) {
	c := startWith(t, ringingLine(t))
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.43.2"), uint16(siptest.FreePorts(t, 1)))
	c.register(at, "boot-1", 1)

	c.restart()
	rings := make(chan *phone.Ring, 1)
	handset, err := phone.New(phone.Config{Local: at.Addr(), Port: at.Port(), OnCall: func(r *phone.Ring) { rings <- r }})
	if err != nil {
		t.Fatal(err)
	}
	caller, err := c.phone.Dial(t.Context(), phone.Options{URI: strings.Replace(c.sip, "1000", "4000", 1), From: "+33612345678"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(caller.Hangup)
	ring := within(t, "the line rings", rings)
	if _, err := ring.Answer(phone.Reply{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := caller.WaitAnswer(ctx); err != nil {
		t.Fatal(err)
	}
	caller.Hangup()
	handset.Close()
	// It goes on counting, and is the same telephone (RFC 3261 §10.3).
	c.register(at, "boot-1", 3)
	if got := c.stored(); len(got) != 1 || got[0].Peer != at || got[0].CSeq < 3 {
		t.Errorf("stored %+v", got)
	}
}

// stored is what the store has of lines' telephones once the server has stopped.
func (c *center) stored() []ccs.Binding {
	c.t.Helper()
	c.halt()
	var list []ccs.Binding
	c.change(func(tables *store.Tables) error {
		sheets, _, err := tables.Bindings.List(c.t.Context(), store.Query{})
		for _, s := range sheets {
			list = append(list, s.List...)
		}
		return err
	})
	return list
}
