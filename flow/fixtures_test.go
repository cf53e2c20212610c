package flow

import (
	"strings"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// The configuration that tests run plans against: sounds s1 (2 s) and s2, text
// t1 (1 s), queues q1 (with a member) and empty (none), and agent a1.
func snapshot(menus ...*ccs.Menu) *Snapshot {
	s := &Snapshot{
		Sounds: map[string]*ccs.Sound{
			"s1": {Meta: ccs.Meta{ID: "s1"}, Name: "s1", Duration: 2000},
			"s2": {Meta: ccs.Meta{ID: "s2"}, Name: "s2", Duration: 1000},
		},
		VoiceTexts: map[string]*ccs.VoiceText{
			"t1": {Meta: ccs.Meta{ID: "t1"}, Name: "t1", Text: "123456789012345", Voice: "espeak-ng:en"},
		},
		Queues: map[string]*ccs.Queue{
			"q1":    {Meta: ccs.Meta{ID: "q1"}, Name: "q1", Strategy: ccs.RingAll, Members: []ccs.QueueMember{{Agent: "a1"}}},
			"q2":    {Meta: ccs.Meta{ID: "q2"}, Name: "q2", Strategy: ccs.RingAll, Members: []ccs.QueueMember{{Agent: "a1"}}, Record: true},
			"empty": {Meta: ccs.Meta{ID: "empty"}, Name: "empty", Strategy: ccs.Sequential},
		},
		Agents: map[string]*ccs.Agent{"a1": {Meta: ccs.Meta{ID: "a1"}}},
		Menus:  make(map[string]*ccs.Menu),
	}
	for _, m := range menus {
		s.Menus[m.ID] = m
	}
	return s
}

func play(sound string) ccs.Action { return ccs.Action{Playback: &ccs.Playback{Sound: sound}} }
func speak(text string) ccs.Action { return ccs.Action{TTS: &ccs.TTS{VoiceText: text}} }
func sleep(d time.Duration) ccs.Action {
	return ccs.Action{Sleep: &ccs.Sleep{Time: ccs.MillisOf(d)}}
}
func runMenu(id string) ccs.Action { return ccs.Action{Menu: &ccs.RunMenu{Menu: id}} }
func enter(id string) ccs.Action   { return ccs.Action{Queue: &ccs.EnterQueue{Queue: id}} }
func enterReplay(id string) ccs.Action {
	return ccs.Action{Queue: &ccs.EnterQueue{Queue: id, Replay: true}}
}

func named(name string) ccs.Action {
	return ccs.Action{SetCallerName: &ccs.SetCallerName{Name: name}}
}

var (
	hangup   = ccs.Action{Hangup: &ccs.Hangup{}}
	menuBack = ccs.Action{MenuBack: &ccs.MenuBack{}}
	menuTop  = ccs.Action{MenuTop: &ccs.MenuTop{}}
	menuExit = ccs.Action{MenuExit: &ccs.MenuExit{}}
)

func menu(id string, keys ...ccs.MenuKey) *ccs.Menu {
	return &ccs.Menu{Meta: ccs.Meta{ID: id}, Name: id, Greeting: ccs.Prompt{Sound: "s1"}, Keys: keys}
}

func key(keys string, actions ...ccs.Action) ccs.MenuKey {
	return ccs.MenuKey{Keys: keys, Actions: actions}
}

func steps(list ...ccs.Step) *ccs.PlanVersion {
	return &ccs.PlanVersion{Flow: ccs.Flow{TimeZone: "Europe/Paris", Language: "en", Steps: list}}
}

func plan(actions ...ccs.Action) *ccs.PlanVersion { return steps(ccs.Step{Actions: actions}) }

func presses(keys string) []KeyPress { return []KeyPress{{Keys: keys}} }

// at is a moment on a Monday in Paris, 10:00 by the clock on the wall.
var at = time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC)

// path renders a trace in few words: what is done, in order, and the end.
func path(t Trace) string {
	var words []string
	for _, e := range t.Events {
		word := ""
		switch e.Kind {
		case ccs.EventArrived, ccs.EventEnded, ccs.EventQueued, ccs.EventCondition, ccs.EventConnected, ccs.EventPlanEnd:
			continue
		case ccs.EventAnswered:
			word = "answer"
		case ccs.EventStep:
			if e.Reason == "always" {
				continue
			}
			word = "step:" + e.Reason
		case ccs.EventAction:
			word = e.Reason
			if e.Object != "" {
				word += ":" + e.Object
			}
			if e.Reason == string(ccs.KindMenu) {
				continue // the menu's own event says more
			}
		case ccs.EventMenu:
			word = e.Object
			if e.Reason != "start" {
				word += "/" + e.Reason
			}
		case ccs.EventKeys:
			word = "[" + e.Digits + "]" + e.Reason
		case ccs.EventLeftQueue:
			word = "left:" + e.Reason
		case ccs.EventPrompt:
			word = e.Reason + ":" + e.Object
		default:
			word = string(e.Kind) + ":" + e.Reason
		}
		words = append(words, word)
	}
	return strings.Join(append(words, string(t.Cause.By)+"/"+string(t.Cause.Reason)), " ")
}
