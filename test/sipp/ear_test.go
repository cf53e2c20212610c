package sipp

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// ear is a port that a scenario names for its sound, and what came there.
type ear struct {
	conn *net.UDPConn
	mu   sync.Mutex
	got  []heard
}

// heard is one packet.
type heard struct {
	at       time.Time // as the kernel says: this process may be late to look
	kind     byte      // payload type
	sequence uint16    // of the stream
	sound    []byte
}

func openEar(t *trial, ip netip.Addr) *ear {
	t.Helper()
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var refused error
	err = raw.Control(func(fd uintptr) { refused = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) })
	if err != nil || refused != nil {
		t.Fatal(err, refused)
	}
	e := &ear{conn: conn}
	done := make(chan struct{})
	go func() {
		defer close(done)
		room, control := make([]byte, 2048), make([]byte, 128)
		for {
			n, more, _, _, err := conn.ReadMsgUDPAddrPort(room, control)
			if err != nil {
				return
			}
			if n >= 12 && room[0]>>6 == 2 {
				e.mu.Lock()
				e.got = append(e.got, heard{cameAt(control[:more]), room[1] & 0x7f, binary.BigEndian.Uint16(room[2:]), bytes.Clone(room[12:n])})
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

// cameAt is when a packet came, by what SO_TIMESTAMPNS wrote beside it.
func cameAt(control []byte) time.Time {
	if all, err := unix.ParseSocketControlMessage(control); err == nil {
		for _, one := range all {
			if one.Header.Level == unix.SOL_SOCKET && one.Header.Type == unix.SCM_TIMESTAMPNS && len(one.Data) >= 16 {
				return time.Unix(int64(binary.NativeEndian.Uint64(one.Data)), int64(binary.NativeEndian.Uint64(one.Data[8:])))
			}
		}
	}
	return time.Now()
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
