package media

import (
	"net/netip"
	"sync"
	"testing"
	"time"
)

func TestSocketIsClosedOnceByTheLastWhoUsesIt(t *testing.T) {
	s, at, err := openSocket(netip.AddrPortFrom(loopback, 0))
	if err != nil {
		t.Fatal(err)
	}
	one, two := s.begin(), s.begin()
	if !one || !two {
		t.Fatal("an open socket is refused")
	}
	s.close()
	if s.begin() {
		t.Error("a closed socket is given")
	}
	s.end()
	if again, _, err := openSocket(at); err == nil {
		again.close()
		t.Error("the port is free while somebody uses the socket")
	}
	s.end()
	again, _, err := openSocket(at)
	if err != nil {
		t.Fatal("the port is not free after the last use: ", err)
	}
	again.close()
}

func TestSocketCarriesBothFamilies(t *testing.T) {
	server, at, err := openSocket(netip.AddrPortFrom(netip.IPv6Unspecified(), 0))
	if err != nil {
		t.Skip(err) // a machine without IPv6
	}
	defer server.close()
	for _, text := range []string{"127.0.0.1", "::1"} {
		addr := netip.MustParseAddr(text)
		client, own, err := openSocket(netip.AddrPortFrom(addr, 0))
		if err != nil {
			t.Logf("without %s: %v", text, err)
			continue
		}
		if err := client.send([]byte("ping"), netip.AddrPortFrom(addr, at.Port())); err != nil {
			t.Fatal(err)
		}
		if b := receiveFrom(t, server, own); b != "ping" {
			t.Fatalf("%s: got %q", text, b)
		}
		if err := server.send([]byte("pong"), own); err != nil {
			t.Fatal(err)
		}
		if b := receiveFrom(t, client, netip.AddrPortFrom(addr, at.Port())); b != "pong" {
			t.Fatalf("%s: got %q", text, b)
		}
		client.close()
	}
}

// receiveFrom waits for a datagram of a sender, and leaves out what others send to a
// socket that is bound to every address.
func receiveFrom(t *testing.T, s *socket, want netip.AddrPort) string {
	t.Helper()
	var in inbox
	for limit := time.Now().Add(patience); time.Now().Before(limit); {
		b, from, ok := s.receive(&in)
		if ok && from == want {
			return string(b)
		}
		if !ok {
			time.Sleep(time.Millisecond)
		}
	}
	t.Fatalf("nothing came from %v", want)
	return ""
}

func TestSocketDoesNotSendToTheOtherFamily(t *testing.T) {
	s, _, err := openSocket(netip.AddrPortFrom(loopback, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if s.send([]byte("x"), netip.MustParseAddrPort("[2001:db8::1]:9")) == nil {
		t.Error("an IPv4 socket sent to an IPv6 address")
	}
}

// TestPortsComeAndGo opens, uses and closes ports from many goroutines, which
// the race detector watches.
func TestPortsComeAndGo(t *testing.T) {
	ports := NewPorts(loopback, 0, 0)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				a, err := ports.Open(PortConfig{Symmetric: true})
				if err != nil {
					t.Error(err)
					return
				}
				b, err := ports.Open(PortConfig{Symmetric: true})
				if err != nil {
					t.Error(err)
					a.Close()
					return
				}
				a.SetPayloadTypes(map[uint8]Codec{8: PCMA})
				a.SetRemote(b.Local())
				b.SetRemote(a.Local())
				got := make(chan uint16, 8)
				a.Receive(func(h Header, _ *Packet) { got <- h.Sequence })
				for i := range uint16(3) {
					if err := b.Send(AppendHeader(nil, Header{PayloadType: 8, Sequence: i, SSRC: 1})); err != nil {
						t.Error(err)
					}
				}
				for i := range uint16(3) {
					select {
					case sequence := <-got:
						if sequence != i {
							t.Errorf("packet %d came, want %d", sequence, i)
						}
					case <-time.After(patience):
						t.Error("no packet came")
					}
				}
				a.Close()
				b.Close()
			}
		})
	}
	all.Wait()
	if n := ports.InUse(); n != 0 || len(ports.pollers.load) != 0 {
		t.Errorf("%d ports and %d pollers are left", n, len(ports.pollers.load))
	}
}
