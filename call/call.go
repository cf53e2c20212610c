package call

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
)

// ErrOver is returned by every operation once the call has ended, whoever
// ended it. Whatever runs the call returns when it sees it.
var ErrOver = errors.New("the call is over")

// goneTime is how long word that the caller left may take to come after an
// answer that failed.
const goneTime = time.Second

// maxKeys bounds the keys that a caller can type ahead.
const maxKeys = 64

// maxTimeline bounds the events in a record, which is written as a whole after
// each: switches of a page gone mad must not make it grow without end.
const maxTimeline = 5000

// Direction says who began a call.
type Direction string

// The directions, as call records keep them.
const (
	In       Direction = "in"       // a caller from outside
	Out      Direction = "out"      // an agent or a line called outside
	Internal Direction = "internal" // an agent or a line called another
)

// Info is what is known of a call when it begins.
type Info struct {
	Direction Direction // "" is In
	From      string    // "" where the caller hides it
	FromName  string
	To        string
	Trunk     string
	Anonymous bool
}

// Journal keeps call records. Save takes a copy and never blocks.
type Journal interface {
	Save(record ccs.CallRecord)
}

// Options are what calls share.
type Options struct {
	Pacer    *media.Pacer
	Music    *media.Prompt // heard by callers on hold and while an agent's page comes back
	Journal  Journal
	Recorder Recorders
	// Changed is told after every change of a call that somebody could see. It
	// runs in the call's goroutine and only posts.
	Changed     func(View)
	MaxDuration time.Duration // of a call; 0 is 4 h
	Log         *slog.Logger
	Node        string // names this process in records
}

// Call is one caller's call, from arrival to end. All its methods but Post and
// ID are for the goroutine that runs it.
type Call struct {
	id      string
	info    Info
	options Options
	log     *slog.Logger
	leg     CallerLeg
	inbox   *Mailbox
	table   atomic.Pointer[table]

	record   ccs.CallRecord
	keys     []byte // typed and not yet read
	pressed  []byte // all that was typed, for those who take the call
	held     bool   // the caller's telephone holds us
	name     string // the caller's name as a plan set it
	answered bool
	over     bool
	cause    Cause

	agent    *agentSeat // who talks, or is expected back
	recorder *media.Recorder
	opening  *opening // of a recording, until its file is there
	music    *media.Player
	players  uint64
}

// ID names the call; it is a ULID. Any goroutine may ask.
func (c *Call) ID() string { return c.id }

// Info is what was known when the call arrived.
func (c *Call) Info() Info { return c.info }

// Codec is what the caller's leg is sent.
func (c *Call) Codec() media.Codec { return c.leg.Codec() }

// Pressed is what the caller has pressed so far, the last 64 keys.
func (c *Call) Pressed() string { return string(c.pressed) }

// Started is when the call arrived.
func (c *Call) Started() time.Time { return c.record.Started }

// Post tells the call something. It never blocks and may be called by any
// goroutine; a call that is over takes no notice.
func (c *Call) Post(e Event) { c.inbox.Post(e) }

// Answered tells whether the caller can hear us.
func (c *Call) Answered() bool { return c.answered }

// SetCallerName sets the name that ringing devices show.
func (c *Call) SetCallerName(name string) {
	c.name = name
	c.record.FromName = name
	c.changed()
}

// CallerName is the name set by the plan, or else the one that came with the
// call.
func (c *Call) CallerName() string {
	if c.name != "" {
		return c.name
	}
	return c.info.FromName
}

// Answer accepts the call if that was not yet done.
func (c *Call) Answer() error {
	if c.over {
		return ErrOver
	}
	if c.answered {
		return nil
	}
	if err := c.leg.Answer(); err != nil {
		// Most often the caller has just left, and word of that is on its way.
		if _, over := c.Await(goneTime, func(Event) bool { return false }); over != nil {
			return over
		}
		c.log.Warn("answer failed", "err", err)
		c.end(Cause{By: BySystem, Reason: ReasonFailed})
		return ErrOver
	}
	c.answered = true
	c.record.Answered = time.Now().UTC()
	c.Note(ccs.CallEvent{Kind: ccs.EventAnswered})
	return nil
}

// Hangup ends the call.
func (c *Call) Hangup(cause Cause) error {
	c.end(cause)
	return ErrOver
}

// Note adds an event to the call's timeline and has the record saved. The
// timeline of a call with thousands of events goes on with its end.
func (c *Call) Note(e ccs.CallEvent) {
	if len(c.record.Events) >= maxTimeline && e.Kind != ccs.EventEnded {
		return
	}
	e.At = time.Now().UTC()
	c.record.Events = append(c.record.Events, e)
	c.save()
}

// SetPlan notes which version of which plan runs the call.
func (c *Call) SetPlan(planID, versionID string) {
	c.record.PlanID, c.record.Version = planID, versionID
}

// SetQueue notes the queue that the call is in.
func (c *Call) SetQueue(id string) { c.record.Queue = id }

func (c *Call) save() { c.options.Journal.Save(c.record) }

// end ends the call, once: the first cause stands. The legs are let go at once;
// whatever runs the call sees ErrOver at its next step.
func (c *Call) end(cause Cause) {
	if c.over {
		return
	}
	c.over = true
	c.cause = cause
	c.table.Store(nil)
	c.stopMusic()
	if c.agent != nil {
		c.letAgentGo(cause)
	}
	c.leg.Listen(Listener{})
	if !c.answered && cause.By != ByCaller {
		c.leg.Refuse(cause)
	} else {
		c.leg.Hangup(cause)
	}
	c.stopRecording()
	c.record.Ended = time.Now().UTC()
	c.record.EndedBy = string(cause.By)
	c.record.Cause = string(cause.Reason)
	c.Note(ccs.CallEvent{Kind: ccs.EventEnded, Reason: string(cause.Reason)})
	c.changed()
}

// handle does what an event means whatever the call is doing.
func (c *Call) handle(e Event) {
	switch e := e.(type) {
	case Digit:
		if e.Leg == Leg(c.leg) && len(c.keys) < maxKeys {
			c.keys = append(c.keys, e.Digit)
			c.pressed = append(c.pressed[max(0, len(c.pressed)-maxKeys+1):], e.Digit)
			c.changed()
		}
	case Gone:
		if e.Leg == Leg(c.leg) {
			c.end(e.Cause)
		}
	case Held:
		if e.Leg == Leg(c.leg) && e.On != c.held {
			c.held = e.On
			c.changed()
		}
	case *opening:
		c.opened(e)
	case End:
		c.end(e.Cause)
	}
}

// Await handles the call's events until done returns true for one, or until
// timeout is over (negative: never); it tells which. It serves whoever runs a
// part of the call with events of its own, such as a queue.
func (c *Call) Await(timeout time.Duration, done func(Event) bool) (bool, error) {
	var expired <-chan time.Time
	if timeout >= 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		expired = timer.C
	}
	for {
		for {
			e, ok := c.inbox.Next()
			if !ok {
				break
			}
			c.handle(e)
			if c.over {
				return false, ErrOver
			}
			if done(e) {
				return true, nil
			}
		}
		if c.over {
			return false, ErrOver
		}
		select {
		case <-c.inbox.Wake():
		case <-expired:
			return false, nil
		}
	}
}

// Do runs work that may take long, such as rendering a prompt, outside the
// call's goroutine while the call goes on handling its events, and returns
// what the work reported. start must not block; it calls report once.
func (c *Call) Do(start func(report func(value any, err error))) (any, error) {
	if c.over {
		return nil, ErrOver
	}
	token := new(int)
	start(func(value any, err error) { c.Post(result{of: token, value: value, err: err}) })
	var got result
	_, err := c.Await(-1, func(e Event) bool {
		r, ok := e.(result)
		if ok && r.of == token {
			got = r
			return true
		}
		return false
	})
	if err != nil {
		return nil, err
	}
	return got.value, got.err
}
