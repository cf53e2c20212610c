package webrtc

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/carillon-cc/carillon/media"
)

// answer is what the server tells a browser in reply to its offer.
type answer struct {
	offer      *offer
	ufrag, pwd string
	setup      string // active or passive: who begins the DTLS handshake
	session    uint64 // o= identifies the session
	version    uint64 // and counts its descriptions (RFC 3264 §8)
	cname      string
	first      media.Codec // stands first: what the browser sends if nobody says otherwise
	ssrcs      []uint32    // of our streams, by m-line
	print      string      // our certificate's fingerprint
	addresses  []netip.Addr
	port       uint16
	tcp        bool // a TCP candidate is offered too
}

// Preferences of a host candidate, RFC 8445 §5.1.2.1: type preference 126, the
// component is 1. TCP comes after all UDP (RFC 6544 §4.2).
const (
	udpPriority = 126<<24 | 255
	tcpPriority = 90<<24 | 255
)

func (a *answer) String() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("v=0")
	line("o=- %d %d IN IP4 0.0.0.0", a.session, a.version)
	line("s=-")
	line("t=0 0")
	var mids strings.Builder
	for i := range a.offer.media {
		mids.WriteString(" " + a.offer.media[i].mid)
	}
	line("a=group:BUNDLE%s", mids.String())
	line("a=ice-lite")
	line("a=msid-semantic: WMS")
	for i := range a.offer.media {
		a.media(line, i)
	}
	return b.String()
}

func (a *answer) media(line func(string, ...any), i int) {
	m := &a.offer.media[i]
	codecs := a.ordered(m.codecs)
	var formats strings.Builder
	for _, c := range codecs {
		fmt.Fprintf(&formats, " %d", c.payloadType)
	}
	line("m=audio 9 %s%s", m.proto, formats.String())
	line("c=IN IP4 0.0.0.0")
	line("a=mid:%s", m.mid)
	line("a=ice-ufrag:%s", a.ufrag)
	line("a=ice-pwd:%s", a.pwd)
	line("a=fingerprint:%s", a.print)
	line("a=setup:%s", a.setup)
	line("a=%s", m.answerDirection(i == 0))
	line("a=rtcp-mux")
	for _, c := range codecs {
		switch c.codec {
		case media.Opus:
			line("a=rtpmap:%d opus/48000/2", c.payloadType)
			line("a=fmtp:%d minptime=10;useinbandfec=1", c.payloadType)
		case media.TelephoneEvent:
			line("a=rtpmap:%d telephone-event/8000", c.payloadType)
			line("a=fmtp:%d 0-15", c.payloadType)
		default:
			line("a=rtpmap:%d %s/8000", c.payloadType, c.codec)
		}
	}
	// No a=ptime: Chromium makes it a parameter of each codec, and then finds
	// none that fits in RTCRtpSender.setParameters. 20 ms is what all send.
	if m.receives {
		// One stream a line, so that the page tells them apart.
		line("a=msid:line%d line%d", i, i)
		line("a=ssrc:%d cname:%s", a.ssrcs[i], a.cname)
	}
	if i == 0 {
		a.candidates(line)
	}
}

// answerDirection is the answer to the m-line's direction (RFC 3264 §6.1). Only
// the main line takes sound.
func (m *offeredMedia) answerDirection(main bool) string {
	sends, receives := m.receives, m.sends && main
	switch {
	case sends && receives:
		return "sendrecv"
	case sends:
		return "sendonly"
	case receives:
		return "recvonly"
	default:
		return "inactive"
	}
}

// candidates writes all we have: a lite agent has only host candidates and
// never more of them later (RFC 8445 §5.2).
func (a *answer) candidates(line func(string, ...any)) {
	for i, addr := range a.addresses {
		preference := uint32(0xffff-i) << 8
		line("a=candidate:%d 1 udp %d %s %d typ host", 2*i+1, udpPriority|preference, addr, a.port)
		if a.tcp {
			line("a=candidate:%d 1 tcp %d %s %d typ host tcptype passive", 2*i+2, tcpPriority|preference, addr, a.port)
		}
	}
	line("a=end-of-candidates")
}

// ordered puts the preferred encoding first and leaves the others in the
// browser's order, but with those of telephones before Opus.
func (a *answer) ordered(codecs []offeredCodec) []offeredCodec {
	sorted := make([]offeredCodec, 0, len(codecs))
	for _, want := range []media.Codec{a.first, media.PCMA, media.PCMU, media.G722, media.Opus, media.TelephoneEvent} {
		for _, c := range codecs {
			if c.codec == want && !containsCodec(sorted, c.codec) {
				sorted = append(sorted, c)
			}
		}
	}
	return sorted
}

func containsCodec(codecs []offeredCodec, codec media.Codec) bool {
	for _, c := range codecs {
		if c.codec == codec {
			return true
		}
	}
	return false
}

// formats translates between encodings and the payload types of one m-line.
// It does not change once made.
type formats struct {
	codecs [128]media.Codec                // by payload type
	types  [media.TelephoneEvent + 1]uint8 // by encoding
	has    [media.TelephoneEvent + 1]bool  // encodings that were agreed on
}

func newFormats(codecs []offeredCodec) *formats {
	f := &formats{}
	for _, c := range codecs {
		// A browser may send any type that it offered; we send the first.
		f.codecs[c.payloadType] = c.codec
		if !f.has[c.codec] {
			f.types[c.codec], f.has[c.codec] = c.payloadType, true
		}
	}
	return f
}
