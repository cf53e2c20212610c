package webrtc

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/rtp"
	pion "github.com/pion/webrtc/v4"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
)

// client is an independent WebRTC implementation in the role of the browser.
type client struct {
	*pion.PeerConnection
	mic    *pion.TrackLocalStaticRTP
	heard  chan *rtp.Packet
	states chan pion.PeerConnectionState
}

// newClient makes a client that offers one line both ways and two to receive,
// and sends in the encoding named mime.
func newClient(t *testing.T, mime string, networks ...pion.NetworkType) *client {
	t.Helper()
	engine := &pion.MediaEngine{}
	if err := engine.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	settings := pion.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	if len(networks) == 0 {
		networks = []pion.NetworkType{pion.NetworkTypeUDP4}
	}
	settings.SetNetworkTypes(networks)
	api := pion.NewAPI(pion.WithMediaEngine(engine), pion.WithSettingEngine(settings))
	pc, err := api.NewPeerConnection(pion.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	c := &client{PeerConnection: pc, heard: make(chan *rtp.Packet, 1000), states: make(chan pion.PeerConnectionState, 100)}
	t.Cleanup(func() { _ = pc.GracefulClose() })
	capability := pion.RTPCodecCapability{MimeType: mime, ClockRate: 8000}
	if mime == pion.MimeTypeOpus {
		capability.ClockRate, capability.Channels = 48000, 2
	}
	if c.mic, err = pion.NewTrackLocalStaticRTP(capability, "mic", "mic"); err != nil {
		t.Fatal(err)
	}
	if _, err := pc.AddTransceiverFromTrack(c.mic); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := pc.AddTransceiverFromKind(pion.RTPCodecTypeAudio,
			pion.RTPTransceiverInit{Direction: pion.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
	pc.OnConnectionStateChange(func(s pion.PeerConnectionState) { c.states <- s })
	pc.OnTrack(func(track *pion.TrackRemote, _ *pion.RTPReceiver) {
		for {
			p, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			c.heard <- p
		}
	})
	return c
}

// offer makes a complete offer.
func (c *client) offer(t *testing.T, options *pion.OfferOptions) string {
	t.Helper()
	o, err := c.CreateOffer(options)
	if err != nil {
		t.Fatal(err)
	}
	done := pion.GatheringCompletePromise(c.PeerConnection)
	if err := c.SetLocalDescription(o); err != nil {
		t.Fatal(err)
	}
	<-done
	return c.LocalDescription().SDP
}

func (c *client) answer(t *testing.T, sdp string) {
	t.Helper()
	if err := c.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeAnswer, SDP: sdp}); err != nil {
		t.Fatalf("%v\n%s", err, sdp)
	}
}

// connect brings a client and a new peer together.
func connect(t *testing.T, e *Engine, c *client) (*Peer, states) {
	t.Helper()
	s := newStates()
	p, answer, err := e.NewPeer(c.offer(t, nil), s.options())
	if err != nil {
		t.Fatal(err)
	}
	c.answer(t, answer)
	c.connected(t, s)
	return p, s
}

// connected waits for both sides. The server is connected once it has sent the last
// flight of DTLS, the client once it has received it.
func (c *client) connected(t *testing.T, server states) {
	t.Helper()
	server.await(t, StateConnected)
	for await(t, "state of the client", c.states) != pion.PeerConnectionStateConnected {
	}
}

// prime sends until something arrives: the client does not tell when its
// sender is ready.
func (c *client) prime(t *testing.T, ear *ear) {
	t.Helper()
	say := func(i int, what string) {
		_ = c.mic.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(65000 + i)}, Payload: []byte(what)})
	}
	i := 0
	for ; len(ear.packets) == 0; i++ {
		if i == 500 {
			t.Fatal("the client's sound does not arrive")
		}
		say(i, "anybody?")
		time.Sleep(10*time.Millisecond + time.Duration(i)*time.Millisecond/2)
	}
	// What was said before comes before this.
	say(i, "enough")
	for await(t, "end of the first sound", ear.packets).sound != "enough" {
	}
}

func TestSoundPassesUnchangedBothWays(t *testing.T) {
	for _, codec := range []struct {
		mime  string
		codec media.Codec
		step  uint32
	}{
		{pion.MimeTypePCMA, media.PCMA, 160},
		{pion.MimeTypePCMU, media.PCMU, 160},
		{pion.MimeTypeG722, media.G722, 160},
		{pion.MimeTypeOpus, media.Opus, 960},
	} {
		t.Run(codec.codec.String(), func(t *testing.T) {
			e := startEngine(t)
			c := newClient(t, codec.mime)
			p, _ := connect(t, e, c)
			ear := newEar()
			p.Line(0).Listen(ear.listener())

			sound := bytes.Repeat([]byte{0x55, 1, 0xfe}, 50)
			send := func(i int) {
				err := c.mic.WriteRTP(&rtp.Packet{
					Header:  rtp.Header{Version: 2, SequenceNumber: uint16(65534 + i), Timestamp: uint32(i) * codec.step},
					Payload: append([]byte{byte(i)}, sound...),
				})
				if err != nil {
					t.Error(err)
				}
			}
			c.prime(t, ear)
			var source media.Source
			for i := range 5 {
				send(i)
				got := await(t, "sound of the browser", ear.packets)
				if got.Codec != codec.codec || got.sound != string(append([]byte{byte(i)}, sound...)) {
					t.Fatalf("packet %d came as %v, %x", i, got.Codec, got.sound)
				}
				if got.Sequence != uint16(65534+i) || got.Timestamp != uint32(i)*codec.step {
					t.Fatalf("packet %d came with sequence %d, timestamp %d", i, got.Sequence, got.Timestamp)
				}
				if i > 0 && got.Source != source {
					t.Fatal("the source changed within a stream")
				}
				source = got.Source
			}

			from := media.NewSource()
			for line := range 3 {
				for i := range 3 {
					p.Line(line).WritePacket(&media.Packet{
						Source: from, Codec: codec.codec, Sequence: uint16(i), Timestamp: uint32(i) * codec.step,
						Payload: append([]byte{byte(line), byte(i)}, sound...), Arrived: media.Now(),
					})
					got := await(t, "sound for the browser", c.heard)
					if want := append([]byte{byte(line), byte(i)}, sound...); !bytes.Equal(got.Payload, want) {
						t.Fatalf("line %d, packet %d came as %x", line, i, got.Payload)
					}
					if got.SSRC != p.Line(line).ssrc {
						t.Fatalf("line %d has SSRC %d", line, got.SSRC)
					}
				}
			}
		})
	}
}

func TestTheOtherLawIsTranslatedWhenOnlyOneWasAgreedOn(t *testing.T) {
	e := startEngine(t)
	c := newClient(t, pion.MimeTypePCMU)
	s := newStates()
	offer := strings.ReplaceAll(c.offer(t, nil), "PCMA/8000", "nothing/8000")
	p, answer, err := e.NewPeer(offer, s.options())
	if err != nil {
		t.Fatal(err)
	}
	c.answer(t, answer)
	c.connected(t, s)
	p.Line(0).WritePacket(&media.Packet{Source: 1, Codec: media.PCMA, Payload: []byte{0xd5, 0x55, 0x2a}, Arrived: media.Now()})
	want := make([]byte, 3)
	media.ALawToMuLaw(want, []byte{0xd5, 0x55, 0x2a})
	if got := await(t, "sound", c.heard); !bytes.Equal(got.Payload, want) || got.PayloadType != 0 {
		t.Errorf("payload %x of type %d, want %x of type 0", got.Payload, got.PayloadType, want)
	}
	p.Line(0).WritePacket(&media.Packet{Source: 1, Codec: media.NoCodec, Payload: []byte{1}, Arrived: media.Now()})
	if got := p.Stats().Dropped; got != 1 {
		t.Errorf("%d packets were dropped, want the one of no codec", got)
	}
}

func TestG722IsConvertedForABrowserThatLacksIt(t *testing.T) {
	e := startEngine(t)
	c := newClient(t, pion.MimeTypePCMA)
	s := newStates()
	p, answer, err := e.NewPeer(strings.ReplaceAll(c.offer(t, nil), "G722/8000", "nothing/8000"), s.options())
	if err != nil {
		t.Fatal(err)
	}
	c.answer(t, answer)
	c.connected(t, s)
	wide := make([]byte, 8000)
	media.NewG722Encoder().Encode(wide, media.ToneAt(1000, time.Second, 0.3, 16000))
	var heard []int16
	for i := 0; i*media.FrameSamples < len(wide); i++ {
		p.Line(0).WritePacket(&media.Packet{
			Source: 1, Codec: media.G722, Sequence: uint16(i), Timestamp: uint32(i * media.FrameSamples),
			Payload: wide[i*media.FrameSamples:][:media.FrameSamples], Arrived: media.Now(),
		})
		got := await(t, "sound", c.heard)
		if got.PayloadType != 8 {
			t.Fatalf("sent as type %d", got.PayloadType)
		}
		samples := make([]int16, len(got.Payload))
		media.DecodeALaw(samples, got.Payload)
		heard = append(heard, samples...)
	}
	if hz, share := media.DominantTone(heard); math.Abs(hz-1000) > 5 || share < 0.95 {
		t.Errorf("heard %.1f Hz, share %.2f", hz, share)
	}
}

func TestRestartMovesTheConnectionAndKeepsTheKeys(t *testing.T) {
	e := startEngine(t)
	c := newClient(t, pion.MimeTypePCMA)
	p, s := connect(t, e, c)
	ear := newEar()
	p.Line(0).Listen(ear.listener())
	before := p.Stats().Remote
	old := p.credentials.ufrag

	answer, err := p.Restart(c.offer(t, &pion.OfferOptions{ICERestart: true}))
	if err != nil {
		t.Fatal(err)
	}
	c.answer(t, answer)
	// Sound goes on meanwhile and after, over the same keys.
	moved := func() bool { return p.Stats().Remote != before && e.user(old+":"+p.offer.ufrag) == nil }
	i := uint16(0)
	for limit := time.Now().Add(patience); !moved(); i++ {
		if time.Now().After(limit) {
			t.Fatal("the connection did not move")
		}
		_ = c.mic.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: i}, Payload: []byte{1, 2, 3}})
		time.Sleep(10 * time.Millisecond)
	}
	for len(ear.packets) > 0 {
		<-ear.packets
	}
	_ = c.mic.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: i}, Payload: []byte("on")})
	for await(t, "sound after the restart", ear.packets).sound != "on" {
	}
	p.Line(0).WritePacket(&media.Packet{Source: 1, Codec: media.PCMA, Payload: []byte("after"), Arrived: media.Now()})
	if got := await(t, "sound for the browser after the restart", c.heard); string(got.Payload) != "after" {
		t.Errorf("got %q", got.Payload)
	}
	e.mu.RLock()
	users := len(e.users)
	e.mu.RUnlock()
	if users != 1 {
		t.Errorf("%d generations of credentials are left", users)
	}
	select {
	case state := <-s:
		t.Errorf("the peer became %v", state)
	default:
	}
}

func TestAnotherConnectionsOfferIsNoRestart(t *testing.T) {
	e := startEngine(t)
	p, _ := connect(t, e, newClient(t, pion.MimeTypePCMA))
	if _, err := p.Restart(newClient(t, pion.MimeTypePCMA).offer(t, nil)); err != ErrOtherBrowser {
		t.Errorf("error %v", err)
	}
}

func TestMediaGoesOverTCPWhereUDPIsBlocked(t *testing.T) {
	e := startEngine(t)
	c := newClient(t, pion.MimeTypePCMA, pion.NetworkTypeTCP4)
	p, _ := connect(t, e, c)
	if !p.Stats().TCP {
		t.Fatal("the connection is not over TCP")
	}
	ear := newEar()
	p.Line(0).Listen(ear.listener())
	c.prime(t, ear)
	_ = c.mic.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2}, Payload: []byte("up")})
	if got := await(t, "sound", ear.packets); got.sound != "up" {
		t.Errorf("got %q", got.sound)
	}
	p.Line(0).WritePacket(&media.Packet{Source: 1, Codec: media.PCMA, Payload: []byte("down"), Arrived: media.Now()})
	if got := await(t, "sound", c.heard); string(got.Payload) != "down" {
		t.Errorf("got %q", got.Payload)
	}
}

func TestWrongFingerprintIsRefused(t *testing.T) {
	e := startEngine(t)
	c := newClient(t, pion.MimeTypePCMA)
	offer := c.offer(t, nil)
	i := strings.Index(offer, "a=fingerprint:sha-256 ") + len("a=fingerprint:sha-256 ")
	forged := strings.ReplaceAll(offer, offer[i:i+5], "00:00")
	s := newStates()
	p, answer, err := e.NewPeer(forged, s.options())
	if err != nil {
		t.Fatal(err)
	}
	c.answer(t, answer)
	if got := await(t, "state", s); got != StateClosed {
		t.Errorf("the peer became %v", got)
	}
	if p.Line(0).srtp != nil {
		t.Error("the line has keys")
	}
}

func TestClosedBrowserIsLost(t *testing.T) {
	e := startEngine(t)
	c := newClient(t, pion.MimeTypePCMA)
	p, s := connect(t, e, c)
	ear := newEar()
	p.Line(1).Listen(ear.listener())
	if err := c.GracefulClose(); err != nil {
		t.Fatal(err)
	}
	s.await(t, StateLost)
	if silent := media.Now() - p.Stats().Heard; silent < lostAfter {
		t.Errorf("it is given up after %v", silent)
	}
	gone, ok := await(t, "event", ear.events).(call.Gone)
	if !ok || gone.Leg != call.Leg(p.Line(1)) || gone.Cause.Reason != call.ReasonAgentLost {
		t.Errorf("event %+v", gone)
	}
	// Who takes the line now is told at once.
	late := newEar()
	p.Line(0).Listen(late.listener())
	await(t, "event", late.events)
}

func TestClosingTheConnectionTellsTheCall(t *testing.T) {
	e := startEngine(t)
	p, s := connect(t, e, newClient(t, pion.MimeTypePCMA))
	ear := newEar()
	p.Line(0).Listen(ear.listener())
	p.Close()
	p.Close()
	s.await(t, StateClosed)
	await(t, "event", ear.events)
	if got := e.Stats().Peers; got != 0 {
		t.Errorf("%d peers are left", got)
	}
	if len(ear.events) != 0 {
		t.Error("the call was told twice")
	}
}
