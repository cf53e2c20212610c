package sdp

import (
	"errors"
	"net/netip"
	"slices"

	"github.com/carillon-cc/carillon/media"
)

// Why no agreement was reached. The dialog's former agreement stays in force.
var (
	ErrNoCodec   = errors.New("no sound encoding in common")
	ErrNoAddress = errors.New("session description has no usable connection address")
)

// profile is the one transport of sound that is spoken: plain RTP (RFC 3551).
const profile = "RTP/AVP"

// Agreement is what an offer and its answer settled, seen from our side.
type Agreement struct {
	Codec       media.Codec
	PayloadType uint8 // of the sound, in both directions
	EventType   uint8 // of telephone-event, 0 when the peer has none
	// Remote is where to send. It is not valid while the peer gave no address
	// (an old-style hold): the former one is kept for later.
	Remote    netip.AddrPort
	Direction Direction // ours
	// Held says that the peer put us on hold, so that silence from it means
	// nothing.
	Held      bool
	FrameTime int // ms of sound a packet that the peer prefers, 0 when not said
}

// Sends tells whether sound may be sent to the peer.
func (a Agreement) Sends() bool { return a.Direction.Sends() }

// SameSound tells whether b has the same encodings and address as a, so that
// only the direction may differ.
func (a Agreement) SameSound(b Agreement) bool {
	return a.Codec == b.Codec && a.PayloadType == b.PayloadType && a.EventType == b.EventType && a.Remote == b.Remote
}

// choose finds the first line that both sides can use, with the peer's first
// encoding among the wanted ones.
func choose(d *Description, wanted []media.Codec) (int, Agreement, error) {
	failure := ErrNoCodec
	for i := range d.Lines {
		line := &d.Lines[i]
		if line.Kind != "audio" || line.Port == 0 || line.Protocol != profile {
			continue
		}
		at := slices.IndexFunc(line.Formats, func(f Format) bool { return slices.Contains(wanted, f.Codec) })
		if at < 0 {
			continue
		}
		if !line.Address.IsValid() {
			failure = ErrNoAddress
			continue
		}
		a := Agreement{
			Codec:       line.Formats[at].Codec,
			PayloadType: line.Formats[at].PayloadType,
			FrameTime:   line.FrameTime,
			Direction:   AnswerDirection(line.Direction, line.NoAddress()),
		}
		if events := slices.IndexFunc(line.Formats, func(f Format) bool { return f.Codec == media.TelephoneEvent }); events >= 0 {
			a.EventType = line.Formats[events].PayloadType
		}
		if !line.NoAddress() {
			a.Remote = netip.AddrPortFrom(line.Address, line.Port)
		}
		a.Held = a.Direction != SendRecv
		return i, a, nil
	}
	return 0, Agreement{}, failure
}
