package webrtc

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/webrtc/internal/dtlsrtp"
)

// Bounds of what is read of a browser's offer.
const (
	maxOffer = 64 << 10 // bytes
	maxMedia = 8        // m-lines
	maxToken = 256      // length of an ICE user name or password, RFC 8839 §5.4
)

// offer is what the server uses of a browser's SDP offer.
type offer struct {
	ufrag, pwd  string
	fingerprint dtlsrtp.Fingerprint
	setup       string // actpass, active or passive
	bundle      string // the value of a=group:BUNDLE
	media       []offeredMedia
}

// offeredMedia is one audio m-line.
type offeredMedia struct {
	mid       string
	proto     string
	receives  bool // the browser wants to be sent sound
	sends     bool
	codecs    []offeredCodec
	transport transport
	rtcpMux   bool
}

// offeredCodec is a payload type of an m-line that we know, in the browser's
// order of preference.
type offeredCodec struct {
	codec       media.Codec
	payloadType uint8
}

// transport is what SDP may say for all m-lines or for each.
type transport struct {
	ufrag, pwd, setup, fingerprint string
	direction                      string
}

// parseOffer reads and checks a browser's offer. An error names the line of the
// media description that is at fault.
func parseOffer(sdp string) (*offer, error) {
	if len(sdp) > maxOffer {
		return nil, fmt.Errorf("offer: %d bytes are more than %d", len(sdp), maxOffer)
	}
	if !strings.HasPrefix(sdp, "v=0") {
		return nil, errors.New("offer: v=0 is missing")
	}
	o := &offer{}
	var session transport
	for number := 1; sdp != ""; number++ {
		var line string
		line, sdp, _ = strings.Cut(sdp, "\n")
		line = strings.TrimSuffix(line, "\r")
		if line == "" {
			continue
		}
		if len(line) < 2 || line[1] != '=' {
			return nil, fmt.Errorf("offer: line %d is not of the form x=value", number)
		}
		var err error
		switch kind, value := line[0], line[2:]; {
		case kind == 'm':
			err = o.beginMedia(value)
		case kind == 'a' && len(o.media) == 0:
			o.sessionAttribute(&session, value)
		case kind == 'a':
			err = o.media[len(o.media)-1].attribute(value)
		}
		if err != nil {
			return nil, fmt.Errorf("offer: line %d: %w", number, err)
		}
	}
	return o, o.check(session)
}

func (o *offer) beginMedia(value string) error {
	fields := strings.Fields(value)
	switch {
	case len(o.media) == maxMedia:
		return fmt.Errorf("m: more than %d", maxMedia)
	case len(fields) < 4:
		return errors.New("m: fields are missing")
	case fields[0] != "audio":
		return errors.New("m: only audio is taken")
	case fields[2] != "UDP/TLS/RTP/SAVPF" && fields[2] != "TCP/TLS/RTP/SAVPF" && fields[2] != "RTP/SAVPF":
		return errors.New("m: protocol is not UDP/TLS/RTP/SAVPF")
	}
	m := offeredMedia{proto: fields[2]}
	for _, format := range fields[3:] {
		pt, err := strconv.ParseUint(format, 10, 7)
		if err != nil {
			return errors.New("m: payload type is not a number from 0 to 127")
		}
		// The static types need no a=rtpmap (RFC 3551 §6).
		codec := staticCodecs[uint8(pt)]
		m.codecs = append(m.codecs, offeredCodec{codec, uint8(pt)})
	}
	o.media = append(o.media, m)
	return nil
}

var staticCodecs = map[uint8]media.Codec{0: media.PCMU, 8: media.PCMA, 9: media.G722}

func (o *offer) sessionAttribute(t *transport, value string) {
	name, value, _ := strings.Cut(value, ":")
	if name == "group" {
		if mids, isBundle := strings.CutPrefix(value, "BUNDLE"); isBundle {
			o.bundle = strings.TrimSpace(mids)
		}
		return
	}
	t.attribute(name, value)
}

func (t *transport) attribute(name, value string) {
	switch name {
	case "ice-ufrag":
		t.ufrag = value
	case "ice-pwd":
		t.pwd = value
	case "setup":
		t.setup = value
	case "fingerprint":
		// A certificate may have fingerprints of several algorithms.
		if t.fingerprint == "" || strings.HasPrefix(strings.ToLower(value), "sha-256 ") {
			t.fingerprint = value
		}
	case "sendrecv", "sendonly", "recvonly", "inactive":
		t.direction = name
	}
}

func (m *offeredMedia) attribute(value string) error {
	name, value, _ := strings.Cut(value, ":")
	switch name {
	case "mid":
		if !isToken(value) {
			return errors.New("mid: not a token")
		}
		m.mid = value
	case "rtcp-mux":
		m.rtcpMux = true
	case "rtpmap":
		return m.rtpmap(value)
	default:
		m.transport.attribute(name, value)
	}
	return nil
}

func (m *offeredMedia) rtpmap(value string) error {
	number, encoding, found := strings.Cut(value, " ")
	pt, err := strconv.ParseUint(number, 10, 7)
	if err != nil || !found {
		return errors.New("rtpmap: not a payload type and an encoding")
	}
	for i := range m.codecs {
		if m.codecs[i].payloadType == uint8(pt) {
			m.codecs[i].codec = encodings[strings.ToLower(strings.TrimSpace(encoding))]
		}
	}
	return nil
}

// encodings are those of RFC 3551 §6, RFC 7587 §7 and RFC 4733 §7. Comfort
// noise is not among them: without it a browser sends a continuous stream, which
// is what a telephone expects.
var encodings = map[string]media.Codec{
	"pcma/8000": media.PCMA, "pcma/8000/1": media.PCMA,
	"pcmu/8000": media.PCMU, "pcmu/8000/1": media.PCMU,
	"g722/8000": media.G722, "g722/8000/1": media.G722,
	"opus/48000/2":         media.Opus,
	"telephone-event/8000": media.TelephoneEvent,
}

// check sees to what an offer must have, and drops what we do not know.
func (o *offer) check(session transport) error {
	if len(o.media) == 0 {
		return errors.New("offer: m=audio is missing")
	}
	bundled := strings.Fields(o.bundle)
	for i := range o.media {
		m := &o.media[i]
		bad := func(problem string) error { return fmt.Errorf("offer: media %d: %s", i+1, problem) }
		known := m.codecs[:0]
		for _, c := range m.codecs {
			if c.codec != media.NoCodec {
				known = append(known, c)
			}
		}
		m.codecs = known
		switch {
		case m.mid == "":
			return bad("a=mid is missing")
		case len(bundled) != len(o.media) || bundled[i] != m.mid:
			return bad("a=group:BUNDLE must list all media in order")
		case !m.rtcpMux:
			return bad("a=rtcp-mux is missing")
		case !m.hasSound():
			return bad("no encoding of PCMA, PCMU, G722 and opus")
		}
		direction := first(m.transport.direction, session.direction, "sendrecv")
		m.receives = direction == "sendrecv" || direction == "recvonly"
		m.sends = direction == "sendrecv" || direction == "sendonly"
	}
	// With BUNDLE the first m-line's transport is that of all (RFC 8843 §7).
	own := o.media[0].transport
	o.ufrag, o.pwd = first(own.ufrag, session.ufrag), first(own.pwd, session.pwd)
	o.setup = first(own.setup, session.setup, "actpass")
	switch {
	case len(o.ufrag) < 4 || len(o.ufrag) > maxToken:
		return errors.New("offer: ice-ufrag: its length must be 4 to 256") // RFC 8839 §5.4
	case len(o.pwd) < 22 || len(o.pwd) > maxToken:
		return errors.New("offer: ice-pwd: its length must be 22 to 256")
	case o.setup != "actpass" && o.setup != "active" && o.setup != "passive":
		return errors.New("offer: setup: not actpass, active or passive")
	}
	var err error
	if o.fingerprint, err = dtlsrtp.ParseFingerprint(first(own.fingerprint, session.fingerprint)); err != nil {
		return fmt.Errorf("offer: %w", err)
	}
	return nil
}

func (m *offeredMedia) hasSound() bool { return m.preferred() != media.NoCodec }

// preferred is the encoding of sound that stands first.
func (m *offeredMedia) preferred() media.Codec {
	for _, c := range m.codecs {
		if c.codec != media.TelephoneEvent {
			return c.codec
		}
	}
	return media.NoCodec
}

// first returns the first value that is not empty.
func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// isToken tells whether s may be written back into SDP as it is (RFC 8866 §9).
func isToken(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return s != "" && len(s) <= maxToken
}
