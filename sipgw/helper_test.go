package sipgw

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/internal/leaks"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw/siptest"
)

func TestMain(m *testing.M) {
	// Most tests wait for timers, so that more of them can run at once than there
	// are processors.
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen {
		if err := flag.Set("test.parallel", "8"); err != nil {
			panic(err)
		}
	}
	leaks.Verify(m)
}

var loopback = netip.MustParseAddr("127.0.0.1")

// patience is how long tests wait for what must happen, also on a machine that is
// busy or stands still for a while.
const patience = 20 * time.Second

// bench is a gateway under test, with what its calls tell.
type bench struct {
	*Gateway
	calls chan *served
	run   func() // until stop, which prepare does not do
	stop  func()
	// after is closed when the gateway has ended, and sends nothing any more. Only
	// then may another test's socket be given the port.
	after []*net.UDPConn
}

// trust makes a trunk of this machine whose telephones may transfer calls.
func (b *bench) trust() {
	b.SetTrunks([]*ccs.Trunk{{Meta: ccs.Meta{ID: "near"}, Sources: []string{"127.0.0.0/8"}, Trusted: true}})
}

// served is a call that the gateway took. Its owner goroutine waits for done.
type served struct {
	Incoming
	events chan call.Event
	done   chan struct{}
	sound  *collector
}

// collector counts packets.
type collector struct {
	mu    sync.Mutex
	count int
	last  media.Codec
}

func (c *collector) WritePacket(p *media.Packet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count++
	c.last = p.Codec
}

func (c *collector) packets() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count
}

// faultyNumber is dialled to have a call fail.
const faultyNumber = "666"

// start runs a gateway on an address of its own that hands its calls to the test. It
// ends with the test.
func start(t *testing.T, change func(*Config)) *bench {
	t.Helper()
	b := prepare(t, change)
	b.run()
	return b
}

// prepare is start without running the gateway.
func prepare(t *testing.T, change func(*Config)) *bench {
	t.Helper()
	pacer, own := media.NewPacer(), siptest.Address()
	cfg := Config{
		Listen: own.String() + ":0", Ports: media.NewPorts(own, 0, 0), Pacer: pacer,
		AllowLoopback: true, Log: slog.New(slog.DiscardHandler),
		Timers: Timers{Farewell: 50 * time.Millisecond},
	}
	if change != nil {
		change(&cfg)
	}
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{Gateway: g, calls: make(chan *served, 100)}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { pacer.Run(ctx) })
	gateway := func() {
		_ = g.Run(ctx, func(ctx context.Context, in Incoming) {
			s := &served{Incoming: in, events: make(chan call.Event, 100), done: make(chan struct{}), sound: &collector{}}
			if in.To == faultyNumber {
				panic("a fault in a call")
			}
			over := make(chan struct{})
			var once sync.Once
			in.Leg.Listen(call.Listener{Packets: s.sound, Events: func(e call.Event) {
				s.events <- e
				if _, gone := e.(call.Gone); gone {
					once.Do(func() { close(over) })
				}
			}})
			b.calls <- s
			select {
			case <-over:
			case <-s.done:
			case <-ctx.Done():
				<-in.Leg.(*caller).over // which a test that failed may have ended itself
			}
		})
	}
	b.run = func() { running.Go(gateway) }
	b.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	t.Cleanup(func() {
		b.stop()
		for _, conn := range b.after {
			_ = conn.Close()
		}
	})
	return b
}

func (b *bench) next(t *testing.T) *served {
	t.Helper()
	select {
	case s := <-b.calls:
		return s
	case <-time.After(patience):
		t.Fatal("no call arrived")
		return nil
	}
}

// expect waits for the call's next event of a type.
func expect[E any](t *testing.T, s *served) E {
	t.Helper()
	limit := time.After(patience)
	for {
		select {
		case e := <-s.events:
			if want, ok := e.(E); ok {
				return want
			}
		case <-limit:
			var none E
			t.Fatalf("no %T came", none)
			return none
		}
	}
}

func (s *served) gone(t *testing.T) call.Cause {
	t.Helper()
	return expect[call.Gone](t, s).Cause
}

// raw is a SIP peer that writes its messages by hand. It hears its gateway alone: a
// request once, however often it is repeated, but for an ACK, which answers one
// response each.
type raw struct {
	t      *testing.T
	conn   *net.UDPConn
	rtp    *net.UDPConn
	to     netip.AddrPort
	callID string
	toTag  string
	seq    int
	heard  map[string]bool // the requests that came
	// rewrite changes a response before it is sent; nil leaves it.
	rewrite func(string) string
}

func newRaw(t *testing.T, g *bench, from string) *raw {
	t.Helper()
	listen := func() *net.UDPConn {
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(from+":0")))
		if err != nil {
			t.Fatal(err)
		}
		g.after = append(g.after, conn)
		return conn
	}
	return &raw{
		t: t, conn: listen(), rtp: listen(), to: g.Addr(), callID: fmt.Sprintf("%d@raw", time.Now().UnixNano()), seq: 1,
		heard: make(map[string]bool),
	}
}

func (r *raw) send(text string) {
	r.t.Helper()
	if _, err := r.conn.WriteToUDPAddrPort([]byte(text), r.to); err != nil {
		r.t.Fatal(err)
	}
}

func port(c *net.UDPConn) int { return c.LocalAddr().(*net.UDPAddr).Port }

// message makes a request of the call. branch names the transaction.
func (r *raw) message(method, branch string, seq int, headers []string, body string) string {
	at := r.conn.LocalAddr().String()
	to := "<sip:1000@" + r.to.String() + ">"
	if r.toTag != "" {
		to += ";tag=" + r.toTag
	}
	lines := append([]string{
		method + " sip:1000@" + r.to.String() + " SIP/2.0",
		"Via: SIP/2.0/UDP " + at + ";branch=z9hG4bK" + branch + ";rport",
		"From: \"Eve\" <sip:+33123456789@" + at + ">;tag=eve",
		"To: " + to,
		"Call-ID: " + r.callID,
		fmt.Sprintf("CSeq: %d %s", seq, method),
		"Contact: <sip:eve@" + at + ">",
		"Max-Forwards: 70",
	}, headers...)
	if body != "" && !strings.Contains(strings.Join(headers, "\n"), "Content-Type") {
		lines = append(lines, "Content-Type: application/sdp")
	}
	lines = append(lines, fmt.Sprintf("Content-Length: %d", len(body)))
	return strings.Join(lines, "\r\n") + "\r\n\r\n" + body
}

func (r *raw) offer(attributes ...string) string {
	return r.offerAt("127.0.0.1", port(r.rtp), attributes...)
}

func (r *raw) offerAt(ip string, port int, attributes ...string) string {
	return strings.Join(append([]string{
		"v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 " + ip, "t=0 0",
		fmt.Sprintf("m=audio %d RTP/AVP 8 0 101", port), "a=rtpmap:101 telephone-event/8000",
	}, attributes...), "\r\n") + "\r\n"
}

// read returns the next message, or "" after wait.
func (r *raw) read(wait time.Duration) string {
	r.t.Helper()
	buffer := make([]byte, 65536)
	_ = r.conn.SetReadDeadline(time.Now().Add(wait))
	var text string
	for text == "" {
		n, from, err := r.conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return ""
		}
		if text = string(buffer[:n]); from != r.to || r.heard[text] {
			text = ""
			continue
		}
		r.heard[text] = !strings.HasPrefix(text, "SIP/2.0 ") && !strings.HasPrefix(text, "ACK ")
	}
	if _, rest, ok := strings.Cut(text, "\r\nTo: "); ok && strings.HasPrefix(text, "SIP/2.0 ") && r.toTag == "" {
		line, _, _ := strings.Cut(rest, "\r\n")
		if _, tag, ok := strings.Cut(line, ";tag="); ok && strings.Contains(text, " INVITE\r\n") {
			r.toTag = tag
		}
	}
	return text
}

// await reads until a message begins with prefix and has part in it.
func (r *raw) await(prefix, part string) string {
	r.t.Helper()
	for limit := time.Now().Add(patience); time.Now().Before(limit); {
		text := r.read(time.Until(limit))
		if strings.HasPrefix(text, prefix) && strings.Contains(text, part) {
			return text
		}
	}
	r.t.Fatalf("no message %q with %q came", prefix, part)
	return ""
}

// flush reads all that the gateway has sent up to now: its answer to one request more
// comes last.
func (r *raw) flush() {
	r.t.Helper()
	r.seq++
	r.send(r.message("OPTIONS", fmt.Sprintf("flush%d", r.seq), r.seq, nil, ""))
	r.await("SIP/2.0 ", fmt.Sprintf("CSeq: %d OPTIONS", r.seq))
}

// silent fails the test when a message with part comes within wait.
func (r *raw) silent(wait time.Duration, part string) {
	r.t.Helper()
	for limit := time.Now().Add(wait); time.Now().Before(limit); {
		if text := r.read(time.Until(limit)); text != "" && strings.Contains(text, part) {
			r.t.Fatalf("unexpected message:\n%s", text)
		}
	}
}

// invite calls and waits until the gateway has the call.
func (r *raw) invite(b *bench, body string, headers ...string) *served {
	r.t.Helper()
	r.send(r.message("INVITE", "first", r.seq, headers, body))
	return b.next(r.t)
}

// talk calls, is answered and acknowledges.
func (r *raw) talk(b *bench, body string) (*served, string) {
	r.t.Helper()
	s := r.invite(b, body)
	s.Leg.Ring()
	if err := s.Leg.Answer(); err != nil {
		r.t.Fatal(err)
	}
	ok := r.await("SIP/2.0 200", "INVITE")
	r.send(r.message("ACK", "ack1", r.seq, nil, ""))
	return s, ok
}

// request sends the next request of the dialog and returns its final response.
func (r *raw) request(method, body string, headers ...string) string {
	r.t.Helper()
	r.seq++
	r.send(r.message(method, fmt.Sprintf("b%d", r.seq), r.seq, headers, body))
	for {
		text := r.await("SIP/2.0 ", fmt.Sprintf("CSeq: %d %s", r.seq, method))
		if strings.HasPrefix(text, "SIP/2.0 1") {
			continue
		}
		if method == "INVITE" {
			branch := fmt.Sprintf("b%d", r.seq)
			if strings.HasPrefix(text, "SIP/2.0 2") {
				branch = fmt.Sprintf("ack%d", r.seq)
			}
			r.send(r.message("ACK", branch, r.seq, nil, ""))
		}
		return text
	}
}

// reply answers a request of the gateway.
func (r *raw) reply(request, status string, headers []string, body string) {
	r.t.Helper()
	lines := []string{"SIP/2.0 " + status}
	for line := range strings.SplitSeq(request, "\r\n") {
		name, _, _ := strings.Cut(line, ":")
		switch name {
		case "Via", "From", "To", "Call-ID", "CSeq":
			lines = append(lines, line)
		case "":
			lines = append(lines, "Contact: <sip:eve@"+r.conn.LocalAddr().String()+">")
			lines = append(lines, headers...)
			if body != "" {
				lines = append(lines, "Content-Type: application/sdp")
			}
			lines = append(lines, fmt.Sprintf("Content-Length: %d", len(body)))
			text := strings.Join(lines, "\r\n") + "\r\n\r\n" + body
			if r.rewrite != nil {
				text = r.rewrite(text)
			}
			r.send(text)
			return
		}
	}
}

// mediaPort reads where a session description wants the sound.
func mediaPort(t *testing.T, text string) netip.AddrPort {
	t.Helper()
	_, host, _ := strings.Cut(text, "c=IN IP4 ")
	host, _, _ = strings.Cut(host, "\r\n")
	_, number, _ := strings.Cut(text, "m=audio ")
	number, _, _ = strings.Cut(number, " ")
	at, err := netip.ParseAddrPort(host + ":" + number)
	if err != nil {
		t.Fatalf("no sound in\n%s", text)
	}
	return at
}

// sendRTP sends a packet from a socket.
func sendRTP(t *testing.T, from *net.UDPConn, to netip.AddrPort, h media.Header, payload []byte) {
	t.Helper()
	if _, err := from.WriteToUDPAddrPort(append(media.AppendHeader(nil, h), payload...), to); err != nil {
		t.Fatal(err)
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for limit := time.Now().Add(patience); time.Now().Before(limit); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatal("not so: " + what)
}

func parseRequest(t *testing.T, lines ...string) *sip.Request {
	t.Helper()
	m, err := sip.ParseMessage([]byte(strings.Join(lines, "\r\n") + "\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return m.(*sip.Request)
}

func parseResponse(t *testing.T, lines ...string) *sip.Response {
	t.Helper()
	m, err := sip.ParseMessage([]byte(strings.Join(lines, "\r\n") + "\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return m.(*sip.Response)
}

// reoffer has a leg refresh its session by a re-INVITE at once.
func (l *leg) reoffer() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.session, l.refresh, l.updates = session{interval: time.Hour, ours: true}, true, false
	l.proposeAt.set(media.Now())
}
