package sipgw

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw/digest"
)

// handset is a line's telephone that writes its messages by hand, over UDP, TCP
// or TLS.
type handset struct {
	t                *testing.T
	conn             net.Conn
	stream           *bufio.Reader // of TCP and TLS
	number, password string
	callID           string
	seq              int
	toTag            string
	contact          string // "" is where it really is, "-" says nothing
	// skipped are requests that came, on a stream, while a response was waited for.
	skipped []sip.Message
	// heard are the requests that came in datagrams.
	heard map[string]bool
}

// line is an enabled line whose password is "secret".
func line100() *ccs.Line {
	return &ccs.Line{Meta: ccs.Meta{ID: "line-100"}, Number: "100", Name: "Reception", Secrets: ccs.NewLineSecrets("100", "secret")}
}

var line101Secrets = ccs.NewLineSecrets("101", "secret")

// startLines runs a gateway with lines that takes nothing on trust.
func startLines(t *testing.T, change func(*Config), lines ...*ccs.Line) *bench {
	t.Helper()
	b := start(t, func(c *Config) {
		c.AllowLoopback = false
		if change != nil {
			change(c)
		}
	})
	b.SetLines(lines)
	<-b.ready // without which nobody can be called
	return b
}

// newHandset makes a telephone at an address of this machine.
func newHandset(t *testing.T, b *bench, network, from string) *handset {
	t.Helper()
	h := &handset{t: t, number: "100", password: "secret", callID: fmt.Sprintf("%d@handset", time.Now().UnixNano()), heard: make(map[string]bool)}
	local := netip.AddrPortFrom(netip.MustParseAddr(from), 0)
	to := b.Addr()
	var err error
	switch network {
	case "udp":
		h.conn, err = net.DialUDP("udp", net.UDPAddrFromAddrPort(local), net.UDPAddrFromAddrPort(to))
	case "tls":
		to = b.AddrTLS()
		fallthrough
	default:
		h.conn, err = net.DialTCP("tcp", net.TCPAddrFromAddrPort(local), net.TCPAddrFromAddrPort(to))
	}
	if err != nil {
		t.Fatal(err)
	}
	if network == "tls" {
		h.conn = tls.Client(h.conn, &tls.Config{InsecureSkipVerify: true})
	}
	if network != "udp" {
		h.stream = bufio.NewReader(h.conn)
	}
	t.Cleanup(func() { h.conn.Close() })
	return h
}

// streamHandset is a telephone on a connection that the gateway opened.
func streamHandset(t *testing.T, conn net.Conn) *handset {
	t.Cleanup(func() { conn.Close() })
	return &handset{t: t, conn: conn, stream: bufio.NewReader(conn), number: "100"}
}

func (h *handset) transport() string {
	switch h.conn.(type) {
	case *tls.Conn:
		return "TLS"
	case *net.TCPConn:
		return "TCP"
	}
	return "UDP"
}

func (h *handset) uri() string { return "sip:" + h.conn.RemoteAddr().String() }

// message makes a request. Each has its own branch, named after its number.
func (h *handset) message(method, uri string, headers []string, body string) string {
	at := h.conn.LocalAddr().String()
	contact := h.contact
	if contact == "" {
		contact = "<sip:" + h.number + "@" + at + ";transport=" + strings.ToLower(h.transport()) + ">"
	}
	to := "<" + h.uri() + ">"
	if method == "REGISTER" {
		to = "<sip:" + h.number + "@carillon.example>"
	}
	if h.toTag != "" {
		to += ";tag=" + h.toTag
	}
	lines := []string{
		method + " " + uri + " SIP/2.0", fmt.Sprintf("Via: SIP/2.0/%s %s;branch=z9hG4bKh%d;rport", h.transport(), at, h.seq),
		"From: \"Claims\" <sip:" + h.number + "@carillon.example>;tag=handset", "To: " + to, "Call-ID: " + h.callID,
		fmt.Sprintf("CSeq: %d %s", h.seq, method), "Max-Forwards: 70", "User-Agent: Handset 1.0",
	}
	if method != "ACK" && contact != "-" && !strings.Contains(strings.Join(headers, "\n"), "Contact:") {
		lines = append(lines, "Contact: "+contact)
	}
	lines = append(lines, headers...)
	if body != "" {
		lines = append(lines, "Content-Type: application/sdp")
	}
	return strings.Join(append(lines, fmt.Sprintf("Content-Length: %d", len(body))), "\r\n") + "\r\n\r\n" + body
}

func (h *handset) send(text string) {
	h.t.Helper()
	if _, err := io.WriteString(h.conn, text); err != nil {
		h.t.Fatal(err)
	}
}

// read returns the next message, nil after wait or at the end of a connection. A
// request that is repeated in datagrams is passed over, but for an ACK.
func (h *handset) read(wait time.Duration) sip.Message {
	h.t.Helper()
	_ = h.conn.SetReadDeadline(time.Now().Add(wait))
	var text []byte
	if h.stream == nil {
		buffer := make([]byte, 65536)
		for len(text) == 0 {
			n, err := h.conn.Read(buffer)
			if err != nil {
				return nil
			}
			if text = buffer[:n]; h.heard[string(text)] {
				text = nil
				continue
			}
			h.heard[string(text)] = !bytes.HasPrefix(text, []byte("SIP/2.0 ")) && !bytes.HasPrefix(text, []byte("ACK "))
		}
	} else {
		length := 0
		for {
			one, err := h.stream.ReadString('\n')
			if err != nil {
				return nil
			}
			text = append(text, one...)
			if name, value, _ := strings.Cut(one, ":"); strings.EqualFold(name, "Content-Length") {
				length, _ = strconv.Atoi(strings.TrimSpace(value))
			}
			if strings.TrimSpace(one) == "" && len(text) > 4 {
				break
			}
		}
		body := make([]byte, length)
		if _, err := io.ReadFull(h.stream, body); err != nil {
			return nil
		}
		text = append(text, body...)
	}
	m, err := sip.ParseMessage(text)
	if err != nil {
		h.t.Fatalf("unreadable: %v\n%s", err, text)
	}
	return m
}

// final returns the final response to the last request; nil when none comes.
func (h *handset) final(wait time.Duration) *sip.Response {
	h.t.Helper()
	for limit := time.Now().Add(wait); ; {
		m := h.read(time.Until(limit))
		if m == nil {
			return nil
		}
		res, ok := m.(*sip.Response)
		if ok && int(res.CSeq().SeqNo) == h.seq && !res.IsProvisional() {
			return res
		}
		if !ok && h.stream != nil {
			h.skipped = append(h.skipped, m)
		}
	}
}

// next is read, but begins with what was skipped.
func (h *handset) next(wait time.Duration) sip.Message {
	h.t.Helper()
	if len(h.skipped) > 0 {
		m := h.skipped[0]
		h.skipped = h.skipped[1:]
		return m
	}
	return h.read(wait)
}

// plain sends a request without credentials.
func (h *handset) plain(method string, headers []string, body string) *sip.Response {
	h.t.Helper()
	h.seq++
	h.send(h.message(method, h.uri(), headers, body))
	res := h.final(patience)
	if res == nil {
		h.t.Fatalf("no answer to %s", method)
	}
	return res
}

// answer is the header that answers a challenge.
func (h *handset) answer(res *sip.Response, method string) string {
	h.t.Helper()
	c, err := digest.Read(res)
	if err != nil {
		h.t.Fatal(err)
	}
	a, err := c.Answer(method, h.uri(), h.number, h.password)
	if err != nil {
		h.t.Fatal(err)
	}
	return a.String()
}

// request sends a request and again with a proof when it is asked for one.
func (h *handset) request(method string, headers []string, body string) *sip.Response {
	h.t.Helper()
	res := h.plain(method, headers, body)
	if res.StatusCode != sip.StatusUnauthorized && res.StatusCode != sip.StatusProxyAuthRequired {
		return res
	}
	if method == "INVITE" {
		tag := h.toTag
		h.toTag, _ = res.To().Params.Get("tag")
		h.send(h.message("ACK", h.uri(), nil, ""))
		h.toTag = tag
	}
	return h.plain(method, append([]string{h.answer(res, method)}, headers...), body)
}

func (h *handset) register(headers ...string) *sip.Response {
	h.t.Helper()
	return h.request("REGISTER", headers, "")
}

// mustRegister registers.
func (h *handset) mustRegister(headers ...string) {
	h.t.Helper()
	if res := h.register(headers...); res.StatusCode != sip.StatusOK {
		h.t.Fatalf("not registered: %s", res.StartLine())
	}
}

// offer is handsetOffer for the telephone's own kind of address.
func (h *handset) offer() string {
	if strings.HasPrefix(h.conn.LocalAddr().String(), "[") {
		return strings.ReplaceAll(handsetOffer, "IP4 127.0.0.1", "IP6 ::1")
	}
	return handsetOffer
}

const handsetOffer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"

// call calls 1000 with a proof and returns what the gateway has, not answered.
func (h *handset) call(b *bench, headers ...string) *served {
	h.t.Helper()
	h.seq++
	h.send(h.message("INVITE", h.uri(), headers, h.offer()))
	res := h.final(patience)
	if res == nil || res.StatusCode != sip.StatusProxyAuthRequired {
		h.t.Fatalf("the call was not challenged: %v", res)
	}
	h.toTag, _ = res.To().Params.Get("tag")
	h.send(h.message("ACK", h.uri(), nil, ""))
	h.toTag = ""
	h.seq++
	h.send(h.message("INVITE", h.uri(), append([]string{h.answer(res, "INVITE")}, headers...), h.offer()))
	s := b.next(h.t)
	h.t.Cleanup(func() { close(s.done) })
	return s
}

// talk calls, is answered and acknowledges.
func (h *handset) talk(b *bench) *served {
	h.t.Helper()
	s := h.call(b)
	if err := s.Leg.Answer(); err != nil {
		h.t.Fatal(err)
	}
	res := h.final(patience)
	if res == nil || res.StatusCode != sip.StatusOK {
		h.t.Fatalf("not answered: %v", res)
	}
	h.toTag, _ = res.To().Params.Get("tag")
	ack := h.message("ACK", h.uri(), nil, "")
	h.send(strings.Replace(ack, "branch=z9hG4bK", "branch=z9hG4bKack", 1))
	eventually(h.t, "the ACK is taken", func() bool { l := s.Leg.(*caller); l.mu.Lock(); defer l.mu.Unlock(); return !l.unacked })
	return s
}

// hears waits for a request of the gateway and answers it with 200, but for an
// INVITE, whose answer is the test's.
func (h *handset) hears(method string) *sip.Request {
	h.t.Helper()
	for limit := time.Now().Add(patience); ; {
		m := h.next(time.Until(limit))
		if m == nil {
			h.t.Fatalf("no %s came", method)
		}
		if req, ok := m.(*sip.Request); ok && string(req.Method) == method {
			if method != "ACK" && method != "INVITE" {
				h.send(sip.NewResponseFromRequest(req, 200, "OK", nil).String())
			}
			return req
		}
	}
}
