package sipgw

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/call"
)

func TestCallerWhoseConnectionIsClosedIsReachedAtItsContact(t *testing.T) {
	g := start(t, fast)
	r := newRaw(t, g, "127.0.0.1")
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := net.Dial("tcp", g.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	send := func(method, body string) {
		text := strings.Replace(r.message(method, method, 1, nil, body), "SIP/2.0/UDP", "SIP/2.0/TCP", 1)
		text = strings.Replace(text, "Contact: <sip:eve@"+r.conn.LocalAddr().String(), "Contact: <sip:eve@"+listener.Addr().String()+";transport=tcp", 1)
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
	}
	send("INVITE", r.offer())
	s := g.next(t)
	if err := s.Leg.Answer(); err != nil {
		t.Fatal(err)
	}
	l := s.Leg.(*caller)
	r.toTag = l.dialog.ID().LocalTag
	send("ACK", "")
	eventually(t, "the ACK is taken", func() bool { l.mu.Lock(); defer l.mu.Unlock(); return !l.unacked })
	at := conn.LocalAddr().(*net.TCPAddr).AddrPort()
	_ = conn.Close()
	eventually(t, "the connection is closed", func() bool { return !g.guard.streams.has("TCP", at) })

	s.Leg.Hangup(call.Cause{By: call.BySystem, Reason: call.ReasonPlanEnd})
	_ = listener.SetDeadline(time.Now().Add(patience))
	back, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	if line, _ := bufio.NewReader(back).ReadString('\n'); !strings.HasPrefix(line, "BYE sip:eve@"+listener.Addr().String()) {
		t.Errorf("%q came", line)
	}
	close(s.done)
}
