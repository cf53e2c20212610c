package sipp

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
)

// The ports of a provider: of the front, and of the first SIPp behind it.
const (
	frontPort = 5060
	innerPort = 5070
)

// front stands before a SIPp that is called. It answers the OPTIONS that ask
// whether the provider lives, which no scenario waits for, and passes the rest
// on in both directions: the first call to the first SIPp, the next to the next.
type front struct {
	conn  *net.UDPConn
	calls atomic.Int32 // how many came
}

func startFront(t *trial, ip netip.Addr) *front {
	t.Helper()
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, frontPort)))
	if err != nil {
		t.Fatal(err)
	}
	f := &front{conn: conn}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.run(ip)
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return f
}

func (f *front) run(ip netip.Addr) {
	var outer netip.AddrPort
	inner := make(map[string]netip.AddrPort) // by Call-ID
	room := make([]byte, 65536)
	for {
		n, from, err := f.conn.ReadFromUDPAddrPort(room)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // a SIPp that is not there yet, or no more
		}
		m := room[:n]
		call := string(headerLine(m, "Call-ID:"))
		beginning := !bytes.Contains(headerLine(m, "To:"), []byte(";tag="))
		to, known := inner[call]
		switch {
		case from.Addr() == ip:
			if !known {
				inner[call] = from // a call that this SIPp places
			}
			if outer.IsValid() {
				_, _ = f.conn.WriteToUDPAddrPort(m, outer)
			}
			continue
		case bytes.HasPrefix(m, []byte("OPTIONS ")) && beginning:
			_, _ = f.conn.WriteToUDPAddrPort(living(m), from)
			continue
		case !known && bytes.HasPrefix(m, []byte("INVITE ")) && beginning:
			to = netip.AddrPortFrom(ip, innerPort+uint16(f.calls.Add(1)-1))
			inner[call] = to
		}
		outer = from
		_, _ = f.conn.WriteToUDPAddrPort(m, to)
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
