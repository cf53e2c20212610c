package sipgw_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw"
	"github.com/carillon-cc/carillon/sipgw/phone"
	"github.com/carillon-cc/carillon/sipgw/siptest"
)

// carrier is Kamailio as a provider. Its account is "account" with the password
// "secret" and the number +33123456789.
type carrier struct {
	t       *testing.T
	config  string
	port    uint16 // of UDP and TCP
	portTLS uint16 // 0 without TLS
	cmd     *exec.Cmd
	log     lockedLog
}

// identity is what a carrier shows over TLS, and the authority whose certificates
// it takes.
type identity struct {
	tls.Certificate
	clients *siptest.Authority
}

func newCarrier(t *testing.T, algorithm string, far netip.AddrPort, secure *identity) *carrier {
	t.Helper()
	if _, err := exec.LookPath("kamailio"); err != nil {
		t.Skip("kamailio is not installed (scripts/setup test)")
	}
	template, err := os.ReadFile("testdata/kamailio.cfg")
	if err != nil {
		t.Fatal(err)
	}
	c := &carrier{t: t, port: uint16(siptest.FreePorts(t, 1)), config: filepath.Join(t.TempDir(), "kamailio.cfg")}
	text := string(template)
	if secure != nil {
		if found, _ := filepath.Glob("/usr/lib/*/kamailio/modules/tls.so"); len(found) == 0 {
			t.Skip("Kamailio's TLS is not installed (scripts/setup test)")
		}
		c.portTLS = uint16(siptest.FreePorts(t, 1))
		cert, key := siptest.Files(t, secure.Certificate)
		ca := filepath.Join(filepath.Dir(c.config), "clients.pem")
		if err := os.WriteFile(ca, secure.clients.PEM(), 0o600); err != nil {
			t.Fatal(err)
		}
		text = strings.NewReplacer("{PORT_TLS}", fmt.Sprint(c.portTLS), "{CERT}", cert, "{KEY}", key, "{CA}", ca).Replace("#!define WITH_TLS\n" + text)
	}
	text = strings.NewReplacer("{PORT}", fmt.Sprint(c.port), "{PHONE}", far.String(), "{ALGORITHM}", algorithm).Replace(text)
	if err := os.WriteFile(c.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c.start()
	t.Cleanup(c.stop)
	return c
}

// start runs Kamailio and waits until it answers.
func (c *carrier) start() {
	c.t.Helper()
	c.cmd = exec.Command("kamailio", "-DD", "-E", "-f", c.config, "-m", "32", "-M", "4", "-Y", filepath.Dir(c.config))
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	c.cmd.Stderr, c.cmd.Stdout = &c.log, &c.log
	if err := c.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	conn, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", c.port))
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	at := conn.LocalAddr().String()
	for limit := time.Now().Add(patience); time.Now().Before(limit); {
		_, _ = fmt.Fprintf(conn, "OPTIONS sip:carrier.test SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKready\r\nFrom: <sip:t@%s>;tag=t\r\n"+
			"To: <sip:carrier.test>\r\nCall-ID: ready\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 9\r\nContent-Length: 0\r\n\r\n", at, at)
		_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if n, _ := conn.Read(make([]byte, 4096)); n > 0 {
			return
		}
		time.Sleep(10 * time.Millisecond) // an unreachable port fails at once
	}
	c.stop()
	c.t.Fatalf("Kamailio does not answer:\n%s", c.log.String())
}

// stop ends Kamailio and all of its processes.
func (c *carrier) stop() {
	if c.cmd.ProcessState != nil {
		return
	}
	_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
	_ = c.cmd.Wait()
}

// states lets a test wait for what a trunk says of itself.
type states chan sipgw.TrunkState

func (s states) await(t *testing.T, what string, ok func(sipgw.TrunkState) bool) sipgw.TrunkState {
	t.Helper()
	limit := time.After(patience)
	var last sipgw.TrunkState
	for {
		select {
		case last = <-s:
			if ok(last) {
				return last
			}
		case <-limit:
			t.Fatalf("the trunk never was %s, but %+v", what, last)
		}
	}
}

func up(s sipgw.TrunkState) bool { return s.Status == sipgw.TrunkUp && !s.RegisteredUntil.IsZero() }

func TestTrunkRegistersWithACarrierAndCallsGoBothWays(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		transport ccs.Transport
		algorithm string
	}{{ccs.UDP, "MD5"}, {ccs.TCP, "SHA-256"}, {ccs.TLS, "MD5"}} {
		t.Run(string(row.transport)+" "+row.algorithm, func(t *testing.T) {
			t.Parallel()
			rings := make(chan *phone.Ring, 1)
			far, err := phone.New(phone.Config{Local: siptest.Address(), OnCall: func(r *phone.Ring) { rings <- r }})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(far.Close)
			var secure *identity
			configure := func(*sipgw.Config) {}
			if row.transport == ccs.TLS {
				theirs, ours := siptest.NewAuthority(t), siptest.NewAuthority(t)
				secure = &identity{theirs.Issue(time.Now().Add(time.Hour), "carrier.test"), ours}
				configure = func(cfg *sipgw.Config) {
					cfg.Resolver = names{srv: "carrier.test", target: "proxy.elsewhere.test", at: loopback}
					cfg.TLSRoots = theirs.Pool
					cfg.ListenTLS = cfg.Listen // its address; the port is another
					cfg.TLS = &tls.Config{Certificates: []tls.Certificate{ours.Issue(time.Now().Add(time.Hour), "carillon.test")}}
				}
			}
			c := newCarrier(t, row.algorithm, far.Addr(), secure)
			told := make(states, 1000)
			w := build(t, func(cfg *sipgw.Config) {
				cfg.AllowLoopback = false
				cfg.OnTrunk = func(s sipgw.TrunkState) { told <- s }
				cfg.Timers.TrunkTest = 300 * time.Millisecond
				cfg.Timers.Farewell = time.Second
				configure(cfg)
				if n, ok := cfg.Resolver.(names); ok {
					n.port = c.portTLS
					cfg.Resolver = n
				}
			})
			target := ccs.TrunkTarget{Host: "127.0.0.1", Port: int(c.port), Transport: row.transport}
			if secure != nil {
				// The certificate is for the domain, not for the host that SRV names.
				target.Host, target.Port = "carrier.test", 0
			}
			w.SetTrunks([]*ccs.Trunk{{
				Meta: ccs.Meta{ID: "carrier"}, Name: "Kamailio", Register: true, Username: "account", Password: "secret", Domain: "carrier.test",
				Targets:  []ccs.TrunkTarget{target},
				CallerID: ccs.CallerID{Number: "+33123456789"},
				Outgoing: ccs.TrunkOutgoing{Allowed: []string{"+33"}, Country: "FR"},
			}})
			before := told.await(t, "registered", up)

			arrives(t, w, far, c)
			goesOut(t, w, rings)

			c.stop()
			told.await(t, "down", func(s sipgw.TrunkState) bool { return s.Status != sipgw.TrunkUp })
			c.start()
			told.await(t, "registered again", func(s sipgw.TrunkState) bool {
				return up(s) && s.RegisteredUntil.After(before.RegisteredUntil)
			})
			arrives(t, w, far, c)
			goesOut(t, w, rings)
		})
	}
}

// arrives calls the account's number at the carrier.
func arrives(t *testing.T, w *tower, far *phone.Phone, c *carrier) {
	t.Helper()
	out, err := far.Dial(t.Context(), phone.Options{
		URI: fmt.Sprintf("sip:+33123456789@127.0.0.1:%d", c.port), From: "0612345678",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Hangup()
	var in sipgw.Incoming
	select {
	case in = <-w.incoming:
	case <-out.Done():
		t.Fatalf("the carrier said %+v\n%s", out.Ending(), c.log.String())
	case <-time.After(patience):
		t.Fatal("no call came")
	}
	if in.Trunk != "carrier" || in.To != "+33123456789" || in.From != "+33612345678" || strings.Join(in.Forms, " ") != "+33123456789 0123456789 33123456789 0033123456789" {
		t.Errorf("incoming %+v", in)
	}
	gone := make(chan struct{})
	in.Leg.Listen(call.Listener{Events: func(e call.Event) {
		if _, ok := e.(call.Gone); ok {
			close(gone)
		}
	}})
	if err := in.Leg.Answer(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := out.WaitAnswer(ctx); err != nil {
		t.Fatalf("the answer did not arrive: %v", err)
	}
	out.Hangup()
	select {
	case <-gone:
	case <-time.After(patience):
		t.Fatal("the BYE did not arrive")
	}
}

// goesOut calls a number through the carrier.
func goesOut(t *testing.T, w *tower, rings chan *phone.Ring) {
	t.Helper()
	leg, err := w.Call(sipgw.Outgoing{Number: "06 12 34 56 78", FromName: "Support", By: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	events := make(chan call.Event, 10)
	leg.Listen(call.Listener{Events: func(e call.Event) { events <- e }})
	var ring *phone.Ring
	select {
	case ring = <-rings:
	case e := <-events:
		t.Fatalf("the call got %+v", e)
	case <-time.After(patience):
		t.Fatal("the telephone does not ring")
	}
	invite := ring.Invite()
	if got := invite.Recipient.String(); got != "sip:+33612345678@carrier.test;user=phone" {
		t.Errorf("called %s", got)
	}
	if got := invite.From().Value(); !strings.HasPrefix(got, `"Support" <sip:+33123456789@carrier.test>`) {
		t.Errorf("from %s", got)
	}
	if h := invite.GetHeader("P-Asserted-Identity"); h == nil || h.Value() != `"Support" <sip:+33123456789@carrier.test>` {
		t.Errorf("asserted %v", h)
	}
	if _, err := ring.Answer(phone.Reply{}); err != nil {
		t.Fatal(err)
	}
	for limit := time.After(patience); ; {
		select {
		case e := <-events:
			if _, ok := e.(call.Answered); ok {
				leg.Hangup(call.Cause{By: call.ByAgent, Reason: call.ReasonHangup})
				return
			}
		case <-limit:
			t.Fatal("the call was not answered")
		}
	}
}
