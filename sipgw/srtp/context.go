package srtp

import (
	"encoding/binary"
	"errors"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"github.com/carillon-cc/carillon/media"
)

// replayWindow is how many packets back one is recognised that came before.
const replayWindow = 128

// maxStreams is how many SSRCs a peer may use in one call: state is kept for
// each, so that one that comes back goes on counting where it was.
const maxStreams = 256

var (
	errManyStreams = errors.New("the peer uses too many streams")
	errShort       = errors.New("too short for a packet")
)

// Sealer encrypts what a leg sends. It follows media.Sealer's rules.
type Sealer struct {
	// Sound and reports may be sealed at the same time.
	sound, reports *srtp.Context
	rtp            rtp.Header // scratch, as is rtcp
	rtcp           rtcp.Header
}

// Opener decrypts what a leg receives. It follows media.Opener's rules.
type Opener struct {
	context *srtp.Context
	rtp     rtp.Header // scratch, as is rtcp
	rtcp    rtcp.Header
	streams map[uint32]struct{}
}

var (
	_ media.Sealer = (*Sealer)(nil)
	_ media.Opener = (*Opener)(nil)
)

// NewSealer returns what encrypts with a key.
func NewSealer(k Key) (*Sealer, error) {
	sound, err := k.context()
	if err != nil {
		return nil, err
	}
	reports, err := k.context()
	if err != nil {
		return nil, err
	}
	return &Sealer{sound: sound, reports: reports}, nil
}

// NewOpener returns what decrypts with a key.
func NewOpener(k Key) (*Opener, error) {
	context, err := k.context(srtp.SRTPReplayProtection(replayWindow), srtp.SRTCPReplayProtection(replayWindow))
	if err != nil {
		return nil, err
	}
	return &Opener{context: context, streams: make(map[uint32]struct{})}, nil
}

// SealRTP encrypts a packet in place.
func (s *Sealer) SealRTP(b []byte) ([]byte, error) { return s.sound.EncryptRTP(b, b, &s.rtp) }

// SealRTCP encrypts a compound packet in place.
func (s *Sealer) SealRTCP(b []byte) ([]byte, error) { return s.reports.EncryptRTCP(b, b, &s.rtcp) }

// OpenRTP decrypts a packet in place.
func (o *Opener) OpenRTP(b []byte) ([]byte, error) {
	if len(b) < media.HeaderSize {
		return nil, errShort
	}
	ssrc := binary.BigEndian.Uint32(b[8:])
	_, known := o.streams[ssrc]
	if !known && len(o.streams) == maxStreams {
		return nil, errManyStreams
	}
	clear, err := o.context.DecryptRTP(b, b, &o.rtp)
	if err != nil {
		return nil, err
	}
	if !known {
		o.streams[ssrc] = struct{}{}
	}
	return clear, nil
}

// OpenRTCP decrypts a compound packet in place.
func (o *Opener) OpenRTCP(b []byte) ([]byte, error) {
	if len(b) < 8 {
		return nil, errShort
	}
	ssrc := binary.BigEndian.Uint32(b[4:])
	_, known := o.streams[ssrc]
	if !known && len(o.streams) == maxStreams {
		return nil, errManyStreams
	}
	clear, err := o.context.DecryptRTCP(b, b, &o.rtcp)
	if err == nil && !known {
		o.streams[ssrc] = struct{}{}
	}
	return clear, err
}
