package sipgw

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw/siptest"
)

// silence is how long no answer must come before there is none. Answers take
// less than a millisecond, but on a machine that is busy.
const silence = 300 * time.Millisecond

// wait is how long the message's answer is waited for.
func (m torture) wait() time.Duration {
	if len(m.want) > 0 {
		return patience
	}
	return silence
}

// TestTorture sends the 49 messages of RFC 4475. Each brings what its section
// asks for, none harms the gateway, and nothing of them is left behind. With
// CARILLON_TORTURE_TABLE set it writes the table of docs/torture.md there.
func TestTorture(t *testing.T) {
	all := tortures()
	if len(all) != 49 {
		t.Fatalf("%d messages, RFC 4475 has 49", len(all))
	}
	answers := make([]int, len(all))
	t.Run("messages", func(t *testing.T) {
		for i, m := range all {
			t.Run(m.name, func(t *testing.T) {
				t.Parallel()
				got := tortured(t, m)
				if ok := got == 0 && len(m.want) == 0 || slices.Contains(m.want, got); !ok {
					t.Errorf("§%s %s (%s): answered %d, want one of %v", m.section, m.name, m.why, got, m.want)
				}
				answers[i] = got
			})
		}
	})
	table := "| RFC 4475 | message | answer | why |\n|---|---|---|---|\n"
	for i, m := range all {
		answer := "none"
		if got := answers[i]; got != 0 {
			answer = strconv.Itoa(got)
		}
		table += "| " + m.section + " | `" + m.name + "` | " + answer + " | " + m.why + " |\n"
	}
	if path := os.Getenv("CARILLON_TORTURE_TABLE"); path != "" {
		if err := os.WriteFile(path, []byte(table), 0o600); err != nil {
			t.Error(err)
		}
	}
}

// tortured sends a message to a gateway of its own, since some have the same
// transaction, and returns the status of the answer. A call is answered. The
// gateway must take a call afterwards and end without anything left, which
// TestMain sees.
func tortured(t *testing.T, m torture) int {
	t.Helper()
	g := start(t, fast)
	defer g.stop()
	// One of the senders has a line, the others have none.
	g.SetLines([]*ccs.Line{{Meta: ccs.Meta{ID: "l1"}, Number: "user", Secrets: ccs.NewLineSecrets("user", "a password")}})
	got := make(chan int, 1)
	go func() { got <- tortureAnswer(t, g.Addr(), m) }()
	status := 0
	for waiting := true; waiting; {
		select {
		case s := <-g.calls:
			_ = s.Leg.Answer()
			s.Leg.Hangup(call.Cause{By: call.BySystem, Reason: call.ReasonPlanEnd})
			close(s.done)
		case status = <-got:
			waiting = false
		}
	}
	if panics := g.Stats().Panics; panics != 0 {
		t.Errorf("%s made a handler fail", m.name)
	}
	r := newRaw(t, g, "127.0.0.1")
	if s, ok := r.talk(g, r.offer()); !strings.HasPrefix(ok, "SIP/2.0 200") {
		t.Errorf("no call is taken after %s", m.name)
	} else {
		close(s.done)
	}
	return status
}

// tortureAnswer sends a message from an address of its own and returns the
// status of the final answer, 0 for none. Where a Via has no rport the answer
// goes to the port in it or 5060 (RFC 3261 §18.2.2), so all of them are
// listened on.
func tortureAnswer(t *testing.T, to netip.AddrPort, m torture) int {
	t.Helper()
	from := siptest.Address()
	if m.tcp {
		dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), Timeout: patience}
		conn, err := dialer.Dial("tcp", to.String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte(m.message)); err != nil {
			t.Fatal(err)
		}
		return finalAnswer(conn, m.wait(), nil)
	}
	answers := make(chan int, 20)
	var sender *net.UDPConn
	for _, port := range []uint16{5060, 5050, 5070} {
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, port)))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if sender == nil {
			sender = conn
		}
		go finalAnswer(conn, 0, answers)
	}
	if _, err := sender.WriteToUDPAddrPort([]byte(m.message), to); err != nil {
		t.Fatal(err)
	}
	select {
	case status := <-answers:
		return status
	case <-time.After(m.wait()):
		return 0
	}
}

// finalAnswer reads responses until a final one, whose status it returns and
// tells; 0 where the connection is quiet for too long or closed before. Zero
// waits until it is closed.
func finalAnswer(conn net.Conn, quiet time.Duration, tell chan<- int) int {
	buffer := make([]byte, 64<<10)
	for {
		if quiet != 0 {
			_ = conn.SetReadDeadline(time.Now().Add(quiet))
		}
		n, err := conn.Read(buffer)
		if err != nil {
			return 0
		}
		for line := range strings.Lines(string(buffer[:n])) {
			rest, ok := strings.CutPrefix(line, "SIP/2.0 ")
			if !ok || len(rest) < 3 {
				continue
			}
			status, err := strconv.Atoi(rest[:3])
			if err != nil || status < 200 {
				continue
			}
			if tell != nil {
				tell <- status
			}
			return status
		}
	}
}
