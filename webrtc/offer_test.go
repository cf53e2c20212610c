package webrtc

import (
	_ "embed"
	"slices"
	"strings"
	"testing"

	"github.com/carillon-cc/carillon/media"
)

func TestOfferIsUnderstood(t *testing.T) {
	o, err := parseOffer(testOffer)
	if err != nil {
		t.Fatal(err)
	}
	want := []offeredCodec{{media.Opus, 111}, {media.G722, 9}, {media.PCMU, 0}, {media.PCMA, 8}, {media.TelephoneEvent, 126}}
	m := o.media[0]
	if o.ufrag != "abcd" || o.fingerprint[1] != 0x11 || !m.sends || !m.receives || len(m.codecs) != len(want) {
		t.Fatalf("%+v", o)
	}
	for i := range want {
		if m.codecs[i] != want[i] {
			t.Errorf("codec %d is %v, want %v", i, m.codecs[i], want[i])
		}
	}
}

//go:embed testdata/firefox.sdp
var firefoxOffer string

// Firefox says what holds for all lines once, and gives lines that go with the
// first one's transport neither a port nor candidates (RFC 8843 §7.2.1).
func TestFirefoxOfferIsUnderstood(t *testing.T) {
	o, err := parseOffer(firefoxOffer)
	if err != nil {
		t.Fatal(err)
	}
	if o.ufrag != "df89300d" || o.fingerprint[0] != 0xfe || o.setup != "actpass" || len(o.media) != 2 {
		t.Fatalf("%+v", o)
	}
	for i, sends := range []bool{true, false} {
		want := []offeredCodec{{media.Opus, 109}, {media.G722, 9}, {media.PCMU, 0}, {media.PCMA, 8}, {media.TelephoneEvent, 101}}
		if m := o.media[i]; m.sends != sends || !m.receives || !slices.Equal(m.codecs, want) {
			t.Errorf("line %d: %+v", i, m)
		}
	}
}

func TestOfferTakesItsNumbersFromTheBrowser(t *testing.T) {
	sdp := strings.NewReplacer("111 9 0 8 126", "100 9 96 8 97", "rtpmap:111", "rtpmap:100", "rtpmap:126", "rtpmap:97").Replace(testOffer)
	o, err := parseOffer(sdp + "a=rtpmap:96 PCMU/8000\r\n")
	if err != nil {
		t.Fatal(err)
	}
	f := newFormats(o.media[0].codecs)
	for codec, pt := range map[media.Codec]uint8{media.Opus: 100, media.PCMU: 96, media.TelephoneEvent: 97, media.PCMA: 8} {
		if f.types[codec] != pt || f.codecs[pt] != codec {
			t.Errorf("%v has type %d", codec, f.types[codec])
		}
	}
}

func TestBadOffersAreRefusedWithTheReason(t *testing.T) {
	change := func(old, new string) string { return strings.Replace(testOffer, old, new, 1) }
	for _, c := range []struct{ name, sdp, reason string }{
		{"empty", "", "v=0"},
		{"no SDP", "hello", "v=0"},
		{"too long", "v=0\r\n" + strings.Repeat("a=x\r\n", 20000), "bytes"},
		{"no media", "v=0\r\n", "m=audio"},
		{"video", change("m=audio", "m=video"), "line 10: m: only audio"},
		{"plain RTP", change("UDP/TLS/RTP/SAVPF", "RTP/AVP"), "SAVPF"},
		{"payload type", change("126", "128"), "payload type"},
		{"rtpmap", change("rtpmap:111 opus", "rtpmap:x opus"), "rtpmap"},
		{"not a line", change("s=-", "?"), "line 3"},
		{"no ufrag", change("a=ice-ufrag:abcd\r\n", ""), "ice-ufrag"},
		{"short password", change("a=ice-pwd:0", "a=ice-pwd:"), "ice-pwd"},
		{"no fingerprint", change("fingerprint", "footprint"), "fingerprint"},
		{"short fingerprint", change("00:11:22:", ""), "fingerprint"},
		{"fingerprint of sha-1", change("sha-256", "sha-1"), "sha-256"},
		{"fingerprint that is no number", change("00:11", "0x:11"), "hexadecimal"},
		{"setup", change("actpass", "holdconn"), "setup"},
		{"no bundle", change("a=group:BUNDLE 0\r\n", ""), "BUNDLE"},
		{"no mid", change("a=mid:0\r\n", ""), "mid"},
		{"bad mid", change("a=mid:0", "a=mid:a b"), "mid"},
		{"no mux", change("a=rtcp-mux\r\n", ""), "rtcp-mux"},
		{"no sound", change("111 9 0 8 126", "13 126"), "encoding"},
		{"many media", testOffer + strings.Repeat("m=audio 9 UDP/TLS/RTP/SAVPF 8\r\n", maxMedia), "more than 8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := parseOffer(c.sdp); err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("error %v, want one about %q", err, c.reason)
			}
		})
	}
}

func TestAnswerDirectionsFollowTheOffer(t *testing.T) {
	for _, c := range []struct {
		offered string
		main    bool
		want    string
	}{
		{"sendrecv", true, "sendrecv"},
		{"recvonly", true, "sendonly"},
		{"sendonly", true, "recvonly"},
		{"inactive", true, "inactive"},
		{"sendrecv", false, "sendonly"},
		{"recvonly", false, "sendonly"},
		{"sendonly", false, "inactive"},
	} {
		o, err := parseOffer(strings.Replace(testOffer, "sendrecv", c.offered, 1))
		if err != nil {
			t.Fatal(err)
		}
		if got := o.media[0].answerDirection(c.main); got != c.want {
			t.Errorf("%s (main: %v) is answered %s, want %s", c.offered, c.main, got, c.want)
		}
	}
}

func TestAnswerPutsTheChosenCodecFirst(t *testing.T) {
	e := startEngine(t)
	for codec, want := range map[media.Codec]string{
		media.NoCodec: "m=audio 9 UDP/TLS/RTP/SAVPF 8 0 9 111 126",
		media.PCMU:    "m=audio 9 UDP/TLS/RTP/SAVPF 0 8 9 111 126",
		media.Opus:    "m=audio 9 UDP/TLS/RTP/SAVPF 111 8 0 9 126",
	} {
		_, answer, err := e.NewPeer(testOffer, PeerOptions{Codec: codec})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(answer, want+"\r\n") {
			t.Errorf("%v: %s", codec, answer)
		}
	}
}

// FuzzOffer holds that no offer makes the server panic, and that an answer to
// one that is taken says nothing that the offer smuggled in.
func FuzzOffer(f *testing.F) {
	f.Add(testOffer)
	f.Add(firefoxOffer)
	f.Add(strings.ReplaceAll(testOffer, "\r\n", "\n"))
	f.Add("v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 8\r\na=mid:\r\na=rtpmap:8\r\n")
	f.Add("v=0\na=group:BUNDLE\na=fingerprint:\na=ice-ufrag\nm=\n=\n")
	f.Fuzz(func(t *testing.T, sdp string) {
		o, err := parseOffer(sdp)
		if err != nil {
			return
		}
		a := answer{offer: o, setup: "passive", ssrcs: make([]uint32, len(o.media))}
		for line := range strings.Lines(a.String()) {
			if !strings.HasSuffix(line, "\r\n") || strings.ContainsAny(line[:len(line)-2], "\r\n\x00") || line[1] != '=' {
				t.Errorf("line %q of the answer", line)
			}
		}
	})
}
