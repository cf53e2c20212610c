package sdp

import (
	"bytes"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw/srtp"
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

// Writer writes our side of one session: every description that we send in one
// dialog comes from the same Writer, so that the version in the o= line rises
// exactly when the rest changed (RFC 3264 §8), and our keys stay the same
// throughout. It is not safe for concurrent use.
type Writer struct {
	id      uint64
	version uint64
	last    string // all but the first two lines
	text    []byte // all of what was written last
	policy  Policy
	offered []media.Codec
	formats []Format                // of the last description
	crypto  []Crypto                // of the last offer; none for a plain one
	session slot                    // where the sound is among the m-lines
	keys    map[srtp.Suite]srtp.Key // ours
	agreed  Crypto                  // what we encrypt with, zero for plain sound
	mux     bool                    // RTCP shares the port, or we offer that it does
}

// NewWriter starts a session of plain sound. id is the session's number in the
// o= line; it should be random.
func NewWriter(id uint64) *Writer {
	return &Writer{id: id & (1<<62 - 1), keys: make(map[srtp.Suite]srtp.Key)}
}

// SetPolicy says whether sound is encrypted, from the next description on.
func (w *Writer) SetPolicy(p Policy) { w.policy = p }

// Fork is a writer for another dialog of the session: several telephones may
// answer one offer, and each dialog goes on by itself.
func (w *Writer) Fork() *Writer {
	f := *w
	f.keys = maps.Clone(w.keys)
	return &f
}

// Offer writes an offer of one line of sound: where we receive, what we speak in
// the order of our preference (the spoken ones when empty) and the direction.
func (w *Writer) Offer(local netip.AddrPort, codecs []media.Codec, direction Direction) []byte {
	if len(codecs) == 0 {
		codecs = spoken
	}
	w.offered, w.crypto = codecs, nil
	formats := make([]Format, 0, len(codecs)+1)
	for _, c := range codecs {
		formats = append(formats, Format{PayloadType: staticType(c), Codec: c})
	}
	formats = append(formats, Format{PayloadType: w.session.eventType(), Codec: media.TelephoneEvent})
	w.formats = formats
	switch {
	case w.agreed != Crypto{}: // the same key under the same tag goes on (RFC 4568 §7.1.4)
		w.crypto = []Crypto{w.agreed}
	case w.policy == Required:
		for i, suite := range srtp.Suites {
			w.crypto = append(w.crypto, Crypto{i + 1, w.key(suite)})
		}
	}
	var b strings.Builder
	b.WriteString(w.session.before)
	writeSound(&b, w.session.profile(len(w.crypto) > 0), local.Port(), formats)
	for _, c := range w.crypto {
		writeCrypto(&b, c)
	}
	writeEnd(&b, w.mux, direction)
	b.WriteString(w.session.behind)
	return w.finish(local.Addr(), b.String())
}

// key is our key of a suite.
func (w *Writer) key(s srtp.Suite) srtp.Key {
	k, ok := w.keys[s]
	if !ok {
		k = srtp.NewKey(s)
		w.keys[s] = k
	}
	return k
}

// Answer writes the answer to an offer and says what it settled. It takes the
// peer's first encoding that is spoken here, under the peer's payload types,
// and refuses every other m-line with port 0, so that there are as many as in
// the offer (RFC 3264 §6). ErrNoCodec, ErrNoAddress and ErrNoCrypto ask for a
// 488.
func (w *Writer) Answer(offer *Description, local netip.AddrPort) ([]byte, Agreement, error) {
	chosen, err := choose(offer, spoken, w.policy, func(Crypto) bool { return true })
	if err != nil {
		return nil, Agreement{}, err
	}
	if at := chosen.Remote; at.IsValid() && at.Addr().Is4() != local.Addr().Unmap().Is4() {
		return nil, Agreement{}, ErrNoAddress // in the other world of IP
	}
	agreed := chosen.Agreement
	formats := []Format{{PayloadType: agreed.PayloadType, Codec: agreed.Codec}}
	if agreed.EventType != 0 {
		formats = append(formats, Format{PayloadType: agreed.EventType, Codec: media.TelephoneEvent})
	}
	// Should the answer be repeated as an offer, this is what it offers.
	w.offered, w.formats, w.crypto, w.agreed, w.mux = []media.Codec{agreed.Codec}, formats, nil, Crypto{}, agreed.Mux
	if suite := agreed.Receive.Suite(); suite != srtp.NoSuite {
		agreed.Send = w.key(suite)
		w.agreed = Crypto{chosen.crypto.Tag, agreed.Send}
		w.crypto = []Crypto{w.agreed}
	}
	w.session = offer.slot(chosen.index, agreed.EventType)
	var b strings.Builder
	b.WriteString(w.session.before)
	writeSound(&b, chosen.line.Protocol, local.Port(), formats)
	if agreed.Encrypted() {
		writeCrypto(&b, w.agreed)
	}
	writeEnd(&b, agreed.Mux, agreed.Direction)
	b.WriteString(w.session.behind)
	return w.finish(local.Addr(), b.String()), agreed, nil
}

// Accept reads the peer's answer to our last Offer.
func (w *Writer) Accept(answer *Description) (Agreement, error) {
	policy := Plain
	if len(w.crypto) > 0 {
		policy = Required
	}
	var ours Crypto
	chosen, err := choose(answer, w.offered, policy, func(c Crypto) bool {
		at := slices.IndexFunc(w.crypto, func(o Crypto) bool { return o.Tag == c.Tag && o.Key.Suite() == c.Key.Suite() })
		if at >= 0 {
			ours = w.crypto[at]
		}
		return at >= 0
	})
	if err != nil {
		return Agreement{}, err
	}
	agreed := chosen.Agreement
	agreed.Mux = agreed.Mux && w.mux
	for _, f := range w.formats {
		switch {
		case f.Codec == agreed.Codec:
			agreed.OwnPayloadType = f.PayloadType
		case f.Codec == media.TelephoneEvent && agreed.EventType != 0:
			agreed.OwnEventType = f.PayloadType
		}
	}
	agreed.Send = ours.Key
	w.agreed, w.mux = ours, agreed.Mux
	return agreed, nil
}

// writeSound begins the m-line of sound in its one shape.
func writeSound(b *strings.Builder, profile string, port uint16, formats []Format) {
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
}

// writeEnd ends the m-line of sound.
func writeEnd(b *strings.Builder, mux bool, direction Direction) {
	if mux {
		b.WriteString("a=rtcp-mux\r\n")
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
