package sipgw_test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/sipgw/dialog"
	"github.com/carillon-cc/carillon/sipgw/sdp"
	"github.com/carillon-cc/carillon/sipgw/siptest"
)

// wire is a SIP peer over UDP that is called and responds as the test says, also
// as nobody should. Its address is its own. A request that is repeated is heard
// once, but for an ACK, which answers one response each.
type wire struct {
	t        *testing.T
	conn     *net.UDPConn
	rtp      *net.UDPConn
	requests chan *sip.Request
}

func newWire(t *testing.T) *wire {
	t.Helper()
	ip := siptest.Address()
	listen := func() *net.UDPConn {
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: ip.AsSlice()})
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	w := &wire{t: t, conn: listen(), rtp: listen(), requests: make(chan *sip.Request, 200)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, 65536)
		heard := make(map[string]bool)
		for {
			n, from, err := w.conn.ReadFromUDPAddrPort(buffer)
			if err != nil {
				return
			}
			if text := string(buffer[:n]); !strings.HasPrefix(text, "ACK ") {
				if heard[text] {
					continue
				}
				heard[text] = true
			}
			m, err := sip.ParseMessage(append([]byte(nil), buffer[:n]...))
			if r, ok := m.(*sip.Request); ok && err == nil {
				r.SetSource(from.String())
				w.requests <- r
			}
		}
	}()
	t.Cleanup(func() {
		w.conn.Close()
		w.rtp.Close()
		<-done
	})
	return w
}

func (w *wire) addr() netip.AddrPort { return w.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

func (w *wire) port() int { return int(w.rtp.LocalAddr().(*net.UDPAddr).AddrPort().Port()) }

// next waits for a request of a method; INVITEs are passed over.
func (w *wire) next(method sip.RequestMethod) *sip.Request {
	w.t.Helper()
	limit := time.After(patience)
	for {
		select {
		case r := <-w.requests:
			if r.Method == method {
				return r
			}
			if r.Method != sip.INVITE {
				w.t.Fatalf("%s came, want %s:\n%s", r.Method, method, r)
			}
		case <-limit:
			w.t.Fatalf("no %s came", method)
		}
	}
}

// quiet fails the test when a request of a method comes within a time.
func (w *wire) quiet(method sip.RequestMethod, within time.Duration) {
	w.t.Helper()
	limit := time.After(within)
	for {
		select {
		case r := <-w.requests:
			if r.Method == method {
				w.t.Fatalf("unexpected %s", r)
			}
		case <-limit:
			return
		}
	}
}

// respond sends a response with a To tag and further header lines.
func (w *wire) respond(r *sip.Request, status int, tag, body string, headers ...string) {
	w.t.Helper()
	res := sip.NewResponseFromRequest(r, status, "Status", []byte(body))
	if tag != "" {
		res.To().Params.Add("tag", tag)
	}
	contact := false
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		contact = contact || name == "Contact"
		res.AppendHeader(sip.NewHeader(name, value))
	}
	if !contact && (r.Method == sip.INVITE) {
		res.AppendHeader(sip.NewHeader("Contact", "<sip:2000@"+w.addr().String()+">"))
	}
	if body != "" {
		res.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	}
	if _, err := w.conn.WriteToUDPAddrPort([]byte(res.String()), dialog.Source(r)); err != nil {
		w.t.Fatal(err)
	}
}

// answer is a session description of ours.
func (w *wire) answer(attributes ...string) string { return w.answerAt(w.port(), 8, attributes...) }

func (w *wire) answerAt(port, format int, attributes ...string) string {
	return w.answerTo(netip.AddrPortFrom(w.addr().Addr(), uint16(port)), format, attributes...)
}

func (w *wire) answerTo(at netip.AddrPort, format int, attributes ...string) string {
	return strings.Join(append([]string{
		"v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 " + at.Addr().String(), "t=0 0",
		fmt.Sprintf("m=audio %d RTP/AVP %d 101", at.Port(), format), "a=rtpmap:101 telephone-event/8000",
	}, attributes...), "\r\n") + "\r\n"
}

// ok responds to requests within a dialog.
func (w *wire) ok(r *sip.Request) { w.respond(r, 200, "", "") }

// cancelled does what is to be done after a CANCEL.
func (w *wire) cancelled(invite *sip.Request, tag string) {
	w.t.Helper()
	w.ok(w.next(sip.CANCEL))
	w.respond(invite, 487, tag, "")
	w.next(sip.ACK)
}

// bye takes a BYE with a tag.
func (w *wire) bye(tag string) *sip.Request {
	w.t.Helper()
	r := w.next(sip.BYE)
	w.ok(r)
	if got, _ := r.To().Params.Get("tag"); got != tag {
		w.t.Fatalf("the BYE is for %q, want %q", got, tag)
	}
	return r
}

func reason(r *sip.Request) string {
	if h := r.GetHeader("Reason"); h != nil {
		return h.Value()
	}
	return ""
}

// soundAt is where an offer wants the sound.
func soundAt(t *testing.T, invite *sip.Request) netip.AddrPort {
	t.Helper()
	description, err := sdp.Parse(invite.Body())
	if err != nil {
		t.Fatal(err)
	}
	_, host, _ := strings.Cut(string(invite.Body()), "c=IN IP4 ")
	host, _, _ = strings.Cut(host, "\r\n")
	return netip.AddrPortFrom(netip.MustParseAddr(host), description.Lines[0].Port)
}
