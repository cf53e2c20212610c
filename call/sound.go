package call

import (
	"errors"
	"time"

	"github.com/carillon-cc/carillon/ccs"
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
	player := media.Play(c.options.Pacer, p, c.leg, false, func() { c.Post(played{token}) })
	defer player.Stop()
	_, err := c.await(-1, func(e Event) bool {
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
		got, err := c.await(timeout, func(Event) bool { return len(c.keys) > 0 })
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
	_, err := c.await(d, func(Event) bool { return false })
	return err
}

// Music has the caller hear a prompt over and over until StopMusic, another
// Music, or the end of the call. nil is the hold music.
func (c *Call) Music(p *media.Prompt) error {
	if err := c.Answer(); err != nil {
		return err
	}
	c.stopMusic()
	if p == nil {
		p = c.options.Music
	}
	c.music = media.Play(c.options.Pacer, p, c.leg, true, nil)
	return nil
}

// StopMusic ends what Music began.
func (c *Call) StopMusic() { c.stopMusic() }

func (c *Call) stopMusic() {
	if c.music != nil {
		c.music.Stop()
		c.music = nil
	}
}

// Recorders opens the files of recordings and takes them when they are done.
type Recorders interface {
	// Open starts a file for the call, in the caller's G.711 law.
	Open(callID, queueID string, law media.Codec) (*media.Recorder, error)
	// Done takes a recording whose call is over. It never blocks.
	Done(callID string, r *media.Recorder)
}

// Record starts the recording of the call for a queue; a call that is being
// recorded goes on with the recording it has. A recording that cannot be
// started is noted and does not end the call.
func (c *Call) Record(queueID string) {
	if c.over || c.recorder != nil {
		return
	}
	law := c.leg.Codec()
	if !law.G711() {
		law = media.PCMA
	}
	opened, err := c.Do(func(report func(any, error)) {
		// The disk may be slow: the call goes on meanwhile.
		go func() { report(c.options.Recorder.Open(c.id, queueID, law)) }()
	})
	if errors.Is(err, ErrOver) {
		return
	}
	if err != nil {
		c.log.Error("recording could not be started", "err", err)
		c.Note(ccs.CallEvent{Kind: ccs.EventRecording, Reason: string(ReasonFailed)})
		return
	}
	c.recorder = opened.(*media.Recorder)
	c.record.Recording = c.id // a recording has its call's id
	c.Note(ccs.CallEvent{Kind: ccs.EventRecording})
	c.seat()
	c.changed()
}

func (c *Call) stopRecording() {
	if c.recorder == nil {
		return
	}
	c.options.Recorder.Done(c.id, c.recorder)
	c.recorder = nil
	c.Note(ccs.CallEvent{Kind: ccs.EventRecordingEnd})
}
