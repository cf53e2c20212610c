package sipp

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// ear is a port that a scenario names for its sound, and what came there.
type ear struct {
	conn *net.UDPConn
	mu   sync.Mutex
	got  []heard
}

// heard is one packet.
type heard struct {
	at       time.Time
	kind     byte   // payload type
	sequence uint16 // of the stream
	sound    []byte
}

func openEar(t *testing.T, ip netip.Addr) *ear {
	t.Helper()
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
	if err != nil {
		t.Fatal(err)
	}
	e := &ear{conn: conn}
	done := make(chan struct{})
	go func() {
		defer close(done)
		room := make([]byte, 2048)
		for {
			n, err := conn.Read(room)
			if err != nil {
				return
			}
			if n >= 12 && room[0]>>6 == 2 {
				e.mu.Lock()
				e.got = append(e.got, heard{time.Now(), room[1] & 0x7f, binary.BigEndian.Uint16(room[2:]), bytes.Clone(room[12:n])})
				e.mu.Unlock()
			}
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return e
}

func (e *ear) port() uint16 { return e.conn.LocalAddr().(*net.UDPAddr).AddrPort().Port() }

func (e *ear) packets() []heard {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]heard(nil), e.got...)
}

// count is how many packets of a payload type came.
func (e *ear) count(kind byte) (n int) {
	for _, h := range e.packets() {
		if h.kind == kind {
			n++
		}
	}
	return n
}

// gap is the longest silence between two packets, and how many came before and
// after it.
func (e *ear) gap() (longest time.Duration, before, after int) {
	all := e.packets()
	for i := 1; i < len(all); i++ {
		if d := all[i].at.Sub(all[i-1].at); d > longest {
			longest, before, after = d, i, len(all)-i
		}
	}
	return longest, before, after
}
