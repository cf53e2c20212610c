package media

import (
	"errors"
	"fmt"
	"sync"
)

// Sealer encrypts what a port sends. Of each of its methods one call runs at a
// time.
type Sealer interface {
	// SealRTP encrypts a packet in place and returns it. It may use 64 bytes of
	// the capacity behind it.
	SealRTP(b []byte) ([]byte, error)
	// SealRTCP does the same with a compound packet of reports.
	SealRTCP(b []byte) ([]byte, error)
}

// Opener decrypts what a port receives, and refuses what is not authentic or
// came before. One call runs at a time.
type Opener interface {
	// OpenRTP decrypts a packet in place and returns it.
	OpenRTP(b []byte) ([]byte, error)
	// OpenRTCP does the same with a compound packet of reports.
	OpenRTCP(b []byte) ([]byte, error)
}

// errSealing says that two packets of one port were to be encrypted at once.
var errSealing = errors.New("another packet is being encrypted")

// sealing keeps to a Sealer's rule. Nobody waits: of two packets at one instant
// one is lost.
type sealing struct {
	by               Sealer
	sound, reporting sync.Mutex
}

func (s *sealing) rtp(b []byte) ([]byte, error) {
	if !s.sound.TryLock() {
		return nil, errSealing
	}
	defer s.sound.Unlock()
	b, err := s.by.SealRTP(b)
	if err != nil {
		return nil, fmt.Errorf("encrypting RTP: %w", err)
	}
	return b, nil
}

func (s *sealing) rtcp(b []byte) ([]byte, error) {
	if !s.reporting.TryLock() {
		return nil, errSealing
	}
	defer s.reporting.Unlock()
	b, err := s.by.SealRTCP(b)
	if err != nil {
		return nil, fmt.Errorf("encrypting RTCP: %w", err)
	}
	return b, nil
}

// SetSealer has all that is sent encrypted from now on; nil is for packets as
// they are.
func (p *Port) SetSealer(by Sealer) {
	if by == nil {
		p.seal.Store(nil)
		return
	}
	p.seal.Store(&sealing{by: by})
}

// SetOpener has all that is received decrypted from now on, and nothing else
// taken; nil is for packets as they are.
func (p *Port) SetOpener(by Opener) {
	if by == nil {
		p.open.Store(nil)
		return
	}
	p.open.Store(&by)
}
