package flow

import (
	"errors"
	"strconv"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
)

// Run runs a published plan over a call from arrival to end, in the goroutine
// that calls it. The cause that it returns is how the call is to be ended now:
// refused if it was not answered, else hung up. The cause is zero where the
// call has ended already, by the caller, an agent or the phone's own guards.
func Run(p Phone, s *Snapshot, v *ccs.PlanVersion, limits Limits) call.Cause {
	r := &run{phone: p, snapshot: s, flow: &v.Flow, limits: limits.withDefaults(), heard: make(map[ccs.Prompt]bool)}
	zone, err := time.LoadLocation(v.Flow.TimeZone)
	if err != nil {
		// The validator refuses such a plan; a call that meets one all the
		// same has to be served.
		zone = time.UTC
	}
	r.zone = zone
	var end *ending
	if err := r.plan(); errors.As(err, &end) {
		return call.Cause{By: call.BySystem, Reason: end.reason}
	}
	return call.Cause{}
}

// ending is the error by which the interpreter ends a call itself.
type ending struct{ reason call.Reason }

func (e *ending) Error() string { return "the plan ends the call: " + string(e.reason) }

// run is the state of one call's way through its plan.
type run struct {
	phone    Phone
	snapshot *Snapshot
	flow     *ccs.Flow
	limits   Limits
	zone     *time.Location
	step     string              // id of the step that is being run
	heard    map[ccs.Prompt]bool // recording notices
}

// plan runs the steps. It never returns nil.
func (r *run) plan() error {
	if r.phone.Caller().Anonymous {
		if err := r.anonymous(); err != nil {
			return err
		}
	}
	for i := range r.flow.Steps {
		if i >= r.limits.Steps {
			return r.limit("steps", r.limits.Steps)
		}
		if err := r.runStep(&r.flow.Steps[i]); err != nil {
			return err
		}
	}
	r.step = ""
	r.note(ccs.CallEvent{Kind: ccs.EventPlanEnd})
	if r.phone.Answered() && !r.flow.Farewell.IsZero() {
		if err := r.prompt("farewell", r.flow.Farewell, false); err != nil {
			return err
		}
	}
	return &ending{call.ReasonPlanEnd}
}

// anonymous applies the plan's policy for hidden numbers (spec 3.1.2).
func (r *run) anonymous() error {
	switch r.flow.Anonymous {
	case ccs.AnonymousMessage:
		message := r.flow.AnonymousMessage
		if message.IsZero() {
			message.Builtin = ccs.BuiltinAnonymous
		}
		if err := r.prompt("anonymous", message, false); err != nil {
			return err
		}
	case ccs.AnonymousRefuse:
	default:
		return nil
	}
	return &ending{call.ReasonAnonymous}
}

func (r *run) runStep(s *ccs.Step) error {
	r.step = s.ID
	list, reason := s.Actions, "always"
	switch {
	case s.Disabled:
		r.note(ccs.CallEvent{Kind: ccs.EventStep, Name: s.Name, Reason: "disabled"})
		return nil
	case len(s.Conditions) > 0:
		// Evaluated now and not at arrival: a caller who has waited past
		// closing time is to be told so.
		reason = "holds"
		if !r.holds(s) {
			list, reason = s.Otherwise, "fails"
		}
	}
	r.note(ccs.CallEvent{Kind: ccs.EventStep, Name: s.Name, Reason: reason})
	for i := range list {
		if i >= r.limits.Actions {
			return r.limit("actions", r.limits.Actions)
		}
		if _, err := r.action(&list[i], nil); err != nil {
			return err
		}
	}
	return nil
}

// note adds to the timeline what is being run.
func (r *run) note(e ccs.CallEvent) {
	e.Step = r.step
	r.phone.Note(e)
}

// execute counts what guards against plans that never end.
func (r *run) execute() error {
	if *r.limits.Spent >= r.limits.Executed {
		return r.limit("executed", r.limits.Executed)
	}
	*r.limits.Spent++
	return nil
}

func (r *run) limit(guard string, value int) error {
	r.note(ccs.CallEvent{Kind: ccs.EventLimit, Reason: guard, Name: strconv.Itoa(value)})
	return &ending{call.ReasonLimit}
}

// prompt plays something that is no action of the plan; what is says what it
// is for the timeline.
func (r *run) prompt(what string, p ccs.Prompt, untilKey bool) error {
	_, err := r.tryPrompt(what, p, untilKey)
	return err
}

// tryPrompt is prompt that tells whether p was played.
func (r *run) tryPrompt(what string, p ccs.Prompt, untilKey bool) (played bool, err error) {
	id, name := r.snapshot.objectName(p)
	r.note(ccs.CallEvent{Kind: ccs.EventPrompt, Object: id, Name: name, Reason: what})
	return r.tryPlay(p, untilKey)
}

// play plays p, or nothing where that fails.
func (r *run) play(p ccs.Prompt, untilKey bool) error {
	_, err := r.tryPlay(p, untilKey)
	return err
}

// tryPlay plays p and tells whether it did. A prompt that does not exist or cannot
// be played is noted and does not stop the plan: the caller is better served by
// silence than by a lost call.
func (r *run) tryPlay(p ccs.Prompt, untilKey bool) (played bool, err error) {
	if p.IsZero() {
		return false, nil
	}
	id, name := r.snapshot.objectName(p)
	if !r.snapshot.hasPrompt(p) {
		r.note(ccs.CallEvent{Kind: ccs.EventPromptFailed, Object: id, Reason: "unknownObject"})
		// The call is answered all the same: what follows relies on it.
		return false, r.over(r.phone.Answer())
	}
	err = r.phone.Play(p, untilKey)
	if err != nil && !errors.Is(err, call.ErrOver) {
		r.note(ccs.CallEvent{Kind: ccs.EventPromptFailed, Object: id, Name: name, Reason: "failed"})
		return false, r.over(r.phone.Answer())
	}
	return err == nil, err
}

// over makes the failure of something without which a call cannot go on its
// end.
func (r *run) over(err error) error {
	if err == nil || errors.Is(err, call.ErrOver) {
		return err
	}
	return &ending{call.ReasonFailed}
}
