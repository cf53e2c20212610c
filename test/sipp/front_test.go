package sipp

import (
	"bytes"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
)

// The ports of a provider: of the front, and of SIPp behind it.
const (
	frontPort = 5060
	innerPort = 5070
)

// front stands before a SIPp that is called. It answers the OPTIONS that ask
// whether the provider lives, which no scenario waits for, and passes the rest
// on in both directions.
type front struct {
	conn *net.UDPConn
	// calls counts the INVITEs that make a dialog, with their repetitions.
	calls atomic.Int32
}

func startFront(t *testing.T, ip netip.Addr) *front {
	t.Helper()
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, frontPort)))
	if err != nil {
		t.Fatal(err)
	}
	f := &front{conn: conn}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.run(netip.AddrPortFrom(ip, innerPort))
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return f
}

func (f *front) run(inner netip.AddrPort) {
	var outer netip.AddrPort
	room := make([]byte, 65536)
	for {
		n, from, err := f.conn.ReadFromUDPAddrPort(room)
		if err != nil {
			if n == 0 && bytes.Contains([]byte(err.Error()), []byte("closed")) {
				return
			}
			continue // a SIPp that is not there yet, or no more
		}
		m := room[:n]
		switch {
		case from == inner:
			if outer.IsValid() {
				_, _ = f.conn.WriteToUDPAddrPort(m, outer)
			}
		case bytes.HasPrefix(m, []byte("OPTIONS ")) && !bytes.Contains(headerLine(m, "To:"), []byte(";tag=")):
			_, _ = f.conn.WriteToUDPAddrPort(living(m), from)
		default:
			outer = from
			if bytes.HasPrefix(m, []byte("INVITE ")) && !bytes.Contains(headerLine(m, "To:"), []byte(";tag=")) {
				f.calls.Add(1)
			}
			_, _ = f.conn.WriteToUDPAddrPort(m, inner)
		}
	}
}

// living is the 200 to an OPTIONS.
func living(m []byte) []byte {
	answer := []byte("SIP/2.0 200 OK\r\n")
	for _, name := range []string{"Via:", "From:", "To:", "Call-ID:", "CSeq:"} {
		answer = append(append(answer, headerLine(m, name)...), '\r', '\n')
	}
	return append(answer, "Content-Length: 0\r\n\r\n"...)
}

func headerLine(m []byte, name string) []byte {
	for line := range bytes.SplitSeq(m, []byte("\r\n")) {
		if len(line) > len(name) && bytes.EqualFold(line[:len(name)], []byte(name)) {
			return line
		}
	}
	return nil
}
