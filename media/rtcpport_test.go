package media

import (
	"encoding/binary"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	pion "github.com/pion/rtcp"

	"github.com/carillon-cc/carillon/media/rtcp"
)

// newPeers are a telephone's sockets: one for RTP, and the one above for RTCP.
func newPeers(t *testing.T) (rtp, control peer) {
	t.Helper()
	for range 32 { // the one above may be another's
		rtp = newPeer(t)
		conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, rtp.at().Port()+1)))
		if err == nil {
			t.Cleanup(func() { _ = conn.Close() })
			return rtp, peer{t, conn}
		}
	}
	t.Fatal("there is no pair of free ports")
	return peer{}, peer{}
}

// reporting is a leg's media and a telephone's two sockets.
type reporting struct {
	t        *testing.T
	port     *Port
	output   *Output
	reporter *Reporter
	got      chan Packet
	rtp      peer
	rtcp     peer
	sequence uint16
}

func newReporting(t *testing.T, cfg PortConfig) *reporting {
	t.Helper()
	x := &reporting{t: t, port: openPort(t, cfg), got: make(chan Packet, 1000)}
	x.rtp, x.rtcp = newPeers(t)
	x.output = NewOutput(func(b []byte) { _ = x.port.Send(b) })
	x.output.SetCodec(PCMA, 8)
	x.reporter = NewReporter(x.port, x.output)
	x.port.SetRemote(x.rtp.at())
	x.port.Receive(func(_ Header, p *Packet) { x.got <- *p })
	return x
}

// talk has the telephone send n packets.
func (x *reporting) talk(n int) {
	x.t.Helper()
	for range n {
		x.sequence++
		x.rtp.send(x.port, Header{PayloadType: 8, Sequence: x.sequence, Timestamp: uint32(x.sequence) * 160, SSRC: 5}, 1)
		take(x.t, x.got)
	}
}

// speak sends n packets to the telephone.
func (x *reporting) speak(n int) {
	p := Packet{Source: NewSource(), Codec: PCMA, Payload: make([]byte, 160), Arrived: Now()}
	for range n {
		p.Sequence++
		p.Timestamp += 160
		x.output.WritePacket(&p)
	}
}

// tick has a report sent. A tick leaves it to the next one where a packet is just
// being read.
func (x *reporting) tick() {
	x.t.Helper()
	x.reporter.due = 1
	for limit := Now() + patience; x.reporter.due == 1; runtime.Gosched() {
		if Now() > limit {
			x.t.Fatal("no report is sent")
		}
		x.reporter.Tick(Now())
	}
}

func (x *reporting) control() netip.AddrPort {
	return netip.AddrPortFrom(x.port.Local().Addr(), x.port.Local().Port()+1)
}

// tell sends a compound packet and waits until it was read.
func (x *reporting) tell(from peer, to netip.AddrPort, b []byte) {
	x.t.Helper()
	before := x.port.heard.Load()
	if _, err := from.conn.WriteToUDPAddrPort(b, to); err != nil {
		x.t.Fatal(err)
	}
	for limit := time.Now().Add(patience); x.port.heard.Load() == before; time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			x.t.Fatal("the report was not read")
		}
	}
}

func read(t *testing.T, b []byte) []pion.Packet {
	t.Helper()
	packets, err := pion.Unmarshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return packets
}

func TestALegReportsWhatItReceivesAndSends(t *testing.T) {
	x := newReporting(t, PortConfig{Symmetric: true})
	x.talk(3)
	x.sequence++ // one is lost
	x.talk(4)
	x.tick()
	first := read(t, x.rtcp.receive())
	rr, ok := first[0].(*pion.ReceiverReport)
	if !ok || rr.SSRC != x.output.SSRC() || len(rr.Reports) != 1 {
		t.Fatalf("a leg that sent nothing reports %v", first[0])
	}
	if b := rr.Reports[0]; b.SSRC != 5 || b.TotalLost != 1 || b.FractionLost != 32 || b.LastSequenceNumber != 1<<16+8 {
		t.Errorf("%+v", b)
	}
	if _, ok := first[1].(*pion.SourceDescription); !ok {
		t.Errorf("no name but %v", first[1])
	}
	x.speak(3)
	for range 3 {
		x.rtp.receive()
	}
	x.tick()
	sr, ok := read(t, x.rtcp.receive())[0].(*pion.SenderReport)
	if !ok || sr.PacketCount != 3 || sr.OctetCount != 480 || sr.Reports[0].FractionLost != 0 {
		t.Errorf("%v", sr)
	}
	x.tick() // nothing new was sent
	if _, ok := read(t, x.rtcp.receive())[0].(*pion.ReceiverReport); !ok {
		t.Error("a sender that pauses sent a sender report")
	}
	x.reporter.Bye()
	if all := read(t, x.rtcp.receive()); len(all) != 3 {
		t.Errorf("no goodbye in %v", all)
	}
}

func TestWhatThePeerReportsIsKnown(t *testing.T) {
	x := newReporting(t, PortConfig{})
	x.talk(2)
	s := rtcp.Sent{Packets: 2, ClockRate: 8000}
	told := time.Now()
	x.tell(x.rtcp, x.control(), rtcp.AppendDescription(rtcp.AppendSenderReport(nil, 5, s, 0, time.Now()), 5, "phone"))
	x.tick()
	b := read(t, x.rtcp.receive())[0].(*pion.ReceiverReport).Reports[0]
	if most := uint32(time.Since(told).Seconds()*65536) + 1; b.LastSenderReport == 0 || b.Delay > most {
		t.Errorf("the peer's report is not followed: %+v, %v after it", b, time.Since(told))
	}
	sent := time.Now()
	about := rtcp.Block{
		SSRC: x.output.SSRC(), Lost: 7, Last: uint32(rtcp.NTP(sent.Add(-250*time.Millisecond)) >> 16), Delay: rtcp.DelaySince(100 * time.Millisecond),
	}
	of := func(r rtcp.Block) []byte {
		return rtcp.AppendDescription(rtcp.AppendBlock(rtcp.AppendReceiverReport(nil, 5), r), 5, "phone")
	}
	x.tell(x.rtcp, x.control(), of(about))
	other := about
	other.SSRC, other.Lost = 1, 99
	x.tell(x.rtcp, x.control(), of(other))
	f := x.reporter.Received()
	most := 160*time.Millisecond + time.Since(sent) // the report's own way counts too
	if x.reporter.RemoteLost() != 7 || f.RTT < 140*time.Millisecond || f.RTT > most || f.Received != 2 {
		t.Errorf("%d lost, %+v", x.reporter.RemoteLost(), f)
	}
}

func TestReportsGoWhereThePeerWantsThem(t *testing.T) {
	x := newReporting(t, PortConfig{Symmetric: true})
	elsewhere, nat := newPeer(t), newPeer(t)
	goTo := func(what string, p peer) {
		t.Helper()
		x.tick()
		if b := p.receive(); !rtcp.Is(b) {
			t.Errorf("%s: % x", what, b)
		}
	}
	goTo("the port above", x.rtcp)
	x.port.SetControl(elsewhere.at(), false)
	goTo("a=rtcp", elsewhere)
	x.port.SetControl(netip.AddrPort{}, true)
	goTo("a=rtcp-mux", x.rtp)
	x.tell(x.rtp, x.port.Local(), rtcp.AppendDescription(rtcp.AppendReceiverReport(nil, 5), 5, "phone"))
	x.port.SetControl(netip.AddrPort{}, false)
	x.tell(nat, x.control(), rtcp.AppendDescription(rtcp.AppendReceiverReport(nil, 5), 5, "phone"))
	goTo("where the peer's come from", nat)
	x.port.SetSending(false)
	goTo("on hold", nat)
	x.port.SetRemote(netip.AddrPort{})
	if x.port.control.target.Load() != nil {
		t.Error("an old-style hold gets reports")
	}
}

func TestReportsOfStrangersAreNotBelieved(t *testing.T) {
	x := newReporting(t, PortConfig{Symmetric: true})
	x.talk(2)
	stranger, err := net.ListenUDP("udp4", &net.UDPAddr{IP: loopback.Next().AsSlice()})
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	b := rtcp.AppendBlock(rtcp.AppendReceiverReport(nil, 5), rtcp.Block{SSRC: x.output.SSRC(), Lost: 100})
	if _, err := stranger.WriteToUDPAddrPort(rtcp.AppendDescription(b, 5, ""), x.control()); err != nil {
		t.Fatal(err)
	}
	if _, err := x.rtcp.conn.WriteToUDPAddrPort([]byte("rubbish, and more"), x.control()); err != nil {
		t.Fatal(err)
	}
	s := x.port.Stats()
	for limit := time.Now().Add(patience); (s.Foreign == 0 || s.Bad == 0) && time.Now().Before(limit); s = x.port.Stats() {
		time.Sleep(time.Millisecond)
	}
	if s.Foreign != 1 || s.Bad != 1 || x.reporter.RemoteLost() != 0 {
		t.Errorf("%+v, %d lost", s, x.reporter.RemoteLost())
	}
}

func TestComfortNoiseIsLifeButNoSound(t *testing.T) {
	x := newReporting(t, PortConfig{Symmetric: true})
	x.talk(2)
	before := x.port.LastHeard()
	x.sequence++
	x.rtp.send(x.port, Header{PayloadType: 13, Sequence: x.sequence, Timestamp: uint32(x.sequence) * 160, SSRC: 5}, 60)
	x.talk(1)
	s := x.port.Stats()
	if len(x.got) != 0 || s.Bad != 0 || s.Lost != 0 || s.Received != 4 || s.LastHeard <= before {
		t.Errorf("%d packets of noise handed on, %+v", len(x.got), s)
	}
}

func TestReportingAllocatesNothing(t *testing.T) {
	x := newReporting(t, PortConfig{})
	x.talk(2)
	x.speak(1)
	if n := testing.AllocsPerRun(1000, x.tick); n != 0 {
		t.Errorf("%v allocations a report", n)
	}
	b := rtcp.AppendDescription(rtcp.AppendBlock(rtcp.AppendSenderReport(nil, 5, rtcp.Sent{}, 0, time.Now()), rtcp.Block{SSRC: x.output.SSRC()}), 5, "phone")
	x.port.reading.Lock()
	defer x.port.reading.Unlock()
	if n := testing.AllocsPerRun(1000, func() { x.port.readControl(b, x.rtcp.at(), true, Now()) }); n != 0 {
		t.Errorf("%v allocations a report of the peer", n)
	}
}

func TestAPairOfPortsIsOpenedAndGivenBackTogether(t *testing.T) {
	ports := NewPorts(loopback, 0, 0)
	p, err := ports.Open(PortConfig{})
	if err != nil {
		t.Fatal(err)
	}
	at := p.Local()
	if at.Port()%2 != 0 {
		t.Errorf("RTP on the odd port %d", at.Port())
	}
	above := &net.UDPAddr{IP: loopback.AsSlice(), Port: int(at.Port()) + 1}
	if c, err := net.ListenUDP("udp4", above); err == nil {
		c.Close()
		t.Error("the port above is not open")
	}
	p.Close()
	c, err := net.ListenUDP("udp4", above)
	if err != nil {
		t.Error("the port above is still open")
	} else {
		defer c.Close()
	}
	// Half of a pair is another program's: it is left out.
	range1 := NewPorts(loopback, int(at.Port()), int(at.Port())+1)
	if _, err := range1.Open(PortConfig{}); err != ErrNoPort {
		t.Errorf("a pair with a foreign half: %v", err)
	}
}

func FuzzPeerReports(f *testing.F) {
	f.Add(rtcp.AppendDescription(rtcp.AppendBlock(rtcp.AppendSenderReport(nil, 5, rtcp.Sent{}, 0, time.Time{}), rtcp.Block{}), 5, "x"))
	f.Add(binary.BigEndian.AppendUint32([]byte{0x81, 203, 0, 1}, 5))
	port := &Port{}
	port.codecs.Store(new([128]Codec))
	port.latch.remote = netip.MustParseAddrPort("127.0.0.1:4000")
	f.Fuzz(func(t *testing.T, b []byte) {
		port.reading.Lock()
		defer port.reading.Unlock()
		port.readControl(b, port.latch.remote, true, 1)
	})
}
