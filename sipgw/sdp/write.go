package sdp

import (
	"bytes"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/carillon-cc/carillon/media"
)

// spoken are the encodings that a telephone call may use here. G.711 comes first
// in offers that prefer nothing: all have it.
var spoken = []media.Codec{media.PCMA, media.PCMU, media.G722}

// Preferring are the encodings that may be offered, with first before all others
// if it is one of them.
func Preferring(first media.Codec) []media.Codec {
	codecs := slices.Clone(spoken)
	slices.SortStableFunc(codecs, func(a, b media.Codec) int {
		switch first {
		case a:
			return -1
		case b:
			return 1
		}
		return 0
	})
	return codecs
}

// eventType is the payload type that our own offers give telephone-event.
const eventType = 101

// Writer writes our side of one session: every description that we send in one
// dialog comes from the same Writer, so that the version in the o= line rises
// exactly when the rest changed (RFC 3264 §8). It is not safe for concurrent use.
type Writer struct {
	id      uint64
	version uint64
	last    string // all but the first two lines
	text    []byte // all of what was written last
	offered []media.Codec
}

// NewWriter starts a session. id is the session's number in the o= line; it
// should be random.
func NewWriter(id uint64) *Writer { return &Writer{id: id & (1<<62 - 1)} }

// Offer writes an offer of one line of sound: where we receive, what we speak in
// the order of our preference (the spoken ones when empty) and the direction.
func (w *Writer) Offer(local netip.AddrPort, codecs []media.Codec, direction Direction) []byte {
	if len(codecs) == 0 {
		codecs = spoken
	}
	w.offered = codecs
	formats := make([]Format, 0, len(codecs)+1)
	for _, c := range codecs {
		formats = append(formats, Format{PayloadType: staticType(c), Codec: c})
	}
	formats = append(formats, Format{PayloadType: eventType, Codec: media.TelephoneEvent})
	var b strings.Builder
	writeSound(&b, local.Port(), formats, direction)
	return w.finish(local.Addr(), b.String())
}

// Answer writes the answer to an offer and says what it settled. It takes the
// peer's first encoding that is spoken here, under the peer's payload types,
// and refuses every other m-line with port 0, so that there are as many as in
// the offer (RFC 3264 §6). ErrNoCodec and ErrNoAddress ask for a 488.
func (w *Writer) Answer(offer *Description, local netip.AddrPort) ([]byte, Agreement, error) {
	chosen, agreed, err := choose(offer, spoken)
	if err != nil {
		return nil, Agreement{}, err
	}
	w.offered = []media.Codec{agreed.Codec} // should it be repeated as an offer
	formats := []Format{{PayloadType: agreed.PayloadType, Codec: agreed.Codec}}
	if agreed.EventType != 0 {
		formats = append(formats, Format{PayloadType: agreed.EventType, Codec: media.TelephoneEvent})
	}
	var b strings.Builder
	for i := range offer.Lines {
		if i == chosen {
			writeSound(&b, local.Port(), formats, agreed.Direction)
			continue
		}
		line := &offer.Lines[i]
		b.WriteString("m=" + line.Kind + " 0 " + line.Protocol + " " + strings.Join(line.Listed, " ") + "\r\n")
	}
	return w.finish(local.Addr(), b.String()), agreed, nil
}

// Accept reads the peer's answer to our last Offer.
func (w *Writer) Accept(answer *Description) (Agreement, error) {
	_, agreed, err := choose(answer, w.offered)
	return agreed, err
}

// writeSound writes the m-line of sound in its one shape.
func writeSound(b *strings.Builder, port uint16, formats []Format, direction Direction) {
	b.WriteString("m=audio " + strconv.Itoa(int(port)) + " " + profile)
	for _, f := range formats {
		b.WriteString(" " + strconv.Itoa(int(f.PayloadType)))
	}
	b.WriteString("\r\n")
	for _, f := range formats {
		pt := strconv.Itoa(int(f.PayloadType))
		b.WriteString("a=rtpmap:" + pt + " " + f.Codec.String() + "/" + strconv.Itoa(int(f.Codec.ClockRate())) + "\r\n")
		if f.Codec == media.TelephoneEvent {
			b.WriteString("a=fmtp:" + pt + " 0-16\r\n")
		}
	}
	b.WriteString("a=ptime:20\r\na=" + direction.String() + "\r\n")
}

// finish puts the session's lines before the m-lines and counts the version.
func (w *Writer) finish(address netip.Addr, lines string) []byte {
	address = address.Unmap()
	family := "IP4"
	if address.Is6() {
		family = "IP6"
	}
	rest := "s=-\r\nc=IN " + family + " " + address.String() + "\r\nt=0 0\r\n" + lines
	if rest != w.last {
		w.version++
		w.last = rest
	}
	w.text = []byte("v=0\r\no=- " + strconv.FormatUint(w.id, 10) + " " + strconv.FormatUint(w.version, 10) +
		" IN " + family + " " + address.String() + "\r\n" + rest)
	return bytes.Clone(w.text)
}

// Repeat is the description that was written last, to be offered again when
// nothing has changed, with the same version; nil when there is none.
func (w *Writer) Repeat() []byte { return bytes.Clone(w.text) }

// staticType is the payload type that RFC 3551 §6 gives a spoken encoding.
func staticType(c media.Codec) uint8 {
	for pt, codec := range staticFormats {
		if codec == c {
			return pt
		}
	}
	return 0
}
