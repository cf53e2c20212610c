package media

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// loopback is an address of this process alone: what another test sends to a port
// that one of its sockets had cannot come to a socket here.
var loopback = netip.AddrFrom4([4]byte{127, byte(64 | os.Getpid()>>8&0x3f), byte(os.Getpid()), 1})

// patience is how long is waited for what must happen.
const patience = 30 * time.Second

// peer is a telephone's RTP socket.
type peer struct {
	t    *testing.T
	conn *net.UDPConn
}

func newPeer(t *testing.T) peer {
	t.Helper()
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return peer{t, conn}
}

func (p peer) at() netip.AddrPort { return p.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

func (p peer) send(to *Port, h Header, payload ...byte) {
	p.t.Helper()
	if _, err := p.conn.WriteToUDPAddrPort(append(AppendHeader(nil, h), payload...), to.Local()); err != nil {
		p.t.Fatal(err)
	}
}

func (p peer) receive() []byte {
	p.t.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, MaxPacket)
	n, err := p.conn.Read(b)
	if err != nil {
		p.t.Fatal(err)
	}
	return b[:n]
}

func openPort(t *testing.T, cfg PortConfig) *Port {
	t.Helper()
	p, err := NewPorts(loopback, 0, 0).Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	p.SetPayloadTypes(map[uint8]Codec{8: PCMA, 101: TelephoneEvent})
	return p
}

// take gets what a port's handler got.
func take(t *testing.T, got chan Packet) Packet {
	t.Helper()
	select {
	case p := <-got:
		return p
	case <-time.After(patience):
		t.Fatal("no packet came")
		return Packet{}
	}
}

// statsOf waits until as many packets as are said came to a port, whosever they
// were, and returns what it has seen.
func statsOf(t *testing.T, p *Port, packets uint64) PortStats {
	t.Helper()
	for limit := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		s := p.Stats()
		if s.Received+s.Bad+s.Foreign >= packets {
			return s
		}
		if time.Now().After(limit) {
			t.Fatalf("%d packets did not come: %+v", packets, s)
		}
	}
}

func TestPortReceivesFromItsPeerOnly(t *testing.T) {
	port := openPort(t, PortConfig{Symmetric: true})
	phone, stranger := newPeer(t), newPeer(t)
	port.SetRemote(phone.at())
	got := make(chan Packet, 100)
	port.Receive(func(_ Header, p *Packet) {
		c := *p
		c.Payload = append([]byte(nil), p.Payload...)
		got <- c
	})
	_, _ = stranger.conn.WriteToUDPAddrPort([]byte("hello"), port.Local())
	stranger.send(port, Header{PayloadType: 8, Sequence: 1, SSRC: 6}, 9)
	phone.send(port, Header{PayloadType: 99, Sequence: 0, SSRC: 5}, 9)
	phone.send(port, Header{PayloadType: 8, Sequence: 1, Timestamp: 160, SSRC: 5, Marker: true}, 1, 2)
	first := take(t, got)
	if first.Codec != PCMA || first.Sequence != 1 || first.Timestamp != 160 || !first.Marker || len(first.Payload) != 2 || first.Source == 0 || first.Arrived == 0 {
		t.Errorf("got %+v", first)
	}
	phone.send(port, Header{PayloadType: 101, Sequence: 4, Timestamp: 160, SSRC: 5}, 1, 2, 0, 3)
	second := take(t, got)
	if second.Codec != TelephoneEvent || second.Source != first.Source {
		t.Errorf("got %+v", second)
	}
	s := statsOf(t, port, 5)
	if s.Received != 2 || s.Bad != 2 || s.Foreign != 1 || s.Lost != 2 || s.LastHeard != second.Arrived {
		t.Errorf("stats %+v", s)
	}
}

func TestPortSendsWhereThePeerIs(t *testing.T) {
	port := openPort(t, PortConfig{Symmetric: true})
	said, real := newPeer(t), newPeer(t)
	if err := port.Send([]byte("x")); !errors.Is(err, ErrNoRemote) {
		t.Errorf("sending without an address: %v", err)
	}
	port.SetRemote(said.at())
	got := make(chan Packet, 10)
	port.Receive(func(_ Header, p *Packet) { got <- *p })
	send := func(to peer, text string) {
		t.Helper()
		if err := port.Send([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if b := to.receive(); string(b) != text {
			t.Errorf("received %q, want %q", b, text)
		}
	}
	send(said, "before the latch")
	real.send(port, Header{PayloadType: 8, Sequence: 1, SSRC: 5}, 1)
	real.send(port, Header{PayloadType: 8, Sequence: 2, SSRC: 5}, 1)
	take(t, got)
	send(real, "after the latch")
	for _, hold := range []string{"0.0.0.0:4000", "[::]:4000", "127.0.0.1:0"} {
		port.SetRemote(netip.MustParseAddrPort(hold))
		if err := port.Send([]byte("on hold")); !errors.Is(err, ErrNoRemote) {
			t.Errorf("sending to %s: %v", hold, err)
		}
	}
	port.SetRemote(said.at())
	send(real, "after the hold")
}

func TestPortSurvivesAPeerThatIsNotThere(t *testing.T) {
	port := openPort(t, PortConfig{})
	phone := newPeer(t)
	at := phone.at()
	_ = phone.conn.Close()
	got := make(chan Packet, 10)
	port.Receive(func(_ Header, p *Packet) { got <- *p })
	port.SetRemote(at)
	for range 20 {
		_ = port.Send([]byte("anybody?")) // ICMP says that nobody is
	}
	alive := newPeer(t)
	port.SetRemote(alive.at())
	alive.send(port, Header{PayloadType: 8, Sequence: 1, SSRC: 5}, 1)
	take(t, got)
}

func TestPortCloseEndsItsReader(t *testing.T) {
	port := openPort(t, PortConfig{})
	port.Receive(func(Header, *Packet) {})
	port.Close()
	port.Close()
	if err := port.Send([]byte("x")); err == nil {
		t.Error("a closed port sends")
	}
}

// The ports that these tests name lie below those that the system gives away, and
// below those of the sound of another test's gateway, which may have them at every
// address.
func TestPortsAreEvenAndTakenInTurn(t *testing.T) {
	ports := NewPorts(loopback, 4101, 4110) // of 4110 the other one would lie outside
	var got []uint16
	for range 3 {
		p, err := ports.Open(PortConfig{})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p.Local().Port())
		if len(got) == 1 {
			p.Close() // rests, so that it is not the next
		} else {
			t.Cleanup(p.Close)
		}
	}
	if got[0] != 4102 || got[1] != 4104 || got[2] != 4106 {
		t.Errorf("ports %v", got)
	}
	last, err := ports.Open(PortConfig{})
	if err != nil || last.Local().Port() != 4108 {
		t.Fatalf("%v", err)
	}
	t.Cleanup(last.Close)
	if _, err := ports.Open(PortConfig{}); !errors.Is(err, ErrNoPort) {
		t.Errorf("all in use or resting: %v", err)
	}
	if n := ports.InUse(); n != 3 {
		t.Errorf("%d in use", n)
	}
}

func TestClosedPortRestsTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ports := NewPorts(loopback, 4110, 4111)
		ports.busy[4110] = true
		ports.release(4110)
		time.Sleep(quarantine - time.Millisecond)
		if !ports.resting(4110) {
			t.Error("free too early")
		}
		time.Sleep(time.Millisecond)
		if ports.resting(4110) {
			t.Error("still resting")
		}
	})
}

func TestPortsSkipsWhatAnotherProgramUses(t *testing.T) {
	other, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 4120)))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	p, err := NewPorts(loopback, 4120, 4123).Open(PortConfig{})
	if err != nil || p.Local().Port() != 4122 {
		t.Fatalf("%v", err)
	}
	p.Close()
}

func TestBothPortsOfAPairLieWithinTheRange(t *testing.T) {
	ports := NewPorts(loopback, 4130, 4132)
	p, err := ports.Open(PortConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	if other, err := ports.Open(PortConfig{}); err == nil {
		other.Close()
		t.Errorf("opened %d and the one above, beyond the range", other.Local().Port())
	}
}

func TestSenderThatCountsAnewHasLostNothing(t *testing.T) {
	for _, jump := range []int{20000, -20000, maxSequenceStep + 500, 1 << 15} {
		var r reception
		p := Packet{Source: 1, Codec: PCMA, Sequence: 100}
		hear := func(n int) {
			for range n {
				p.Sequence++
				p.Timestamp += FrameSamples
				p.Arrived += FrameTime
				r.note(&p, 7)
			}
		}
		hear(100)
		p.Sequence += 5 // these are lost
		hear(100)
		p.Sequence += uint16(jump)
		hear(100)
		if lost := r.lost(); lost != 5 {
			t.Errorf("a jump by %d: %d lost, want 5", jump, lost)
		}
		if b, ok := r.report(p.Arrived); !ok || b.Lost != 0 || b.Fraction != 0 {
			t.Errorf("a jump by %d is reported as %+v", jump, b)
		}
	}
}

func TestReceptionCountsLossAndJitter(t *testing.T) {
	var r reception
	at := time.Duration(1234567)
	for i := range 1000 {
		if i%10 == 3 {
			continue // one in ten is lost
		}
		late := time.Duration(0)
		if i%2 == 0 {
			late = 10 * time.Millisecond
		}
		r.note(&Packet{Source: 1, Codec: PCMA, Sequence: uint16(65000 + i), Timestamp: uint32(i) * 160, Arrived: at + time.Duration(i)*FrameTime + late}, 7)
	}
	if r.lost() != 100 {
		t.Errorf("%d lost, want 100", r.lost())
	}
	if r.jitter < 7*time.Millisecond || r.jitter > 10*time.Millisecond {
		t.Errorf("jitter %v, want a little under 10 ms", r.jitter)
	}
	r.note(&Packet{Source: 2, Codec: PCMA, Sequence: 7, Timestamp: 1, Arrived: time.Hour}, 7)
	r.note(&Packet{Source: 2, Codec: PCMA, Sequence: 9, Timestamp: 321, Arrived: time.Hour + 40*time.Millisecond}, 7)
	if r.lost() != 101 {
		t.Errorf("%d lost after the source changed, want 101", r.lost())
	}
	if r.jitter > 10*time.Millisecond {
		t.Errorf("jitter %v: the change of the source counts as jitter", r.jitter)
	}
}

// The telephone of the call before goes on talking to a port that a new call
// has got.
func TestLateSoundOfTheCallBeforeIsNotHeard(t *testing.T) {
	ports := NewPorts(loopback, 4140, 4141)
	before, after := newPeer(t), newPeer(t)
	open := func(p peer) (*Port, chan Packet) {
		t.Helper()
		port, err := ports.Open(PortConfig{})
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan Packet, 100)
		port.SetPayloadTypes(map[uint8]Codec{8: PCMA})
		port.SetRemote(p.at())
		port.Receive(func(_ Header, p *Packet) { got <- *p })
		return port, got
	}
	old, got := open(before)
	for n := range uint16(3) {
		before.send(old, Header{PayloadType: 8, Sequence: n, SSRC: 5}, 1)
		take(t, got)
	}
	old.Close()
	if _, err := ports.Open(PortConfig{}); !errors.Is(err, ErrNoPort) {
		t.Fatalf("the port is given at once: %v", err)
	}
	clear(ports.rests) // 10 s later
	port, got := open(after)
	defer port.Close()
	port.SetSymmetric(true)
	before.send(port, Header{PayloadType: 8, Sequence: 100, SSRC: 5}, 1)
	after.send(port, Header{PayloadType: 8, Sequence: 1, SSRC: 9}, 2)
	if p := take(t, got); p.Sequence != 1 {
		t.Errorf("heard packet %d of the call before", p.Sequence)
	}
	after.send(port, Header{PayloadType: 8, Sequence: 2, SSRC: 9}, 2)
	take(t, got)
	for n := range uint16(20) {
		before.send(port, Header{PayloadType: 8, Sequence: 101 + n, SSRC: 5}, 1)
	}
	after.send(port, Header{PayloadType: 8, Sequence: 3, SSRC: 9}, 2)
	if p := take(t, got); p.Sequence != 3 {
		t.Errorf("heard packet %d of the call before", p.Sequence)
	}
	if s := statsOf(t, port, 24); s.Foreign != 21 || s.Remote != after.at() {
		t.Errorf("%+v", s)
	}
}
