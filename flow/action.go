package flow

import (
	"errors"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
)

// outcome says where a call goes on after an action.
type outcome uint8

const (
	next      outcome = iota // with the next action of the list
	unserved                 // as next; it was a queue, and nobody answered
	unreached                // as next; it was a bridge, and nobody answered
	replay                   // as unserved, and the menu starts again after the list
	back                     // with the menu above
	top                      // with the first menu
	exit                     // with what follows the first menu in the plan
)

// action executes a; in is the menu on one of whose keys it is, nil in a
// plan's list. In a plan's list the outcome is always next, unserved or
// unreached. An
// error ends the call.
func (r *run) action(a *ccs.Action, in *openMenu) (outcome, error) {
	if err := r.execute(); err != nil {
		return next, err
	}
	kind := a.Kind()
	r.note(ccs.CallEvent{Kind: ccs.EventAction, Action: a.ID, Object: a.Object(), Name: r.nameOf(a), Reason: string(kind)})
	switch kind {
	case ccs.KindSetCallerName:
		r.phone.SetCallerName(a.SetCallerName.Name)
	case ccs.KindPlayback:
		return next, r.play(ccs.Prompt{Sound: a.Playback.Sound}, false)
	case ccs.KindTTS:
		return next, r.play(ccs.Prompt{VoiceText: a.TTS.VoiceText}, false)
	case ccs.KindSleep:
		return next, r.over(r.phone.Sleep(a.Sleep.Time.Duration()))
	case ccs.KindQueue:
		return r.queue(a)
	case ccs.KindMenu:
		return r.enterMenu(a, in)
	case ccs.KindBridge:
		return r.bridge(a)
	case ccs.KindHangup:
		return next, &ending{call.ReasonPlanHangup}
	case ccs.KindMenuBack, ccs.KindMenuTop, ccs.KindMenuExit:
		if in == nil {
			r.fail(a, "outsideMenu")
			return next, nil
		}
		return map[ccs.ActionKind]outcome{ccs.KindMenuBack: back, ccs.KindMenuTop: top, ccs.KindMenuExit: exit}[kind], nil
	default:
		r.fail(a, "unknownAction")
	}
	return next, nil
}

// fail notes an action that could not be executed. The plan goes on.
func (r *run) fail(a *ccs.Action, reason string) {
	r.note(ccs.CallEvent{Kind: ccs.EventActionFailed, Action: a.ID, Object: a.Object(), Reason: reason})
}

// nameOf is the name of what a refers to, as it is now, for the timeline.
func (r *run) nameOf(a *ccs.Action) string {
	switch a.Kind() {
	case ccs.KindSetCallerName:
		return a.SetCallerName.Name
	case ccs.KindPlayback:
		_, name := r.snapshot.objectName(ccs.Prompt{Sound: a.Playback.Sound})
		return name
	case ccs.KindTTS:
		_, name := r.snapshot.objectName(ccs.Prompt{VoiceText: a.TTS.VoiceText})
		return name
	case ccs.KindMenu:
		if m := r.snapshot.Menus[a.Menu.Menu]; m != nil {
			return m.Name
		}
	case ccs.KindQueue:
		if q := r.snapshot.Queues[a.Queue.Queue]; q != nil {
			return q.Name
		}
	case ccs.KindBridge:
		return r.snapshot.BridgeName(a.Bridge)
	}
	return ""
}

// queue has the caller wait. It plays what belongs to the queue around the
// waiting: the notice of recording before, the prompt of overflow or closure
// after.
func (r *run) queue(a *ccs.Action) (outcome, error) {
	q := r.snapshot.Queues[a.Queue.Queue]
	if q == nil {
		r.fail(a, "unknownObject")
		return unservedOr(a), nil
	}
	why := r.phone.Admits(q)
	if why == "" {
		told, err := r.notice(q)
		if err != nil {
			return next, err
		}
		if q.Record && !told {
			// Nobody is recorded who was not told (spec 8).
			unrecorded := *q
			unrecorded.Record = false
			q = &unrecorded
		}
		if err := r.over(r.phone.Answer()); err != nil {
			return next, err
		}
		r.note(ccs.CallEvent{Kind: ccs.EventQueued, Action: a.ID, Object: q.ID, Name: q.Name})
		if why, err = r.phone.Queue(q); err != nil {
			if errors.Is(err, call.ErrOver) {
				return next, err
			}
			r.fail(a, "failed")
		}
	}
	r.note(ccs.CallEvent{Kind: ccs.EventLeftQueue, Action: a.ID, Object: q.ID, Name: q.Name, Reason: string(why)})
	var after ccs.QueueExit
	switch why {
	case QueueFull:
		after = q.Overflow
	case QueueClosed:
		after = q.Closure
	}
	if !after.Prompt.IsZero() {
		if err := r.prompt(string(why), after.Prompt, false); err != nil {
			return next, err
		}
	}
	if after.Hangup {
		return next, &ending{call.ReasonQueueHangup}
	}
	return unservedOr(a), nil
}

func unservedOr(a *ccs.Action) outcome {
	if a.Queue.Replay {
		return replay
	}
	return unserved
}

// notice plays a recording queue's notice to the end, unless the caller has
// heard the same one before in this call. Where it cannot be heard the built-in
// one stands in; told is false when not even that could be.
func (r *run) notice(q *ccs.Queue) (told bool, err error) {
	if !q.Record {
		return false, nil
	}
	notice := q.Notice
	if notice.IsZero() || !r.snapshot.hasPrompt(notice) {
		// The notice can be replaced but never removed (spec 8), not even by
		// the deletion of what replaced it.
		notice = ccs.Prompt{Builtin: ccs.BuiltinNotice}
	}
	if r.heard[notice] {
		return true, nil
	}
	told, err = r.tryPrompt("recordingNotice", notice, false)
	if builtin := (ccs.Prompt{Builtin: ccs.BuiltinNotice}); err == nil && !told && notice != builtin {
		told, err = r.tryPrompt("recordingNotice", builtin, false)
	}
	r.heard[notice] = told
	return told, err
}
