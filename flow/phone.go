package flow

import (
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
)

// Phone is what the interpreter does to a call. Its methods are called by one
// goroutine, one at a time. Those that return an error return one that wraps
// call.ErrOver when the call has ended, whoever ended it; the interpreter then
// returns at once and calls nothing but Note. Any other error is a failure of
// what was asked for: of a prompt, a queue or a bridge, which the plan survives.
type Phone interface {
	Caller() Caller
	// Now is the time by which conditions are evaluated.
	Now() time.Time
	// Answered tells whether the caller hears us.
	Answered() bool
	// Answer accepts the call; a second time it does nothing.
	Answer() error
	// Play answers if need be and plays p, in the plan's language if it is
	// built in, to its end. Keys pressed meanwhile are kept for Key. With
	// untilKey, the first key ends it, and nothing is played where a key
	// already waits.
	Play(p ccs.Prompt, untilKey bool) error
	// Key returns the next of 0-9 * #, kept ones first; false if none comes
	// before the timeout.
	Key(timeout time.Duration) (key byte, pressed bool, err error)
	// Sleep lets time pass; keys pressed meanwhile are kept.
	Sleep(d time.Duration) error
	// Queue has the caller wait, with music, until an agent has had the call
	// (call.ErrOver: the call is over then) or the queue gives the caller
	// back, and says why. Keys pressed meanwhile are dropped: they were meant
	// for nothing that the plan asks later. It does not play the recording
	// notice nor the prompts of overflow and closure; the interpreter does.
	Queue(q *ccs.Queue) (QueueExit, error)
	// Admits says what Queue would return at once, "" if q takes the caller.
	// It spares a caller whom a queue will not take the recording notice.
	Admits(q *ccs.Queue) QueueExit
	// Bridge rings whom b names until they answer and have had the call
	// (call.ErrOver: the call is over then), or says why they were not reached.
	// Keys pressed meanwhile are dropped.
	Bridge(b Bridge) (call.Reason, error)
	// SetCallerName sets the name that ringing devices show.
	SetCallerName(name string)
	// Note adds to the timeline; the phone sets the time.
	Note(e ccs.CallEvent)
}

// Bridge is whom a plan has ring.
type Bridge struct {
	*ccs.Bridge
	Timeout      time.Duration // how long they may ring
	Presentation ccs.Presentation
}

// Caller is who calls what.
type Caller struct {
	From      string // number as received; "" where it is hidden
	FromName  string
	To        string // the dialled number
	Anonymous bool   // the number is hidden
}

// QueueExit is why a queue gave a caller back.
type QueueExit string

// The exits of queues.
const (
	QueueMaxWait   QueueExit = "maxWait"   // waited as long as the queue allows
	QueueFull      QueueExit = "full"      // more callers than the queue takes: overflow
	QueueClosed    QueueExit = "closed"    // no member is logged in: closure
	QueueAgentLost QueueExit = "agentLost" // the agent who had the call went away for good
	QueueGone      QueueExit = "gone"      // the queue was deleted with the caller in it
)

// Limits guard against plans without end (spec 3.1.6). Zero fields take their
// default.
type Limits struct {
	Steps    int // steps of a plan that are reached; 200
	Actions  int // of a list that are run; 50
	Depth    int // menus within menus; 12
	Executed int // actions that a call executes, turns of menus among them; 500
	// Spent is how many the call executed already, in the plans that led to this
	// one, which go on after it; it counts on. nil is none.
	Spent *int
	// Duration is how long a call may last; 4 h. Real calls keep it by
	// themselves, the interpreter only passes it to the simulator.
	Duration time.Duration
}

// withDefaults fills in what is not set.
func (l Limits) withDefaults() Limits {
	for field, value := range map[*int]int{
		&l.Steps: ccs.MaxSteps, &l.Actions: ccs.MaxActions, &l.Depth: MaxDepth, &l.Executed: 500,
	} {
		if *field <= 0 {
			*field = value
		}
	}
	if l.Spent == nil {
		l.Spent = new(int)
	}
	if l.Duration <= 0 {
		l.Duration = 4 * time.Hour
	}
	return l
}

// MaxDepth is how many menus may stand in one another.
const MaxDepth = 12
