package sipgw

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw/sdp"
	"github.com/carillon-cc/carillon/sipgw/srtp"
)

// secret is the end of a call's sound that a peer encrypts by hand.
type secret struct {
	t        *testing.T
	conn     *net.UDPConn
	to       netip.AddrPort
	sequence uint16
}

func openSecret(t *testing.T) *secret {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &secret{t: t, conn: conn, sequence: 100}
}

// offer is a session description with a key.
func (s *secret) offer(k srtp.Key) string {
	return fmt.Sprintf(
		"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/SAVP 8\r\na=crypto:1 %s inline:%s\r\n",
		port(s.conn), k.Suite(), k.Inline(),
	)
}

// say sends five packets encrypted with a key.
func (s *secret) say(k srtp.Key) {
	s.t.Helper()
	sealer, err := srtp.NewSealer(k)
	if err != nil {
		s.t.Fatal(err)
	}
	for range 5 {
		s.sequence++
		packet := make([]byte, 0, 512)
		packet = media.AppendHeader(packet, media.Header{PayloadType: 8, Sequence: s.sequence, Timestamp: uint32(s.sequence) * 160, SSRC: 7})
		packet, err = sealer.SealRTP(append(packet, make([]byte, media.FrameSamples)...))
		if err != nil {
			s.t.Fatal(err)
		}
		if _, err := s.conn.WriteToUDPAddrPort(packet, s.to); err != nil {
			s.t.Fatal(err)
		}
	}
}

// hears waits for a packet that a key opens.
func (s *secret) hears(k srtp.Key) {
	s.t.Helper()
	opener, err := srtp.NewOpener(k)
	if err != nil {
		s.t.Fatal(err)
	}
	buffer := make([]byte, 2048)
	_ = s.conn.SetReadDeadline(time.Now().Add(patience))
	for {
		n, err := s.conn.Read(buffer)
		if err != nil {
			s.t.Fatalf("nothing that the key opens came: %v", err)
		}
		if buffer[1]&0x7f >= 72 && buffer[1]&0x7f <= 76 {
			continue // RTCP
		}
		if _, err := opener.OpenRTP(buffer[:n]); err == nil {
			return
		}
	}
}

// A peer may change its key with every offer, as on hold and back.
func TestNewKeysOfAReInviteCount(t *testing.T) {
	t.Parallel()
	b := start(t, func(c *Config) { secure(t, c) })
	b.trust()
	h := newHandset(t, b, "tls", "127.0.0.1")
	sound := openSecret(t)
	// invite offers a key, takes the 200, acknowledges it and returns our key.
	invite := func(k srtp.Key, direction string, taken func()) srtp.Key {
		t.Helper()
		h.seq++
		h.send(h.message("INVITE", h.uri(), nil, sound.offer(k)+direction))
		taken()
		res := h.final(patience)
		if res == nil || res.StatusCode != sip.StatusOK {
			t.Fatalf("answered with %v", res)
		}
		h.toTag, _ = res.To().Params.Get("tag")
		h.send(strings.Replace(h.message("ACK", h.uri(), nil, ""), "branch=z9hG4bK", "branch=z9hG4bKack", 1))
		sound.to = mediaPort(t, string(res.Body()))
		answer, err := sdp.Parse(res.Body())
		if err != nil || len(answer.Lines) != 1 || len(answer.Lines[0].Crypto) != 1 {
			t.Fatalf("the answer has no key: %v\n%s", err, res.Body())
		}
		return answer.Lines[0].Crypto[0].Key
	}
	first, second := srtp.NewKey(srtp.AES128SHA80), srtp.NewKey(srtp.AES256GCM)
	var s *served
	ours := invite(first, "", func() {
		s = b.next(t)
		if err := s.Leg.Answer(); err != nil {
			t.Fatal(err)
		}
	})
	defer close(s.done)
	heardFrom := func(k srtp.Key) {
		t.Helper()
		before := s.sound.packets()
		sound.say(k)
		eventually(t, "the peer is heard", func() bool { return s.sound.packets() >= before+5 })
	}
	heardFrom(first)
	sound.hears(ours)

	invite(second, "a=sendonly\r\n", func() {})
	if !expect[call.Held](t, s).On {
		t.Error("not held")
	}
	ours = invite(second, "a=sendrecv\r\n", func() {})
	if expect[call.Held](t, s).On {
		t.Error("still held")
	}
	heardFrom(second)
	sound.hears(ours)
	before, bad := s.sound.packets(), s.Leg.(*caller).port.Stats().Bad
	sound.say(first)
	eventually(t, "the former key opens nothing", func() bool { return s.Leg.(*caller).port.Stats().Bad >= bad+5 })
	if n := s.sound.packets(); n != before {
		t.Errorf("%d packets with the former key were heard", n-before)
	}
}
