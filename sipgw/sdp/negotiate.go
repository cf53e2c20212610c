package sdp

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw/srtp"
)

// Why no agreement was reached. The dialog's former agreement stays in force.
var (
	ErrNoCodec   = errors.New("no sound encoding in common")
	ErrNoAddress = errors.New("session description has no usable connection address")
	ErrNoCrypto  = errors.New("no encryption of sound in common")
)

// What ErrNoCrypto wraps where keys are not even looked at.
var (
	errDemanded = fmt.Errorf("plain sound is offered, and encrypted sound is demanded (RTP/SAVP with a=crypto): %w", ErrNoCrypto)
	errReadable = fmt.Errorf("encrypted sound is offered, but its keys could be read on the way (TLS is needed): %w", ErrNoCrypto)
)

// Agreement is what an offer and its answer settled, seen from our side.
type Agreement struct {
	Codec       media.Codec
	PayloadType uint8 // of the sound
	EventType   uint8 // of telephone-event, 0 when the peer has none
	// OwnPayloadType and OwnEventType are the same by our own description. Where
	// an answer gives other numbers than our offer did, each side sends by those
	// of the other (RFC 3264 §6.1).
	OwnPayloadType, OwnEventType uint8
	// Remote is where to send. It is not valid while the peer gave no address
	// (an old-style hold): the former one is kept for later.
	Remote netip.AddrPort
	// Control is where the peer wants RTCP (RFC 3605), the zero value for the
	// port above Remote's; Mux says that RTCP shares the port (RFC 5761).
	Control   netip.AddrPort
	Mux       bool
	Direction Direction // ours
	// Held says that the peer put us on hold, so that silence from it means
	// nothing.
	Held      bool
	FrameTime int // ms of sound a packet that the peer prefers, 0 when not said
	srtp.Keys     // zero for plain sound
}

// Sends tells whether sound may be sent to the peer.
func (a Agreement) Sends() bool { return a.Direction.Sends() }

// Encrypted tells whether sound is encrypted.
func (a Agreement) Encrypted() bool { return a.Send.Suite() != srtp.NoSuite }

// choice is a line that both sides can use.
type choice struct {
	index  int
	line   *Line
	crypto Crypto // the peer's
	Agreement
}

// choose finds the first line that both sides can use, with the peer's first
// encoding among the wanted ones. usable tells which of the peer's keys are.
func choose(d *Description, wanted []media.Codec, policy Policy, usable func(Crypto) bool) (choice, error) {
	failure := ErrNoCodec
	for _, encrypted := range []bool{true, false} {
		unwanted := encrypted && policy == Plain || !encrypted && policy == Required
		for i := range d.Lines {
			line := &d.Lines[i]
			encrypts, spoken := profiles[strings.ToUpper(line.Protocol)]
			if line.Kind != "audio" || line.Port == 0 || !spoken || encrypts != encrypted {
				continue
			}
			c, err := settle(line, wanted, encrypted, usable)
			switch {
			case unwanted && err == nil && encrypted:
				failure = errReadable
				continue
			case unwanted && err == nil:
				failure = errDemanded
				continue
			case unwanted:
				continue
			case err == nil:
				c.index = i
				return c, nil
			case !errors.Is(err, ErrNoCodec):
				failure = err
			}
		}
	}
	return choice{}, failure
}

// settle reads what can be agreed on with a line.
func settle(line *Line, wanted []media.Codec, encrypted bool, usable func(Crypto) bool) (choice, error) {
	at := slices.IndexFunc(line.Formats, func(f Format) bool { return slices.Contains(wanted, f.Codec) })
	if at < 0 {
		return choice{}, ErrNoCodec
	}
	if !line.Address.IsValid() {
		return choice{}, ErrNoAddress
	}
	c := choice{line: line, Agreement: Agreement{
		Codec:       line.Formats[at].Codec,
		PayloadType: line.Formats[at].PayloadType,
		FrameTime:   line.frameTime(),
		Direction:   AnswerDirection(line.Direction, line.NoAddress()),
		Mux:         line.Mux,
	}}
	if encrypted {
		key := slices.IndexFunc(line.Crypto, usable)
		if key < 0 {
			return choice{}, ErrNoCrypto
		}
		c.crypto = line.Crypto[key]
		c.Receive = c.crypto.Key
	}
	if events := slices.IndexFunc(line.Formats, func(f Format) bool { return f.Codec == media.TelephoneEvent }); events >= 0 {
		c.EventType = line.Formats[events].PayloadType
	}
	c.OwnPayloadType, c.OwnEventType = c.PayloadType, c.EventType
	if !line.NoAddress() {
		c.Remote = netip.AddrPortFrom(line.Address, line.Port)
		c.Control = line.control()
	}
	c.Held = c.Direction != SendRecv
	return c, nil
}
