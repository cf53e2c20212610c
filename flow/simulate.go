package flow

import (
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
)

// Scenario is a pretended call: who calls when, and what caller and queues do.
type Scenario struct {
	From      string        `json:"from"`
	FromName  string        `json:"fromName,omitempty"`
	To        string        `json:"to"`
	Anonymous bool          `json:"anonymous,omitempty"`
	At        time.Time     `json:"at"`
	Keys      []KeyPress    `json:"keys,omitempty"`
	Queues    []QueueAnswer `json:"queues,omitempty"`
	// Bridges are the answers of who is rung, in order; without one they answer
	// after 10 s.
	Bridges []BridgeAnswer `json:"bridges,omitempty"`
	// HangupAfter is when the caller hangs up, after arrival; 0 is never.
	HangupAfter ccs.Millis `json:"hangupAfter,omitempty"`
}

// KeyPress is a key, or several in a row, of a pretended caller.
type KeyPress struct {
	Keys string `json:"keys"` // of 0-9 * #
	// After is when the keys are pressed, counted from arrival. At 0 they are
	// pressed when the plan waits for a key and none that is timed comes: by a
	// caller who listens to the end and then answers.
	After ccs.Millis `json:"after,omitempty"`
}

// QueueAnswer is what a queue does with the pretended caller. The first of
// Scenario.Queues that is for the queue, or for any, is used and gone. Without
// one a queue that has members connects the caller after 10 s, and one that has
// none is closed.
type QueueAnswer struct {
	Queue string `json:"queue,omitempty"` // id; "" is any
	// Exit is how the queue gives the caller back; "" is that an agent takes
	// the call.
	Exit QueueExit `json:"exit,omitempty"`
	// After is how long the caller waits; 0 is 10 s, or the queue's maximum
	// where Exit is maxWait.
	After ccs.Millis `json:"after,omitempty"`
}

// BridgeAnswer is what becomes of a bridge of a pretended call.
type BridgeAnswer struct {
	// Reason is why nobody is reached; "" is that the call is answered.
	Reason call.Reason `json:"reason,omitempty"`
	// After is how long it rings; 0 is 10 s, or the plan's transfer timeout where
	// Reason is noAnswer.
	After ccs.Millis `json:"after,omitempty"`
}

// Trace is how a pretended call went. Its events are those that the record of
// a real call would have, without offers to agents.
type Trace struct {
	Events   []ccs.CallEvent `json:"events"`
	Answered bool            `json:"answered"`
	Cause    call.Cause      `json:"cause"`
	Duration ccs.Millis      `json:"duration"`
}

// Simulate runs a plan over a pretended call and returns at once: the pretended
// call has a clock of its own.
func Simulate(s *Snapshot, v *ccs.PlanVersion, scenario Scenario, limits Limits) Trace {
	limits = limits.withDefaults()
	p := &pretend{snapshot: s, scenario: scenario, now: scenario.At, until: scenario.At.Add(limits.Duration)}
	p.last = call.Cause{By: call.BySystem, Reason: call.ReasonMaxDuration}
	if after := scenario.HangupAfter.Duration(); after > 0 && after < limits.Duration {
		p.until = scenario.At.Add(after)
		p.last = call.Cause{By: call.ByCaller, Reason: call.ReasonHangup}
	}
	for _, k := range scenario.Keys {
		for i := range len(k.Keys) {
			if k.After > 0 {
				p.timed = append(p.timed, timedKey{scenario.At.Add(k.After.Duration()), k.Keys[i]})
			} else {
				p.untimed = append(p.untimed, k.Keys[i])
			}
		}
	}
	slices.SortStableFunc(p.timed, func(a, b timedKey) int { return a.at.Compare(b.at) })
	p.answers, p.bridges = slices.Clone(scenario.Queues), scenario.Bridges

	p.Note(ccs.CallEvent{Kind: ccs.EventArrived})
	cause := Run(p, s, v, limits)
	if p.over {
		cause = p.last
		if cause.By == call.ByCaller && !p.answered {
			cause.Reason = call.ReasonCancelled
		}
	}
	p.Note(ccs.CallEvent{Kind: ccs.EventEnded, Reason: string(cause.Reason)})
	return Trace{Events: p.events, Answered: p.answered, Cause: cause, Duration: ccs.MillisOf(p.now.Sub(scenario.At))}
}

// pretend is the Phone of a pretended call.
type pretend struct {
	snapshot *Snapshot
	scenario Scenario
	now      time.Time
	until    time.Time  // when the call ends by itself
	last     call.Cause // how it ends then, or how it has ended
	over     bool
	answered bool
	events   []ccs.CallEvent
	timed    []timedKey // in order
	untimed  []byte
	kept     []byte
	answers  []QueueAnswer
	bridges  []BridgeAnswer
}

type timedKey struct {
	at  time.Time
	key byte
}

func (p *pretend) Caller() Caller {
	return Caller{From: p.scenario.From, FromName: p.scenario.FromName, To: p.scenario.To, Anonymous: p.scenario.Anonymous}
}

func (p *pretend) Now() time.Time       { return p.now }
func (p *pretend) Answered() bool       { return p.answered }
func (p *pretend) SetCallerName(string) {}

func (p *pretend) Note(e ccs.CallEvent) {
	e.At = p.now
	p.events = append(p.events, e)
}

func (p *pretend) Answer() error {
	if p.over {
		return call.ErrOver
	}
	if !p.answered {
		p.answered = true
		p.Note(ccs.CallEvent{Kind: ccs.EventAnswered})
	}
	return nil
}

func (p *pretend) Play(prompt ccs.Prompt, untilKey bool) error {
	if err := p.Answer(); err != nil {
		return err
	}
	if untilKey && len(p.kept) > 0 {
		return nil
	}
	return p.pass(p.length(prompt), untilKey)
}

func (p *pretend) Key(timeout time.Duration) (byte, bool, error) {
	if p.over {
		return 0, false, call.ErrOver
	}
	if len(p.kept) == 0 && len(p.untimed) > 0 &&
		(len(p.timed) == 0 || p.timed[0].at.Sub(p.now) > timeout) {
		p.kept, p.untimed = append(p.kept, p.untimed[0]), p.untimed[1:]
	}
	if len(p.kept) == 0 {
		if err := p.pass(timeout, true); err != nil {
			return 0, false, err
		}
	}
	if len(p.kept) == 0 {
		return 0, false, nil
	}
	key := p.kept[0]
	p.kept = p.kept[1:]
	return key, true, nil
}

func (p *pretend) Sleep(d time.Duration) error {
	if p.over {
		return call.ErrOver
	}
	return p.pass(d, false)
}

func (p *pretend) Queue(q *ccs.Queue) (QueueExit, error) {
	if p.over {
		return "", call.ErrOver
	}
	answer := p.answer(q, true)
	wait := answer.After.Or(10 * time.Second)
	if answer.Exit == QueueMaxWait && answer.After == 0 && q.MaxWait > 0 {
		wait = q.MaxWait.Duration()
	}
	if answer.Exit == QueueFull || answer.Exit == QueueClosed {
		wait = answer.After.Duration()
	}
	err := p.pass(wait, false)
	p.kept = nil
	if err != nil {
		return "", err
	}
	if answer.Exit == "" {
		p.Note(ccs.CallEvent{Kind: ccs.EventLeftQueue, Object: q.ID, Name: q.Name, Reason: "connected"})
		p.Note(ccs.CallEvent{Kind: ccs.EventConnected})
		p.over, p.last = true, call.Cause{By: call.ByAgent, Reason: call.ReasonHangup}
		return "", call.ErrOver
	}
	return answer.Exit, nil
}

func (p *pretend) Admits(q *ccs.Queue) QueueExit {
	if a := p.answer(q, false); a.After == 0 && (a.Exit == QueueFull || a.Exit == QueueClosed) {
		p.answer(q, true)
		return a.Exit
	}
	return ""
}

func (p *pretend) Bridge(b Bridge) (call.Reason, error) {
	if p.over {
		return "", call.ErrOver
	}
	var answer BridgeAnswer
	if len(p.bridges) > 0 {
		answer, p.bridges = p.bridges[0], p.bridges[1:]
	}
	name, object := p.snapshot.BridgeName(b.Bridge), b.Agent+b.Line
	p.Note(ccs.CallEvent{Kind: ccs.EventRinging, Name: name, Object: object})
	wait := answer.After.Or(10 * time.Second)
	if answer.Reason == call.ReasonNoAnswer && answer.After == 0 {
		wait = b.Timeout
	}
	err := p.pass(min(wait, b.Timeout), false)
	p.kept = nil
	switch {
	case err != nil:
		return "", err
	case answer.Reason == "" && wait > b.Timeout:
		answer.Reason = call.ReasonNoAnswer
	case answer.Reason == "":
		if err := p.Answer(); err != nil {
			return "", err
		}
		p.Note(ccs.CallEvent{Kind: ccs.EventConnected, Agent: b.Agent, Name: name})
		p.over, p.last = true, call.Cause{By: call.ByCalled, Reason: call.ReasonHangup}
		if b.Agent != "" {
			p.last.By = call.ByAgent
		}
		return "", call.ErrOver
	}
	p.Note(ccs.CallEvent{Kind: ccs.EventNotReached, Name: name, Object: object, Reason: string(answer.Reason)})
	return answer.Reason, nil
}

// answer is what q does; use takes it from the list.
func (p *pretend) answer(q *ccs.Queue, use bool) QueueAnswer {
	for i, a := range p.answers {
		if a.Queue == "" || a.Queue == q.ID {
			if use {
				p.answers = slices.Delete(p.answers, i, i+1)
			}
			return a
		}
	}
	if len(q.Members) == 0 {
		return QueueAnswer{Exit: QueueClosed}
	}
	return QueueAnswer{}
}

// pass lets d pass, with the keys that are pressed meanwhile; untilKey has the
// first one end it.
func (p *pretend) pass(d time.Duration, untilKey bool) error {
	end := p.now.Add(max(d, 0))
	for len(p.timed) > 0 && !p.timed[0].at.After(end) && p.timed[0].at.Before(p.until) {
		k := p.timed[0]
		p.timed = p.timed[1:]
		p.kept = append(p.kept, k.key)
		if k.at.After(p.now) {
			p.now = k.at
		}
		if untilKey {
			return nil
		}
	}
	if !end.Before(p.until) {
		p.now, p.over = p.until, true
		return fmt.Errorf("the pretended call: %w", call.ErrOver)
	}
	p.now = end
	return nil
}

// length is how long a prompt sounds, for texts by estimate: a voice speaks
// some 15 characters a second.
func (p *pretend) length(prompt ccs.Prompt) time.Duration {
	if s := p.snapshot.Sounds[prompt.Sound]; s != nil {
		return s.Duration.Duration()
	}
	if t := p.snapshot.VoiceTexts[prompt.VoiceText]; t != nil {
		return time.Duration(utf8.RuneCountInString(t.Text)) * time.Second / 15
	}
	return 3 * time.Second
}
