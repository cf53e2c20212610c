package call

import (
	"time"

	"github.com/carillon-cc/carillon/media"
)

// Play answers the call if need be and plays a prompt once. Keys pressed
// meanwhile are kept for Key; untilKey has the first one end the prompt, and a
// key that already waits has nothing be played.
func (c *Call) Play(p *media.Prompt, untilKey bool) error {
	if err := c.Answer(); err != nil {
		return err
	}
	if untilKey && len(c.keys) > 0 {
		return nil
	}
	c.players++
	token := c.players
	player := media.Play(c.options.Pacer, p, c.parties[callerSlot].Leg, false, func() { c.Post(played{token}) })
	defer player.Stop()
	_, err := c.Await(-1, func(e Event) bool {
		switch e := e.(type) {
		case played:
			return e.player == token
		case Digit:
			return untilKey && len(c.keys) > 0
		}
		return false
	})
	return err
}

// Key returns the next key of the caller, one typed ahead first; false when
// none comes before the timeout.
func (c *Call) Key(timeout time.Duration) (byte, bool, error) {
	if c.over {
		return 0, false, ErrOver
	}
	if len(c.keys) == 0 {
		got, err := c.Await(timeout, func(Event) bool { return len(c.keys) > 0 })
		if err != nil || !got {
			return 0, false, err
		}
	}
	key := c.keys[0]
	c.keys = c.keys[1:]
	return key, true, nil
}

// DropKeys forgets the keys that were typed ahead.
func (c *Call) DropKeys() { c.keys = c.keys[:0] }

// Sleep lets the time pass.
func (c *Call) Sleep(d time.Duration) error {
	_, err := c.Await(d, func(Event) bool { return false })
	return err
}

// Music has the caller hear a prompt over and over until StopMusic, another
// Music, or the end of the call. nil is the hold music.
func (c *Call) Music(p *media.Prompt) error {
	if err := c.Answer(); err != nil {
		return err
	}
	if p == nil {
		p = c.options.Music
	}
	c.parties[callerSlot].play(c.options.Pacer, p)
	return nil
}

// StopMusic ends what Music began.
func (c *Call) StopMusic() { c.stopMusic() }

func (c *Call) stopMusic() {
	if p := c.parties[callerSlot]; p != nil {
		p.stopMusic()
	}
}
