package sipgw_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/sipgw"
	"github.com/carillon-cc/carillon/sipgw/phone"
	"github.com/carillon-cc/carillon/sipgw/siptest"
)

func TestCallOverTCP(t *testing.T) {
	g := build(t, nil)
	quiet := slog.New(slog.DiscardHandler)
	ua := ok[*sipgo.UserAgent](t)(sipgo.NewUA(
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerLogger(quiet)),
		sipgo.WithUserAgentTransactionLayerOptions(sip.WithTransactionLayerLogger(quiet)),
	))
	server := ok[*sipgo.Server](t)(sipgo.NewServer(ua, sipgo.WithServerLogger(quiet)))
	listener := ok[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	at := listener.Addr().(*net.TCPAddr).AddrPort()
	seen := make(chan *sip.Request, 10)
	server.OnInvite(func(r *sip.Request, tx sip.ServerTransaction) {
		seen <- r
		offer := string(r.Body())
		res := sip.NewResponseFromRequest(r, 200, "OK", []byte(offer[:strings.Index(offer, "a=")])) // a peer like us
		res.AppendHeader(sip.NewHeader("Contact", "<sip:2000@"+at.String()+";transport=tcp>"))
		res.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
		_ = tx.Respond(res)
	})
	server.OnAck(func(r *sip.Request, _ sip.ServerTransaction) { seen <- r })
	server.OnBye(func(r *sip.Request, tx sip.ServerTransaction) {
		_ = tx.Respond(sip.NewResponseFromRequest(r, 200, "OK", nil))
		seen <- r
	})
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.ServeTCP(listener)
	}()
	t.Cleanup(func() {
		listener.Close()
		ua.Close()
		<-served
	})
	take := func(method sip.RequestMethod) *sip.Request {
		t.Helper()
		select {
		case r := <-seen:
			if r.Method != method {
				t.Fatalf("%s came, want %s", r.Method, method)
			}
			return r
		case <-time.After(patience):
			t.Fatalf("no %s came", method)
			return nil
		}
	}
	// Nobody listens at the first hop: the next is tried at once.
	nobody := netip.AddrPortFrom(siptest.Address(), 5060)
	var told outcomes
	o := g.place(t, sipgw.Place{Peers: []netip.AddrPort{nobody, at}, Transport: "TCP", Patience: time.Minute, Outcome: told.note})
	invite := take(sip.INVITE)
	if want := "<sip:1000@" + g.Addr().String() + ";transport=tcp>"; invite.Contact().Value() != want {
		t.Errorf("Contact is %s, want %s", invite.Contact().Value(), want)
	}
	take(sip.ACK)
	expect[call.Answered](t, o)
	o.Hangup(call.Cause{})
	take(sip.BYE)
	told.want(t, "TCP", "5060 0", fmt.Sprint(at.Port(), " 200"))
}

func TestCalledTelephoneHolds(t *testing.T) {
	w := build(t, nil)
	p, rings := callee(t)
	o := w.place(t, sipgw.Place{Peers: hops(p)})
	called := ok[*phone.Call](t)(next(t, rings).Answer(phone.Reply{}))
	expect[call.Answered](t, o)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := called.Hold(ctx, phone.HoldSendOnly); err != nil {
		t.Fatal(err)
	}
	if !expect[call.Held](t, o).On {
		t.Error("not held")
	}
	if err := called.Unhold(ctx); err != nil {
		t.Fatal(err)
	}
	if expect[call.Held](t, o).On {
		t.Error("held")
	}
	o.Hangup(call.Cause{By: call.BySystem, Reason: call.ReasonHangup})
	<-called.Done()
	if e := called.Ending(); e.By != phone.ByPeer {
		t.Errorf("ended by %+v", e)
	}
}

func TestAnswerAndHangupAtOnceNeverLeaveACall(t *testing.T) {
	w := build(t, nil)
	p, rings := callee(t)
	for i := range 40 {
		o := w.place(t, sipgw.Place{Peers: hops(p)})
		r := next(t, rings)
		if i%2 == 0 {
			_ = r.Ringing()
		}
		over := make(chan struct{})
		go func() {
			defer close(over)
			time.Sleep(time.Duration(i) * 50 * time.Microsecond)
			o.Hangup(call.Cause{By: call.BySystem, Reason: call.ReasonHangup})
		}()
		c, err := r.Answer(phone.Reply{})
		<-over
		if err == nil {
			select {
			case <-c.Done():
			case <-time.After(patience):
				t.Fatalf("call %d stays", i)
			}
		}
	}
	settled(t, "all are over", func() bool { return w.Stats().Calls == 0 && w.Stats().RTPPorts == 0 })
}
