// Package sdp reads and writes the session descriptions of telephone calls
// (RFC 8866, RFC 3264): one line of G.711 or G.722 sound with telephone-event. It reads
// tolerantly, because carriers do not write strictly, and writes one strict
// shape.
package sdp

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/carillon-cc/carillon/media"
)

// Limits of a description that is read. A longer one is refused.
const (
	MaxSize    = 16 << 10 // bytes
	maxLines   = 16       // m-lines
	maxFormats = 64       // formats of one m-line
)

// Why a description is refused as a whole.
var (
	ErrTooLarge = errors.New("session description is too large")
	ErrNoMedia  = errors.New("session description has no media line")
)

// Description is what matters of a session description.
type Description struct {
	Lines []Line // in the order written
}

// Line is one m-line with its attributes; what it does not say itself is taken
// from the session.
type Line struct {
	Kind     string   // "audio", "video", "image", …
	Port     uint16   // 0: the line is refused or was removed
	Protocol string   // "RTP/AVP", …
	Listed   []string // the formats as written
	Formats  []Format // the formats that were understood, in the writer's order
	// Address is where the writer wants the packets; unspecified (0.0.0.0, ::)
	// is an old-style hold, and the zero Addr stands for none or a host name.
	Address   netip.Addr
	Direction Direction
	FrameTime int // a=ptime in ms, 0 when not said
	MaxTime   int // a=maxptime in ms, 0 when not said
	// ControlPort and ControlAddress are of a=rtcp (RFC 3605), each zero when
	// not said; Mux is a=rtcp-mux (RFC 5761).
	ControlPort    uint16
	ControlAddress netip.Addr
	Mux            bool
	Crypto         []Crypto // the usable ones, in the writer's order
}

// Format is a payload type with its meaning.
type Format struct {
	PayloadType uint8
	Codec       media.Codec
}

// NoAddress tells whether the line asks for nothing to be sent, as a hold of
// RFC 2543 does.
func (l *Line) NoAddress() bool { return l.Address.IsValid() && l.Address.IsUnspecified() }

// frameTime is how many ms of sound the writer wants in a packet, 0 when it does
// not say.
func (l *Line) frameTime() int {
	if l.MaxTime == 0 {
		return l.FrameTime
	}
	if l.FrameTime == 0 && l.MaxTime >= usualTime {
		return 0
	}
	return min(max(l.FrameTime, usualTime), l.MaxTime)
}

// usualTime is how many ms of sound are in a packet where nobody says.
const usualTime = 20

// control is where the writer wants RTCP, if it says.
func (l *Line) control() netip.AddrPort {
	if l.ControlPort == 0 {
		return netip.AddrPort{}
	}
	address := l.ControlAddress
	if !address.IsValid() {
		address = l.Address
	}
	return netip.AddrPortFrom(address, l.ControlPort)
}

// SoundAddress is where the writer wants sound: that of the first line that is
// in use and has one, or the zero Addr.
func (d *Description) SoundAddress() netip.Addr {
	for i := range d.Lines {
		if l := &d.Lines[i]; l.Kind == "audio" && l.Port != 0 && l.Address.IsValid() {
			return l.Address
		}
	}
	return netip.Addr{}
}

// staticFormats are the payload types that need no rtpmap (RFC 3551 §6).
var staticFormats = map[uint8]media.Codec{0: media.PCMU, 8: media.PCMA, 9: media.G722}

// reader holds what of the m-line being read is not yet decided.
type reader struct {
	out     Description
	session Line                  // what lines have that do not say it themselves
	maps    map[uint8]media.Codec // of the current m-line
	line    *Line
}

// Parse reads a description. It accepts any kind of line end, also none after
// the last line, and skips what it does not know.
func Parse(body []byte) (*Description, error) {
	if len(body) > MaxSize {
		return nil, ErrTooLarge
	}
	var r reader
	for raw := range strings.Lines(string(body)) {
		text := strings.TrimSpace(raw)
		if len(text) < 2 || text[1] != '=' {
			continue
		}
		value := strings.TrimSpace(text[2:])
		switch text[0] {
		case 'm':
			r.finishLine()
			if len(r.out.Lines) == maxLines {
				return nil, fmt.Errorf("more than %d media lines: %w", maxLines, ErrTooLarge)
			}
			if err := r.startLine(value); err != nil {
				return nil, err
			}
		case 'c':
			r.connection(value)
		case 'a':
			r.attribute(value)
		}
	}
	r.finishLine()
	if len(r.out.Lines) == 0 {
		return nil, ErrNoMedia
	}
	return &r.out, nil
}

// startLine reads "audio 49170/2 RTP/AVP 0 8 101".
func (r *reader) startLine(value string) error {
	fields := strings.Fields(value)
	if len(fields) < 4 {
		return fmt.Errorf("media line %q has fewer than four fields", clip(value))
	}
	if len(fields)-3 > maxFormats {
		return fmt.Errorf("media line has more than %d formats: %w", maxFormats, ErrTooLarge)
	}
	// The fields come back in our answer, so they must be what they claim.
	for _, f := range fields {
		if !isToken(f) {
			return fmt.Errorf("media line %q has a character that does not belong there", clip(value))
		}
	}
	number, _, _ := strings.Cut(fields[1], "/")
	port, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return fmt.Errorf("media line %q: bad port: %w", clip(value), err)
	}
	line := r.session
	line.Kind, line.Port, line.Protocol, line.Listed = strings.ToLower(fields[0]), uint16(port), fields[2], fields[3:]
	r.out.Lines = append(r.out.Lines, line)
	r.line = &r.out.Lines[len(r.out.Lines)-1]
	r.maps = make(map[uint8]media.Codec)
	return nil
}

// finishLine gives the current line's payload types their meaning.
func (r *reader) finishLine() {
	if r.line == nil {
		return
	}
	for _, text := range r.line.Listed {
		number, err := strconv.ParseUint(text, 10, 7)
		if err != nil {
			continue
		}
		pt := uint8(number)
		codec, ok := r.maps[pt]
		if !ok {
			codec = staticFormats[pt]
		}
		if codec != media.NoCodec {
			r.line.Formats = append(r.line.Formats, Format{PayloadType: pt, Codec: codec})
		}
	}
	r.line = nil
}

// present is what attributes belong to: the current line, or the session before
// the first.
func (r *reader) present() *Line {
	if r.line != nil {
		return r.line
	}
	return &r.session
}

// connection reads "IN IP4 192.0.2.1/127".
func (r *reader) connection(value string) { r.present().Address = parseAddress(strings.Fields(value)) }

// parseAddress reads the fields of "IN IP6 2001:db8::1"; the zero Addr is for
// what is not an address.
func parseAddress(fields []string) netip.Addr {
	if len(fields) < 3 {
		return netip.Addr{}
	}
	text, _, _ := strings.Cut(fields[2], "/") // a multicast TTL
	address, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil || address.Zone() != "" {
		return netip.Addr{}
	}
	return address.Unmap()
}

func (r *reader) attribute(value string) {
	name, rest, _ := strings.Cut(value, ":")
	name = strings.ToLower(strings.TrimSpace(name))
	rest = strings.TrimSpace(rest)
	at := r.present()
	if d, ok := parseDirection(name); ok {
		at.Direction = d
		return
	}
	switch name {
	case "ptime":
		if ms, ok := parseTime(rest); ok {
			at.FrameTime = ms
		}
	case "maxptime":
		if ms, ok := parseTime(rest); ok {
			at.MaxTime = ms
		}
	case "rtcp-mux":
		at.Mux = true
	}
	// What follows belongs to one line. Some gateways write an rtpmap before the
	// first, where it belongs to nothing.
	if r.line == nil {
		return
	}
	switch name {
	case "rtpmap":
		r.rtpmap(rest)
	case "rtcp":
		r.control(strings.Fields(rest))
	case "crypto":
		if c, ok := parseCrypto(rest); ok && len(r.line.Crypto) < maxCrypto {
			r.line.Crypto = append(r.line.Crypto, c)
		}
	}
}

// parseTime reads the ms of sound in a packet. Some write 20.0.
func parseTime(text string) (int, bool) {
	text, _, _ = strings.Cut(text, ".")
	ms, err := strconv.Atoi(text)
	return ms, err == nil && ms >= 1 && ms <= 200
}

// control reads the fields of "53020 IN IP4 126.16.64.4".
func (r *reader) control(fields []string) {
	if len(fields) == 0 {
		return
	}
	port, err := strconv.ParseUint(fields[0], 10, 16)
	if err != nil {
		return
	}
	r.line.ControlPort, r.line.ControlAddress = uint16(port), parseAddress(fields[1:])
}

// rtpmap reads "101 telephone-event/8000/1".
func (r *reader) rtpmap(value string) {
	number, encoding, ok := strings.Cut(value, " ")
	if !ok {
		return
	}
	pt, err := strconv.ParseUint(number, 10, 7)
	if err != nil {
		return
	}
	name, rest, _ := strings.Cut(strings.TrimSpace(encoding), "/")
	rate, channels, _ := strings.Cut(rest, "/")
	codec := media.NoCodec
	if (rate == "8000" || rate == "") && (channels == "" || channels == "1") {
		for _, c := range []media.Codec{media.PCMA, media.PCMU, media.G722, media.TelephoneEvent} {
			if strings.EqualFold(name, c.String()) {
				codec = c
			}
		}
	}
	// Kept also when unknown, so that a static number that was given another
	// meaning is not taken for its static one.
	r.maps[uint8(pt)] = codec
}

// isToken tells whether s is made of the characters of a token (RFC 8866 §9)
// or a slash.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),:;<=>?@[\]`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// clip shortens what a stranger wrote for an error text.
func clip(s string) string {
	const most = 60
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
