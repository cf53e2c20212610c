package webrtc

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/stun/v4"
	pion "github.com/pion/webrtc/v4"

	"github.com/carillon-cc/carillon/media"
)

// checker sends hand-made checks to a peer that was just offered.
type checker struct {
	t     *testing.T
	conn  *net.UDPConn
	peer  *Peer
	ufrag string
}

func newChecker(t *testing.T) *checker {
	e := startEngine(t)
	p, _, err := e.NewPeer(testOffer, PeerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(e.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &checker{t: t, conn: conn, peer: p, ufrag: p.credentials.ufrag + ":abcd"}
}

// send builds a message of the setters, signed with pwd, and returns the answer.
func (c *checker) send(pwd string, setters ...stun.Setter) *stun.Message {
	c.t.Helper()
	return c.exchange(c.signed(pwd, setters...))
}

func (c *checker) signed(pwd string, setters ...stun.Setter) *stun.Message {
	c.t.Helper()
	all := append([]stun.Setter{stun.TransactionID, stun.BindingRequest}, setters...)
	request, err := stun.Build(append(all, stun.NewShortTermIntegrity(pwd), stun.Fingerprint)...)
	if err != nil {
		c.t.Fatal(err)
	}
	return request
}

// exchange sends a check and returns the answer to it.
func (c *checker) exchange(request *stun.Message) *stun.Message {
	c.t.Helper()
	c.write(request)
	m := c.read()
	if m.TransactionID != request.TransactionID {
		c.t.Fatalf("the answer %v is not to the check %v", m, request)
	}
	return m
}

func (c *checker) write(m *stun.Message) {
	c.t.Helper()
	if _, err := c.conn.Write(m.Raw); err != nil {
		c.t.Fatal(err)
	}
}

func (c *checker) read() *stun.Message {
	c.t.Helper()
	buf := make([]byte, 1500)
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	n, err := c.conn.Read(buf)
	if err != nil {
		c.t.Fatal(err)
	}
	m := &stun.Message{}
	if err := stun.Decode(buf[:n], m); err != nil {
		c.t.Fatal(err)
	}
	return m
}

// ignored tells whether a check gets no answer: what is sent after it, and refused
// without an effect, is answered first.
func (c *checker) ignored(request *stun.Message) bool {
	c.t.Helper()
	c.write(request)
	probe := c.signed(c.peer.credentials.pwd, stun.NewUsername(c.ufrag), controlled)
	c.write(probe)
	answered := false
	for m := c.read(); m.TransactionID != probe.TransactionID; m = c.read() {
		answered = true
	}
	return !answered
}

var controlled = stun.RawAttribute{Type: stun.AttrICEControlled, Value: make([]byte, 8)}

var controlling = stun.RawAttribute{Type: stun.AttrICEControlling, Value: make([]byte, 8)}

func TestValidCheckIsAnsweredWithTheAddress(t *testing.T) {
	c := newChecker(t)
	pwd := c.peer.credentials.pwd
	m := c.send(pwd, stun.NewUsername(c.ufrag), controlling)
	if m.Type != stun.BindingSuccess {
		t.Fatalf("answer %v", m)
	}
	var mapped stun.XORMappedAddress
	if err := mapped.GetFrom(m); err != nil || mapped.Port != c.conn.LocalAddr().(*net.UDPAddr).Port || !mapped.IP.IsLoopback() {
		t.Errorf("address %v, %v", mapped, err)
	}
	if stun.NewShortTermIntegrity(pwd).Check(m) != nil || stun.Fingerprint.Check(m) != nil {
		t.Error("the answer is not signed")
	}
}

func TestStrangersGetNoAnswer(t *testing.T) {
	c := newChecker(t)
	pwd, user := c.peer.credentials.pwd, stun.NewUsername(c.ufrag)
	if !c.ignored(c.signed("wrong", user, controlling)) {
		t.Error("a wrong password was answered")
	}
	if !c.ignored(c.signed(pwd, stun.NewUsername("nobody:abcd"), controlling)) {
		t.Error("an unknown user was answered")
	}
	if !c.ignored(c.signed(pwd, stun.NewUsername(c.peer.credentials.ufrag+":else"), controlling)) {
		t.Error("another browser's name was answered")
	}
	if !c.ignored(c.signed(pwd, controlling)) {
		t.Error("a check without a user was answered")
	}
	plain, err := stun.Build(stun.TransactionID, stun.BindingRequest, user, stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	if !c.ignored(plain) {
		t.Error("an unsigned check was answered")
	}
	if c.peer.path.Load() != nil {
		t.Error("a stranger's address was taken")
	}
	if got := c.peer.engine.Stats().Strangers; got != 5 {
		t.Errorf("%d strangers were counted, want 5", got)
	}
}

func TestControlledBrowserIsToldOfTheConflict(t *testing.T) {
	c := newChecker(t)
	m := c.send(c.peer.credentials.pwd, stun.NewUsername(c.ufrag), controlled)
	var code stun.ErrorCodeAttribute
	if m.Type != stun.BindingError || code.GetFrom(m) != nil || code.Code != stun.CodeRoleConflict {
		t.Errorf("answer %v", m)
	}
	if c.peer.path.Load() != nil {
		t.Error("the path was taken")
	}
}

func TestUnknownRequiredAttributeIsRefused(t *testing.T) {
	c := newChecker(t)
	m := c.send(c.peer.credentials.pwd, stun.NewUsername(c.ufrag), stun.RawAttribute{Type: 0x7001})
	var code stun.ErrorCodeAttribute
	if code.GetFrom(m) != nil || code.Code != stun.CodeUnknownAttribute {
		t.Errorf("answer %v", m)
	}
}

func TestLastNominatedPathWins(t *testing.T) {
	c := newChecker(t)
	second := newCheckerTo(t, c)
	user, pwd := stun.NewUsername(c.ufrag), c.peer.credentials.pwd
	port := func() uint16 { return c.peer.path.Load().remote.Port() }
	own := func(c *checker) uint16 { return uint16(c.conn.LocalAddr().(*net.UDPAddr).Port) }
	nominate := stun.RawAttribute{Type: stun.AttrUseCandidate}

	c.send(pwd, user, controlling)
	if port() != own(c) {
		t.Error("the first path was not taken")
	}
	second.send(pwd, user, controlling)
	if port() != own(c) {
		t.Error("a path that was not nominated was taken")
	}
	second.send(pwd, user, controlling, nominate)
	if port() != own(second) {
		t.Error("the nominated path was not taken")
	}
	// What follows the signature may be anybody's.
	forged, err := stun.Build(stun.TransactionID, stun.BindingRequest, user, controlling,
		stun.NewShortTermIntegrity(pwd), nominate, stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	c.exchange(forged)
	if port() != own(second) {
		t.Error("a nomination that was not signed was taken")
	}
	c.send(pwd, user, controlling, nominate)
	if port() != own(c) {
		t.Error("the path nominated last was not taken")
	}
}

// newCheckerTo checks the same peer from another address.
func newCheckerTo(t *testing.T, c *checker) *checker {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(c.peer.engine.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &checker{t: t, conn: conn, peer: c.peer, ufrag: c.ufrag}
}

func TestGarbageOnThePortChangesNothing(t *testing.T) {
	e := startEngine(t)
	c := newClient(t, pion.MimeTypePCMA)
	p, s := connect(t, e, c)
	ear := newEar()
	p.Line(0).Listen(ear.listener())
	c.prime(t, ear)

	attacker, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(e.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer attacker.Close()
	random := rand.New(rand.NewPCG(1, 2))
	check, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(p.credentials.ufrag+":x"), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	const rounds = 100
	for i := range rounds {
		for range 20 {
			b := make([]byte, random.IntN(1500)+1)
			for j := range b {
				b[j] = byte(random.Uint32())
			}
			switch random.IntN(4) {
			case 0:
				b[0] = 22 // as DTLS
			case 1:
				b[0] = 0x80 // as RTP
			case 2:
				b = check.Raw[:random.IntN(len(check.Raw))+1]
			}
			_, _ = attacker.Write(b)
		}
		if err := c.mic.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(i)}, Payload: []byte{byte(i)}}); err != nil {
			t.Fatal(err)
		}
		if got := await(t, "sound amid garbage", ear.packets); got.sound != string([]byte{byte(i)}) {
			t.Fatalf("got %q, want %d", got.sound, i)
		}
	}
	if len(s) != 0 || p.State() != StateConnected {
		t.Errorf("the peer is %v", p.State())
	}
	if got := p.Stats(); got.Bad != 0 || got.Foreign != 0 {
		t.Errorf("%+v", got)
	}
	if e.Stats().Strangers == 0 {
		t.Error("no stranger was counted")
	}
	for _, s := range e.sockets {
		if n := len(s.reader.bindings); n > 2 {
			t.Errorf("%d addresses are known", n)
		}
	}
}

func TestSilentTCPStrangersAreShownOut(t *testing.T) {
	e := startEngine(t)
	conn, err := net.Dial("tcp", e.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = conn.Write([]byte{0, 3, 1, 2, 3})
	_ = conn.SetReadDeadline(time.Now().Add(strangerTime + patience))
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

// FuzzDatagram holds that no datagram, from a stranger or from a known address,
// makes the reader panic or move the connection.
func FuzzDatagram(f *testing.F) {
	request, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername("a:b"), stun.NewShortTermIntegrity("x"), stun.Fingerprint)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(request.Raw)
	f.Add([]byte{0x80, 8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3})
	f.Add([]byte{0x80, 200, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3})
	f.Add([]byte{22, 254, 253, 0, 0})
	x := newPair(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		before := x.peer.path.Load()
		for _, from := range []netip.AddrPort{x.from, netip.MustParseAddrPort("192.0.2.1:5")} {
			datagram := append([]byte(nil), b...)
			x.reader.handle(datagram, from, endpoint{socket: x.peer.engine.sockets[0], remote: from}, media.Now())
		}
		if x.peer.path.Load() != before || len(x.reader.bindings) != 1 {
			t.Error("the connection moved")
		}
	})
}
