package call

import (
	"sync/atomic"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
)

// Recorders opens the files of recordings and takes them when they are done.
type Recorders interface {
	// Open starts a file for the call, in the caller's G.711 law.
	Open(callID, queueID string, law media.Codec) (*media.Recorder, error)
	// Done takes a recording whose call is over. It never blocks.
	Done(callID string, r *media.Recorder)
}

// opening is a recording whose file is being opened; it is posted to its call
// when that is done.
type opening struct {
	// settled is set by the first of two: the file is open, or the call is over.
	// The second finds it set and sees to the file.
	settled  atomic.Bool
	recorder *media.Recorder // with err, written before settled
	err      error
}

// Record starts the recording of the call for a queue, from when the disk has
// opened the file, for which nobody waits. A call that is being recorded goes on
// with the recording it has. A recording that cannot be started is noted and
// does not end the call.
func (c *Call) Record(queueID string) {
	if c.over || c.recorder != nil || c.opening != nil {
		return
	}
	law := c.Codec()
	if !law.G711() {
		law = media.PCMA
	}
	o, recorders, id := &opening{}, c.options.Recorder, c.id
	c.opening = o
	go func() {
		o.recorder, o.err = recorders.Open(id, queueID, law)
		switch {
		case !o.settled.Swap(true):
			c.Post(o)
		case o.err == nil:
			recorders.Done(id, o.recorder)
		}
	}()
}

// opened takes the recording that was opened for the call.
func (c *Call) opened(o *opening) {
	c.opening = nil
	if o.err != nil {
		c.log.Error("recording could not be started", "err", o.err)
		c.Note(ccs.CallEvent{Kind: ccs.EventRecording, Reason: string(ReasonFailed)})
		return
	}
	c.recorder = o.recorder
	c.record.Recording = c.id // a recording has its call's id
	c.Note(ccs.CallEvent{Kind: ccs.EventRecording})
	c.seat()
	c.changed()
}

func (c *Call) stopRecording() {
	if o := c.opening; o != nil && o.settled.Swap(true) && o.err == nil {
		// Word of it waits in the inbox and will not be read any more.
		c.recorder, c.record.Recording = o.recorder, c.id
	}
	c.opening = nil
	if c.recorder == nil {
		return
	}
	c.options.Recorder.Done(c.id, c.recorder)
	c.recorder = nil
	c.Note(ccs.CallEvent{Kind: ccs.EventRecordingEnd})
}
