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

// ringEvery is how often a caller who is not answered is told that the call goes
// on: otherwise a proxy on the way gives it up after three minutes (RFC 3261
// §13.3.1.1, timer C in §16.6).
const ringEvery = time.Minute

// maxStrays bounds the ends of legs that are remembered.
const maxStrays = 8

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
	To        string // the number that is called; "" for an agent
	ToName    string // of who is called, of a call that did not come in
	Trunk     string
	Line      string // id of the ccs.Line that calls; "" for others
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
	RingBack *media.Prompt // heard, over and over, while somebody is called; nil is silence
	Journal  Journal
	Recorder Recorders
	// Changed is told after every change of a call that somebody could see. It
	// runs in the call's goroutine and only posts.
	Changed func(View)
	// AgentLeft is told of an agent who is no longer in a call that goes on
	// without them. It runs in the call's goroutine and only posts; nil is nobody.
	AgentLeft   func(c *Call, agent string)
	MaxDuration time.Duration // of a call; 0 is 4 h
	Log         *slog.Logger
	Node        string // names this process in records
}

// Call is one call, from arrival or placing to end. All its methods but Post and
// ID are for the goroutine that runs it.
type Call struct {
	id      string
	info    Info
	options Options
	manager *Manager
	log     *slog.Logger
	caller  CallerLeg // of who called us; nil where an agent placed the call
	inbox   *Mailbox
	table   atomic.Pointer[table]

	record   ccs.CallRecord
	keys     []byte // typed and not yet read
	pressed  []byte // all that was typed, for those who take the call
	name     string // the caller's name as a plan set it
	answered bool   // who began the call can hear us
	over     bool
	cause    Cause

	parties  [slots]*party
	agents   [slots]string // ids of who last sat there
	partings [slots]Reason // why they have left a call that goes on
	phase    Phase
	early    bool   // the sound of who is called and has not answered is heard
	progress bool   // who began the call hears us, answered or not
	missed   Cause  // why who was called last was not reached
	referral *Refer // asked for by a party's telephone, not yet done
	parked   *party // who asked, while somebody else is called for the other
	watch    *watch // of the talk that is under way
	strays   []Gone // ends of legs that have no seat, the last few
	recorder *media.Recorder
	opening  *opening // of a recording, until its file is there
	players  uint64
}

// ID names the call; it is a ULID. Any goroutine may ask.
func (c *Call) ID() string { return c.id }

// Info is what was known when the call arrived.
func (c *Call) Info() Info { return c.info }

// Codec is what who began the call is sent; for an agent's browser, which takes
// them all, A-law.
func (c *Call) Codec() media.Codec { return c.codecOf(callerSlot) }

// codecOf is the encoding that the party on the other side of a seat should send.
func (c *Call) codecOf(slot int) media.Codec {
	p := c.parties[slot]
	if p == nil || p.Agent != "" && !p.Telephone || p.Leg.Codec() == media.NoCodec {
		return media.PCMA
	}
	return p.Leg.Codec()
}

// Pressed is what the caller has pressed so far, the last 64 keys.
func (c *Call) Pressed() string { return string(c.pressed) }

// Started is when the call arrived.
func (c *Call) Started() time.Time { return c.record.Started }

// Post tells the call something. It never blocks and may be called by any
// goroutine; a call that is over takes no notice.
func (c *Call) Post(e Event) { c.inbox.Post(e) }

// Answered tells whether the caller can hear us.
func (c *Call) Answered() bool { return c.answered }

// Connected tells whether two parties have talked. Once the call is over any
// goroutine may ask.
func (c *Call) Connected() bool { return !c.record.Connected.IsZero() }

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
	if err := c.caller.Answer(); err != nil {
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
	if p := c.parties[calledSlot]; p != nil {
		c.leave(p, cause)
	}
	if p := c.parties[callerSlot]; p != nil {
		if !c.answered && cause.By != ByCaller {
			p.Leg.Listen(Listener{})
			c.caller.Refuse(cause)
		}
		c.leave(p, cause)
	}
	if c.parked != nil {
		c.leave(c.parked, cause)
	}
	if c.referral != nil {
		c.refuseReferral(cause)
	}
	c.stopRecording()
	c.record.Ended = time.Now().UTC()
	c.record.EndedBy = string(cause.By)
	c.record.Cause = string(cause.Reason)
	c.record.Status, c.record.Q850 = cause.Status, cause.Q850
	c.Note(ccs.CallEvent{Kind: ccs.EventEnded, Reason: string(cause.Reason), Status: cause.Status, Q850: cause.Q850})
	c.changed()
	for _, e := range c.inbox.Close() {
		if j, ok := e.(joining); ok {
			j.from.Post(joined{})
		}
	}
}

// handle does what an event means whatever the call is doing.
func (c *Call) handle(e Event) {
	switch e := e.(type) {
	case Digit:
		if p := c.on(e.Leg); p != nil {
			c.digit(p, e.Digit)
		}
	case Gone:
		if p := c.parked; p != nil && p.Leg == e.Leg {
			c.unpark(e.Cause)
			c.changed()
		} else if p := c.on(e.Leg); p != nil {
			c.gone(p, e.Cause)
		} else {
			c.strays = append(c.strays[max(0, len(c.strays)-maxStrays+1):], e)
		}
	case Held:
		if p := c.parked; p != nil && p.Leg == e.Leg {
			p.holds, p.silent = e.On, e.Silent // for when they come back
		} else if p := c.on(e.Leg); p != nil && (e.On != p.holds || e.Silent != p.silent) {
			p.holds, p.silent = e.On, e.Silent
			c.seat()
			c.changed()
		}
	case Dialled:
		c.dialled(e)
	case Replaced:
		c.replace(e)
	case Refer:
		c.refer(e)
	case joining:
		c.join(e)
	case CodecChanged:
		// Who sends to the party reads the encoding off the view.
		if c.on(e.Leg) != nil {
			c.seat()
			c.changed()
		}
	case *opening:
		c.opened(e)
	case *watch:
		c.watched(e)
	case End:
		c.end(e.Cause)
	default:
		c.request(e)
	}
}

// digit takes a key. One of who began the call is kept for the plan; between two
// parties who talk it goes to the other one.
func (c *Call) digit(p *party, digit byte) {
	if other := c.other(p); other != nil && !other.early {
		c.press(other, digit)
	}
	if p.slot != callerSlot || len(c.keys) >= maxKeys {
		return
	}
	c.keys = append(c.keys, digit)
	c.pressed = append(c.pressed[max(0, len(c.pressed)-maxKeys+1):], digit)
	c.changed()
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
	var again <-chan time.Time
	if c.caller != nil && !c.answered {
		ticker := time.NewTicker(ringEvery)
		defer ticker.Stop()
		again = ticker.C
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
		case <-again:
			c.ringAgain()
		case <-expired:
			return false, nil
		}
	}
}

// ringAgain tells a caller who is not answered that the call goes on.
func (c *Call) ringAgain() {
	if c.progress {
		_ = c.caller.Progress() // who cannot be told has left
	} else {
		c.caller.Ring()
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
