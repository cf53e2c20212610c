package sipgw

import (
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw/digest"
)

// processorTime is what the process has used of the processor.
func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkRegistration measures the refreshing of a registration over UDP, with
// a challenge each time: two requests and two answers. The telephone's own work,
// which is much the same, is in the figure too. "core%" is what 2,000 lines that
// refresh once a minute take of a core; it must stay below 5.
func BenchmarkRegistration(b *testing.B) {
	const lines, minute = 2000, 60
	t := &testing.T{}
	var all []*ccs.Line
	for i := range lines {
		number := fmt.Sprint(1000 + i)
		all = append(all, &ccs.Line{Meta: ccs.Meta{ID: number}, Number: number, Secrets: ccs.NewLineSecrets(number, "secret")})
	}
	g := startLines(t, nil, all...)
	defer g.stop()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(g.Addr()))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	buffer := make([]byte, 4096)
	uri := "sip:" + g.Addr().String()
	exchange := func(i, seq int, credentials string) *sip.Response {
		number := all[i%lines].Number
		text := strings.Join([]string{
			"REGISTER " + uri + " SIP/2.0", fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=z9hG4bK%d;rport", conn.LocalAddr(), seq),
			"From: <sip:" + number + "@x>;tag=a", "To: <sip:" + number + "@x>", "Call-ID: " + number, fmt.Sprintf("CSeq: %d REGISTER", seq),
			"Contact: <sip:" + number + "@" + conn.LocalAddr().String() + ">", "Expires: 120", credentials + "Content-Length: 0", "", "",
		}, "\r\n")
		if _, err := conn.Write([]byte(text)); err != nil {
			b.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		n, err := conn.Read(buffer)
		if err != nil {
			b.Fatal(err)
		}
		m, err := sip.ParseMessage(buffer[:n])
		if err != nil {
			b.Fatal(err)
		}
		return m.(*sip.Response)
	}
	before, seq := processorTime(), 0
	for i := 0; b.Loop(); i++ {
		seq += 2
		challenged := exchange(i, seq, "")
		c, err := digest.Read(challenged)
		if err != nil {
			b.Fatal(err)
		}
		answer, err := c.Answer("REGISTER", uri, all[i%lines].Number, "secret")
		if err != nil {
			b.Fatal(err)
		}
		if res := exchange(i, seq+1, answer.String()+"\r\n"); res.StatusCode != sip.StatusOK {
			b.Fatalf("registration %d got %s", i, res.StartLine())
		}
	}
	each := (processorTime() - before).Seconds() / float64(b.N)
	b.ReportMetric(each*1e6, "cpu-µs/op")
	b.ReportMetric(each*lines/minute*100, "core%")
}
