package sipgw

import (
	"strings"
	"testing"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/sipgw/dialog"
)

// A peer behind a NAT names addresses that we cannot reach; what we send must go
// where its packets come from, and be spelled as it asked.

func TestRequestsReachACallerBehindANAT(t *testing.T) {
	g := start(t, fast)
	r := newRaw(t, g, "127.0.0.1")
	invite := r.message("INVITE", "first", 1, []string{"Record-Route: <sip:10.0.0.1;lr;transport=udp>", "Record-Route: <sip:proxy.internal:5080;lr;ftag=eve>"}, r.offer())
	own := "Contact: <sip:eve@" + r.conn.LocalAddr().String() + ">"
	r.send(strings.Replace(invite, own, "Contact: <sip:eve@10.0.0.5:5070;transport=udp;ob>;+sip.instance=\"x\"", 1))
	s := g.next(t)
	if err := s.Leg.Answer(); err != nil {
		t.Fatal(err)
	}
	ok := r.await("SIP/2.0 200", "INVITE")
	if !strings.Contains(ok, "Record-Route: <sip:10.0.0.1;lr;transport=udp>\r\nRecord-Route: <sip:proxy.internal:5080;lr;ftag=eve>\r\n") {
		t.Errorf("the route is not repeated in\n%s", ok)
	}
	r.send(r.message("ACK", "ack1", 1, nil, ""))
	s.Leg.(*caller).reoffer()
	again := r.await("INVITE sip:eve@10.0.0.5:5070;transport=udp;ob SIP/2.0\r\n", "")
	if !strings.Contains(again, "\r\nRoute: <sip:10.0.0.1;lr;transport=udp>\r\nRoute: <sip:proxy.internal:5080;lr;ftag=eve>\r\n") {
		t.Errorf("the routes are lost in\n%s", again)
	}
	// Its answer names another Contact, which the ACK and the BYE have.
	r.reply(again, "200 OK", nil, r.offer())
	moved := "sip:eve@" + r.conn.LocalAddr().String() + " SIP/2.0\r\n"
	r.await("ACK "+moved, "\r\nRoute: <sip:10.0.0.1;lr;transport=udp>\r\nRoute: ")
	s.Leg.Hangup(call.Cause{By: call.BySystem, Reason: call.ReasonPlanEnd})
	r.await("BYE "+moved, "\r\nRoute: <sip:10.0.0.1;lr;transport=udp>\r\nRoute: ")
	close(s.done)
}

func TestRequestsReachACalledPeerBehindANAT(t *testing.T) {
	rows := []struct {
		name, contact string
		routes        []string
		line          string // the first line of what we send, without the method
		sent          string // our Route headers
	}{
		{"private Contact", "sip:1001@10.0.0.5:5070;transport=udp", nil, "sip:1001@10.0.0.5:5070;transport=udp", ""},
		{"named Contact", "sip:1001@phone.internal", nil, "sip:1001@phone.internal", ""},
		{
			"two proxies", "sip:1001@10.0.0.5",
			[]string{"<sip:10.0.0.1;lr>", "<sip:10.0.0.2;lr=on>"},
			"sip:1001@10.0.0.5",
			"\r\nRoute: <sip:10.0.0.2;lr=on>\r\nRoute: <sip:10.0.0.1;lr>\r\n",
		},
		{
			"a strict router", "sip:1001@10.0.0.5",
			[]string{"<sip:10.0.0.1;lr>", "<sip:10.0.0.2:5090>"},
			"sip:10.0.0.2:5090",
			"\r\nRoute: <sip:10.0.0.1;lr>\r\nRoute: <sip:1001@10.0.0.5>\r\n",
		},
	}
	g := start(t, fast)
	for _, row := range rows {
		r := newRaw(t, g, "127.0.0.1")
		s, invite := r.ring(g)
		own := "Contact: <sip:eve@" + r.conn.LocalAddr().String() + ">"
		headers := []string{"Contact: <" + row.contact + ">"}
		for _, route := range row.routes {
			headers = append(headers, "Record-Route: "+route)
		}
		r.rewrite = func(text string) string { return strings.Replace(text, own+"\r\n", "", 1) }
		r.pick(invite, "200 OK", headers, r.offer())
		r.rewrite = nil
		expect[call.Answered](t, s)
		if ack := r.await("ACK "+row.line+" SIP/2.0\r\n", ""); !strings.Contains(ack, row.sent) {
			t.Errorf("%s: routes of\n%s", row.name, ack)
		}
		l := g.leg(dialog.ID{CallID: field(invite, "Call-ID"), LocalTag: tagOf(invite, "From"), RemoteTag: "theirs"})
		if l == nil {
			t.Fatalf("%s: the leg is not known", row.name)
		}
		l.reoffer()
		if again := r.await("INVITE "+row.line+" SIP/2.0\r\n", ""); !strings.Contains(again, row.sent) {
			t.Errorf("%s: routes of\n%s", row.name, again)
		}
		l.end(call.Cause{By: call.BySystem, Reason: call.ReasonPlanEnd}, false)
		if bye := r.await("BYE "+row.line+" SIP/2.0\r\n", ""); !strings.Contains(bye, row.sent) {
			t.Errorf("%s: routes of\n%s", row.name, bye)
		}
	}
}

func TestTelephoneThatMovesIsFollowed(t *testing.T) {
	g := start(t, fast)
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, r.offer())
	// The same call from another port, as after a NAT forgot it; its Contact lags.
	moved := newRaw(t, g, "127.0.0.1")
	moved.callID, moved.toTag, moved.seq = r.callID, r.toTag, r.seq
	text := moved.message("UPDATE", "moved", 2, nil, "")
	moved.send(strings.Replace(text, "Contact: <sip:eve@"+moved.conn.LocalAddr().String()+">", "Contact: <sip:eve@10.0.0.5>", 1))
	moved.await("SIP/2.0 200", "UPDATE")
	s.Leg.Hangup(call.Cause{By: call.BySystem, Reason: call.ReasonPlanEnd})
	moved.await("BYE sip:eve@10.0.0.5 ", "")
	close(s.done)
}

func TestMessageWithHiddenLinesIsDropped(t *testing.T) {
	g := start(t, fast)
	r := newRaw(t, g, "127.0.0.1")
	r.send(strings.Replace(r.message("INVITE", "first", 1, nil, r.offer()), `"Eve"`, "\"Eve\nX-Evil: 1\"", 1))
	r.silent(300e6, "X-Evil")
	if n := g.Stats().Total; n != 0 {
		t.Errorf("%d calls", n)
	}
}

func tagOf(message, header string) string {
	_, tag, _ := strings.Cut(field(message, header), ";tag=")
	return tag
}
