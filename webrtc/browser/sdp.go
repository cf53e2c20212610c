package browser

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/webrtc/internal/dtlsrtp"
)

// offered are the payload types of the offer, as Chromium numbers them.
var offered = map[uint8]media.Codec{
	111: media.Opus, 9: media.G722, 0: media.PCMU, 8: media.PCMA, 126: media.TelephoneEvent,
}

// Offer is the browser's SDP offer: one line both ways and two to listen.
func (b *Browser) Offer() string {
	var s strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&s, format+"\r\n", args...) }
	line("v=0")
	line("o=- %d 2 IN IP4 127.0.0.1", b.ssrc)
	line("s=-")
	line("t=0 0")
	line("a=group:BUNDLE 0 1 2")
	line("a=msid-semantic: WMS")
	for i, direction := range []string{"sendrecv", "recvonly", "recvonly"} {
		line("m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126")
		line("c=IN IP4 0.0.0.0")
		line("a=ice-ufrag:%s", b.ufrag)
		line("a=ice-pwd:%s", b.pwd)
		line("a=ice-options:trickle")
		line("a=fingerprint:%s", b.engine.certificate.Fingerprint)
		line("a=setup:actpass")
		line("a=mid:%d", i)
		line("a=%s", direction)
		line("a=rtcp-mux")
		line("a=rtpmap:111 opus/48000/2")
		line("a=fmtp:111 minptime=10;useinbandfec=1")
		line("a=rtpmap:63 red/48000/2")
		line("a=rtpmap:9 G722/8000")
		line("a=rtpmap:0 PCMU/8000")
		line("a=rtpmap:8 PCMA/8000")
		line("a=rtpmap:13 CN/8000")
		line("a=rtpmap:110 telephone-event/48000")
		line("a=rtpmap:126 telephone-event/8000")
		if i == 0 {
			line("a=ssrc:%d cname:%s", b.ssrc, b.ufrag)
		}
	}
	return s.String()
}

// answer is what a browser uses of the server's answer.
type answer struct {
	ufrag, pwd  string
	setup       string
	fingerprint dtlsrtp.Fingerprint
	address     netip.AddrPort // of the first UDP candidate
	types       [128]bool      // payload types of the first m-line
	ssrcs       []uint32       // of the server's streams, by m-line
}

func parseAnswer(sdp string) (*answer, error) {
	a := &answer{}
	lines := 0
	for line := range strings.Lines(sdp) {
		line = strings.TrimRight(line, "\r\n")
		if formats, ok := strings.CutPrefix(line, "m=audio 9 UDP/TLS/RTP/SAVPF "); ok {
			lines++
			for _, f := range strings.Fields(formats) {
				if pt, err := strconv.ParseUint(f, 10, 7); err == nil && lines == 1 {
					a.types[pt] = true
				}
			}
		}
		name, value, _ := strings.Cut(strings.TrimPrefix(line, "a="), ":")
		var err error
		switch name {
		case "ice-ufrag":
			a.ufrag = value
		case "ice-pwd":
			a.pwd = value
		case "setup":
			a.setup = value
		case "fingerprint":
			a.fingerprint, err = dtlsrtp.ParseFingerprint(value)
		case "candidate":
			err = a.candidate(value)
		case "ssrc":
			number, _, _ := strings.Cut(value, " ")
			var ssrc uint64
			ssrc, err = strconv.ParseUint(number, 10, 32)
			a.ssrcs = append(a.ssrcs, uint32(ssrc))
		}
		if err != nil {
			return nil, fmt.Errorf("answer: %s: %w", name, err)
		}
	}
	switch {
	case lines == 0:
		return nil, errors.New("answer: m=audio is missing")
	case a.ufrag == "" || a.pwd == "" || a.fingerprint == (dtlsrtp.Fingerprint{}):
		return nil, errors.New("answer: credentials are missing")
	case a.setup != "active" && a.setup != "passive":
		return nil, errors.New("answer: setup is neither active nor passive")
	case !a.address.IsValid():
		return nil, errors.New("answer: there is no UDP candidate")
	}
	return a, nil
}

// candidate reads a=candidate (RFC 8839 §5.1).
func (a *answer) candidate(value string) error {
	f := strings.Fields(value)
	if len(f) < 8 {
		return errors.New("fields are missing")
	}
	if f[2] != "udp" || a.address.IsValid() {
		return nil
	}
	addr, err := netip.ParseAddr(f[4])
	if err != nil {
		return err
	}
	port, err := strconv.ParseUint(f[5], 10, 16)
	if err != nil {
		return err
	}
	a.address = netip.AddrPortFrom(addr, uint16(port))
	return nil
}
