package webrtc

import (
	"bytes"
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	pion "github.com/pion/webrtc/v4"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/webrtc/internal/dtlsrtp"
)

// pair is a connected peer without a network: what it is sent comes from far,
// what it sends goes to a socket that nobody reads.
type pair struct {
	peer   *Peer
	reader *reader
	from   netip.AddrPort
	far    *srtp.Context // encrypts as the browser would
}

const testOffer = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n" +
	"a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\n" +
	"a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111 9 0 8 126\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\n" +
	"a=rtpmap:111 opus/48000/2\r\na=rtpmap:126 telephone-event/8000\r\n"

// handshakeKeys are the keys of both ends of a real handshake.
func handshakeKeys(t testing.TB) (server, client *dtlsrtp.Keys) {
	t.Helper()
	certificates := [2]*dtlsrtp.Certificate{}
	for i := range certificates {
		c, err := dtlsrtp.NewCertificate()
		if err != nil {
			t.Fatal(err)
		}
		certificates[i] = c
	}
	var near, far *dtlsrtp.Pipe
	near = dtlsrtp.NewPipe(func(b []byte) { far.Deliver(b) })
	far = dtlsrtp.NewPipe(func(b []byte) { near.Deliver(b) })
	done := make(chan *dtlsrtp.Keys, 1)
	go func() {
		k, err := dtlsrtp.Handshake(context.Background(), far, true, certificates[1], certificates[0].Fingerprint)
		if err != nil {
			t.Error(err)
		}
		done <- k
	}()
	server, err := dtlsrtp.Handshake(context.Background(), near, false, certificates[0], certificates[1].Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	client = <-done
	_ = near.Close()
	return server, client
}

func newPair(t testing.TB) *pair {
	t.Helper()
	e := startEngine(t)
	p, _, err := e.NewPeer(testOffer, PeerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	server, client := handshakeKeys(t)
	if err := p.install(server); err != nil {
		t.Fatal(err)
	}
	far, err := client.Outbound()
	if err != nil {
		t.Fatal(err)
	}
	sink, err := openSocket(e, netip.AddrPortFrom(loopback, 0).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sink.close)
	x := &pair{peer: p, far: far, from: sink.conn.LocalAddr().(interface{ AddrPort() netip.AddrPort }).AddrPort()}
	x.reader = &reader{engine: e, bindings: make(map[netip.AddrPort]*binding)}
	to, _ := x.reader.bind(p, x.from, endpoint{socket: e.sockets[0], remote: x.from, local: loopback})
	p.path.Store(to)
	p.heard.Store(int64(media.Now()))
	p.setState(StateConnected)
	return x
}

// seal makes SRTP packets as a browser sends them.
func (x *pair) seal(t testing.TB, sequence uint16, sound []byte) []byte {
	packet := rtp.Packet{
		Header:  rtp.Header{Version: 2, PayloadType: 8, SequenceNumber: sequence, Timestamp: uint32(sequence) * 160, SSRC: 7},
		Payload: sound,
	}
	plain, err := packet.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := x.far.EncryptRTP(nil, plain, nil)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// count is a sink that counts.
type count int

func (c *count) WritePacket(*media.Packet) { *c++ }

func TestPacketsCostNoAllocation(t *testing.T) {
	x := newPair(t)
	sound := bytes.Repeat([]byte{0x55}, 160)

	t.Run("from the browser", func(t *testing.T) {
		var got count
		x.peer.Line(0).Listen(call.Listener{Packets: &got})
		const runs = 1000
		var sealed [][]byte
		for i := range runs + 2 {
			sealed = append(sealed, x.seal(t, uint16(i), sound))
		}
		x.reader.handle(sealed[0], x.from, endpoint{}, media.Now())
		next := 1
		allocs := testing.AllocsPerRun(runs, func() {
			x.reader.handle(sealed[next], x.from, endpoint{}, media.Now())
			next++
		})
		if allocs != 0 || got != runs+2 {
			t.Errorf("%v allocations a packet, %d of %d packets", allocs, got, runs+2)
		}
	})
	t.Run("to the browser", func(t *testing.T) {
		p := media.Packet{Source: media.NewSource(), Codec: media.PCMA, Payload: sound}
		before := x.peer.Stats().Sent
		allocs := testing.AllocsPerRun(1000, func() {
			p.Sequence++
			p.Timestamp += 160
			p.Arrived = media.Now()
			x.peer.Line(0).WritePacket(&p)
		})
		if sent := x.peer.Stats().Sent - before; allocs != 0 || sent != 1001 {
			t.Errorf("%v allocations a packet, %d packets sent", allocs, sent)
		}
	})
}

func TestReplayedAndForgedPacketsAreRefused(t *testing.T) {
	x := newPair(t)
	var got count
	x.peer.Line(0).Listen(call.Listener{Packets: &got})
	hear := func(b []byte) { x.reader.handle(bytes.Clone(b), x.from, endpoint{}, media.Now()) }
	first, second := x.seal(t, 1, []byte("one")), x.seal(t, 2, []byte("two"))
	hear(first)
	hear(first)
	second[len(second)-1] ^= 1
	hear(second)
	if got != 1 || x.peer.Stats().Bad != 2 {
		t.Errorf("%d packets were heard, %d refused", got, x.peer.Stats().Bad)
	}
}

func TestBrowserCannotMakeStateWithoutBound(t *testing.T) {
	x := newPair(t)
	for i := range maxSSRCs + 10 {
		packet := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 8, SSRC: uint32(i)}, Payload: []byte{1}}
		plain, _ := packet.Marshal()
		sealed, err := x.far.EncryptRTP(nil, plain, nil)
		if err != nil {
			t.Fatal(err)
		}
		x.reader.handle(sealed, x.from, endpoint{}, media.Now())
	}
	if got := x.peer.inbound.ssrcs; got != maxSSRCs {
		t.Errorf("%d SSRCs are known", got)
	}
	for port := range 100 {
		from := netip.AddrPortFrom(x.from.Addr(), uint16(port+1))
		x.reader.bind(x.peer, from, endpoint{socket: x.peer.engine.sockets[0], remote: from})
	}
	alive := 0
	for _, b := range x.reader.bindings {
		if b.peer.Load() != nil {
			alive++
		}
	}
	if alive > maxBindings || x.reader.bindings[x.from].peer.Load() == nil {
		t.Errorf("%d addresses are known; the one in use among them: %v", alive, x.reader.bindings[x.from].peer.Load() != nil)
	}
}

func TestHandshakeLeavesNothingBehind(t *testing.T) {
	e := startEngine(t)
	c := newClient(t, pion.MimeTypePCMA)
	p, _ := connect(t, e, c)
	// The client may have sent a report of its own already, which shows it too.
	if p.pipe.Closed() && !p.proven.Load() {
		t.Fatal("the last flight cannot be repeated any more")
	}
	c.prime(t, newEarOn(p))
	for limit := time.Now().Add(lingerTime - time.Second); !p.pipe.Closed(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("DTLS goes on although the browser has shown that it has the keys")
		}
	}
}

func newEarOn(p *Peer) *ear {
	e := newEar()
	p.Line(0).Listen(e.listener())
	return e
}

func BenchmarkFromBrowser(b *testing.B) {
	x := newPair(b)
	var got count
	x.peer.Line(0).Listen(call.Listener{Packets: &got})
	sound := bytes.Repeat([]byte{0x55}, 160)
	packets := make([][]byte, 1<<14)
	sequence := uint16(0)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%len(packets) == 0 {
			b.StopTimer()
			for j := range packets {
				packets[j] = x.seal(b, sequence, sound)
				sequence++
			}
			b.StartTimer()
		}
		x.reader.handle(packets[i%len(packets)], x.from, endpoint{}, 0)
	}
}

func BenchmarkToBrowser(b *testing.B) {
	x := newPair(b)
	p := media.Packet{Source: media.NewSource(), Codec: media.PCMA, Payload: bytes.Repeat([]byte{0x55}, 160)}
	b.ReportAllocs()
	for b.Loop() {
		p.Sequence++
		p.Timestamp += 160
		x.peer.Line(0).WritePacket(&p)
	}
}
