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
	for limit := time.Now().Add(10 * time.Second); errors.Is(err, syscall.EADDRINUSE) && time.Now().Before(limit); time.Sleep(time.Millisecond) {
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
		buffer := make([]byte, 4096)
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := conn.Read(buffer)
		if err != nil {
			c.t.Fatal(err)
		}
		m, err := sip.ParseMessage(buffer[:n])
		if err != nil {
			c.t.Fatal(err)
		}
		res := m.(*sip.Response)
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

// A telephone that registered before an upgrade takes calls after it at once.
func TestALineRingsAfterARestartBeforeItRegistersAgain(t *testing.T) {
	c := startWith(t, ringingLine(t))
	handset, err := phone.New(phone.Config{Local: netip.MustParseAddr("127.0.43.2")})
	if err != nil {
		t.Fatal(err)
	}
	at := handset.Addr()
	handset.Close()
	c.register(at, "boot-1", 1)

	c.restart()
	rings := make(chan *phone.Ring, 1)
	handset, err = phone.New(phone.Config{Local: at.Addr(), Port: at.Port(), OnCall: func(r *phone.Ring) { rings <- r }})
	if err != nil {
		t.Fatal(err)
	}
	caller, err := c.phone.Dial(t.Context(), phone.Options{URI: strings.Replace(c.sip, "1000", "4000", 1), From: "+33612345678"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(caller.Hangup)
	ring := within(t, "the line rings", 20*time.Second, rings)
	if _, err := ring.Answer(phone.Reply{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
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
	db, err := c.config.Open(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	defer db.Close()
	tables := store.NewTables(db)
	if err := tables.Ensure(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	sheets, _, err := tables.Bindings.List(c.t.Context(), store.Query{})
	if err != nil {
		c.t.Fatal(err)
	}
	var list []ccs.Binding
	for _, s := range sheets {
		list = append(list, s.List...)
	}
	c.launch() // for what follows the test
	return list
}
