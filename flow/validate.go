package flow

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/carillon-cc/carillon/ccs"
)

// Severity says whether a plan with a problem can be published.
type Severity string

// The severities. An error refuses publishing; a warning is shown.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
)

// The codes of problems beside those of ccs.FieldError. The UI has a text for
// each in every language.
const (
	CodeMissing       ccs.Code = "missing"           // a reference is empty
	CodeUnknownObject ccs.Code = "unknownObject"     // kind, id: the reference leads nowhere
	CodeMenuLoop      ccs.Code = "menuLoop"          // menus: names along the loop, joined by " > "
	CodeMenuDepth     ccs.Code = "menuDepth"         // max: menus stand too deep in one another
	CodeOutsideMenu   ccs.Code = "outsideMenu"       // an action that only a menu's key can have
	CodeUnreachable   ccs.Code = "unreachable"       // after: index of the action that never goes on
	CodeUnreachedStep ccs.Code = "unreachableStep"   // after: index of the step that always ends the call
	CodeEmptyStep     ccs.Code = "emptyStep"         // a step that does nothing either way
	CodeEmptyKey      ccs.Code = "emptyKey"          // a menu's key that does nothing
	CodeNoKeys        ccs.Code = "noKeys"            // a menu that nobody can choose from
	CodeKeyWaits      ccs.Code = "keyWaits"          // longer: a key that begins with this one, which thus waits
	CodeNeverHolds    ccs.Code = "neverHolds"        // a condition without content
	CodeAlwaysHolds   ccs.Code = "alwaysHolds"       // a black list without content
	CodeUnansweredEnd ccs.Code = "endsUnanswered"    // a way through the plan on which the caller hears nothing
	CodeSilentEnd     ccs.Code = "endsInSilence"     // a way that runs out without a word of farewell
	CodeNoMembers     ccs.Code = "queueWithoutAgent" // nobody can take the queue's calls
)

// The kinds of objects in which problems are.
const (
	InPlan  = ""
	InMenu  = "menu"
	InQueue = "queue"
)

// Problem is something wrong with a plan, or with a menu or queue that it uses.
type Problem struct {
	In       string         `json:"in,omitempty"`   // kind of the object: InPlan, InMenu or InQueue
	ID       string         `json:"id,omitempty"`   // of the menu or queue
	Name     string         `json:"name,omitempty"` // of the menu or queue
	Path     string         `json:"path"`           // field within the object, such as "steps[0].actions[2]"
	Severity Severity       `json:"severity"`
	Code     ccs.Code       `json:"code"`
	Params   map[string]any `json:"params,omitempty"`
}

// HasErrors tells whether one of the problems refuses publishing.
func HasErrors(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return p.Severity == SeverityError })
}

// Validate finds what is wrong with f and with everything that it uses of s.
func Validate(s *Snapshot, f *ccs.Flow) []Problem {
	v := &validator{snapshot: s, seenMenus: make(map[string]bool), seenQueues: make(map[string]bool)}
	v.fieldErrors(f.Check())
	v.prompt("anonymousMessage", f.AnonymousMessage)
	v.prompt("farewell", f.Farewell)
	for i := range f.Steps {
		v.step(fmt.Sprintf("steps[%d]", i), &f.Steps[i])
	}
	v.ways(f)
	return v.problems
}

// ValidateMenu finds what is wrong with m, which may be new or be about to
// replace the one of its id in s; above all, loops that it would make. The
// menus below it are not looked at by themselves.
func ValidateMenu(s *Snapshot, m *ccs.Menu) []Problem {
	with := *s
	with.Menus = maps.Clone(s.Menus)
	if with.Menus == nil {
		with.Menus = make(map[string]*ccs.Menu)
	}
	with.Menus[m.ID] = m
	v := &validator{snapshot: &with, alone: true, seenMenus: make(map[string]bool), seenQueues: make(map[string]bool)}
	v.menu(m, nil)
	return v.problems
}

// ValidateQueue finds what is wrong with q.
func ValidateQueue(s *Snapshot, q *ccs.Queue) []Problem {
	v := &validator{snapshot: s, seenQueues: make(map[string]bool)}
	v.queue(q)
	return v.problems
}

type validator struct {
	snapshot   *Snapshot
	alone      bool // look only at one menu, at others only for loops
	problems   []Problem
	where      Problem // In, ID and Name of what is being looked at
	seenMenus  map[string]bool
	seenQueues map[string]bool
}

func (v *validator) add(path string, severity Severity, code ccs.Code, params ...any) {
	p := v.where
	p.Path, p.Severity, p.Code = path, severity, code
	for i := 0; i+1 < len(params); i += 2 {
		if p.Params == nil {
			p.Params = make(map[string]any)
		}
		p.Params[params[i].(string)] = params[i+1]
	}
	v.problems = append(v.problems, p)
}

func (v *validator) fieldErrors(err error) {
	var list ccs.FieldErrors
	errors.As(err, &list)
	for _, e := range list {
		p := v.where
		p.Path, p.Severity, p.Code, p.Params = e.Field, SeverityError, e.Code, e.Params
		v.problems = append(v.problems, p)
	}
}

// within looks at another object and comes back.
func (v *validator) within(kind, id, name string, look func()) {
	before := v.where
	v.where = Problem{In: kind, ID: id, Name: name}
	look()
	v.where = before
}

func (v *validator) step(path string, s *ccs.Step) {
	for i := range s.Conditions {
		c, at := &s.Conditions[i], fmt.Sprintf("%s.conditions[%d]", path, i)
		if c.WeeklyHours != nil && len(c.WeeklyHours.Rows) == 0 {
			v.add(at+".weeklyHours.rows", SeverityWarning, CodeNeverHolds)
		}
		if c.CallerFilter != nil && len(c.CallerFilter.Prefixes) == 0 {
			code := CodeNeverHolds
			if c.CallerFilter.BlackList {
				code = CodeAlwaysHolds
			}
			v.add(at+".callerFilter.prefixes", SeverityWarning, code)
		}
	}
	otherwise := s.Otherwise
	if len(s.Conditions) == 0 {
		otherwise = nil // never reached, whatever is in it
		if len(s.Otherwise) > 0 {
			v.add(path+".otherwise", SeverityWarning, CodeUnreachable)
		}
	}
	if len(s.Actions)+len(otherwise) == 0 && !s.Disabled {
		v.add(path, SeverityWarning, CodeEmptyStep)
	}
	v.list(path+".actions", s.Actions, nil)
	v.list(path+".otherwise", s.Otherwise, nil)
}

// list looks at a list of actions; in is the chain of menus that leads to it,
// the innermost last, nil in the plan.
func (v *validator) list(path string, list []ccs.Action, in []*ccs.Menu) {
	if len(list) > ccs.MaxActions {
		return // reported, and not worth a problem for each
	}
	last := -1
	for i := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		if last >= 0 {
			v.add(at, SeverityWarning, CodeUnreachable, "after", last)
		}
		v.action(at, &list[i], in)
		if last < 0 && leaves(&list[i], in != nil) {
			last = i
		}
	}
}

// leaves tells whether nothing behind a in its list is ever reached.
func leaves(a *ccs.Action, inMenu bool) bool {
	switch a.Kind() {
	case ccs.KindHangup:
		return true
	case ccs.KindMenu, ccs.KindMenuBack, ccs.KindMenuTop, ccs.KindMenuExit:
		// A submenu is left for its menu's beginning or for the plan.
		return inMenu
	}
	return false
}

func (v *validator) action(path string, a *ccs.Action, in []*ccs.Menu) {
	switch a.Kind() {
	case ccs.KindPlayback:
		if a.Playback.Sound == "" {
			v.add(path+".playback.sound", SeverityError, CodeMissing)
		} else {
			v.prompt(path+".playback", ccs.Prompt{Sound: a.Playback.Sound})
		}
	case ccs.KindTTS:
		if a.TTS.VoiceText == "" {
			v.add(path+".tts.voiceText", SeverityError, CodeMissing)
		} else {
			v.prompt(path+".tts", ccs.Prompt{VoiceText: a.TTS.VoiceText})
		}
	case ccs.KindQueue:
		v.enterQueue(path+".queue.queue", a.Queue.Queue)
	case ccs.KindMenu:
		v.enterMenu(path+".menu.menu", a.Menu.Menu, in)
	case ccs.KindBridge:
		v.bridge(path+".bridge", a.Bridge)
	case ccs.KindMenuBack, ccs.KindMenuTop, ccs.KindMenuExit:
		if in == nil {
			v.add(path, SeverityError, CodeOutsideMenu)
		}
	}
}

func (v *validator) bridge(path string, b *ccs.Bridge) {
	switch {
	case b.Agent != "" && v.snapshot.Agents[b.Agent] == nil:
		v.unknown(path+".agent", "agent", b.Agent)
	case b.Line != "" && v.snapshot.Lines[b.Line] == nil:
		v.unknown(path+".line", "line", b.Line)
	case b.Agent+b.Line+b.Number == "":
		v.add(path, SeverityError, CodeMissing)
	}
}

func (v *validator) enterQueue(path, id string) {
	q := v.snapshot.Queues[id]
	switch {
	case id == "":
		v.add(path, SeverityError, CodeMissing)
	case q == nil:
		v.unknown(path, "queue", id)
	case !v.alone && !v.seenQueues[id]:
		v.seenQueues[id] = true
		v.queue(q)
	}
}

func (v *validator) queue(q *ccs.Queue) {
	v.within(InQueue, q.ID, q.Name, func() {
		v.fieldErrors(q.Check())
		v.prompt("music", q.Music)
		v.prompt("notice", q.Notice)
		v.prompt("overflow.prompt", q.Overflow.Prompt)
		v.prompt("closure.prompt", q.Closure.Prompt)
		known := 0
		for i, m := range q.Members {
			if m.Agent == "" {
				continue
			}
			if v.snapshot.Agents[m.Agent] == nil {
				v.unknown(fmt.Sprintf("members[%d].agent", i), "agent", m.Agent)
				continue
			}
			known++
		}
		if known == 0 {
			v.add("members", SeverityWarning, CodeNoMembers)
		}
	})
}

// enterMenu follows a reference to a menu; in is the chain that leads to it.
func (v *validator) enterMenu(path, id string, in []*ccs.Menu) {
	m := v.snapshot.Menus[id]
	switch {
	case id == "":
		v.add(path, SeverityError, CodeMissing)
	case m == nil:
		v.unknown(path, "menu", id)
	case slices.Contains(in, m):
		names := make([]string, 0, len(in)+1)
		for _, above := range in[slices.Index(in, m):] {
			names = append(names, above.Name)
		}
		v.add(path, SeverityError, CodeMenuLoop, "menus", strings.Join(append(names, m.Name), " > "))
	case len(in) >= MaxDepth:
		v.add(path, SeverityError, CodeMenuDepth, "max", MaxDepth)
	default:
		v.menu(m, in)
	}
}

// menu looks at a menu once, but follows its submenus on each way that leads to
// it as long as they may be too deep. Without a loop that is no more work than
// the ways there are; a bound keeps it small where they are very many.
func (v *validator) menu(m *ccs.Menu, in []*ccs.Menu) {
	chain := append(slices.Clone(in), m)
	key := fmt.Sprintf("%s %d", m.ID, len(chain))
	if v.seenMenus[key] {
		return // from the same depth, and without a loop, nothing new is below
	}
	v.seenMenus[key] = true
	v.within(InMenu, m.ID, m.Name, func() {
		if v.seenMenus[m.ID] || v.alone && len(in) > 0 {
			v.submenus(m, chain)
			return
		}
		v.seenMenus[m.ID] = true
		v.fieldErrors(m.Check())
		v.prompt("greeting", m.Greeting)
		v.prompt("invalid", m.Invalid)
		if len(m.Keys) == 0 {
			v.add("keys", SeverityWarning, CodeNoKeys)
		}
		if len(m.Keys) > ccs.MaxKeys {
			return
		}
		for i := range m.Keys {
			k, path := &m.Keys[i], fmt.Sprintf("keys[%d]", i)
			if len(k.Actions) == 0 {
				v.add(path+".actions", SeverityWarning, CodeEmptyKey)
			}
			for j := range m.Keys {
				if longer := m.Keys[j].Keys; k.Keys != "" && len(longer) > len(k.Keys) && strings.HasPrefix(longer, k.Keys) {
					v.add(path+".keys", SeverityWarning, CodeKeyWaits, "longer", longer)
					break
				}
			}
			v.list(path+".actions", k.Actions, chain)
		}
	})
}

// submenus looks only for loops and depth.
func (v *validator) submenus(m *ccs.Menu, chain []*ccs.Menu) {
	if len(m.Keys) > ccs.MaxKeys {
		return
	}
	for i := range m.Keys {
		for j := range m.Keys[i].Actions {
			a := &m.Keys[i].Actions[j]
			if a.Kind() == ccs.KindMenu && v.snapshot.Menus[a.Menu.Menu] != nil {
				v.enterMenu(fmt.Sprintf("keys[%d].actions[%d].menu.menu", i, j), a.Menu.Menu, chain)
			}
		}
	}
}

// prompt looks for what p names. Several things in one are ccs's to report.
func (v *validator) prompt(path string, p ccs.Prompt) {
	if p.Sound != "" && v.snapshot.Sounds[p.Sound] == nil {
		v.unknown(path+".sound", "sound", p.Sound)
	}
	if p.VoiceText != "" && v.snapshot.VoiceTexts[p.VoiceText] == nil {
		v.unknown(path+".voiceText", "voiceText", p.VoiceText)
	}
}

func (v *validator) unknown(path, kind, id string) {
	v.add(path, SeverityError, CodeUnknownObject, "kind", kind, "id", id)
}

// ways looks at the ways through the steps as a whole: at those that nobody
// ever goes, and at those on which the caller hears nothing.
func (v *validator) ways(f *ccs.Flow) {
	if len(f.Steps) > ccs.MaxSteps {
		return
	}
	// Whether, before the step, there is a way on which the caller has heard
	// nothing, and one on which the call has been answered.
	silent, answered := true, false
	for i := range f.Steps {
		s := &f.Steps[i]
		if s.Disabled {
			continue
		}
		branches := [][]ccs.Action{s.Actions}
		if len(s.Conditions) > 0 {
			branches = append(branches, s.Otherwise)
		}
		nextOpen, nextSilent, nextAnswered := false, false, false
		for _, list := range branches {
			e := effectOf(list)
			if e.ends {
				continue
			}
			nextOpen = true
			nextSilent = nextSilent || silent && !e.speaks && !e.rings
			nextAnswered = nextAnswered || answered || e.speaks
		}
		silent, answered = nextSilent, nextAnswered
		if !nextOpen { // every way ends here
			for j := i + 1; j < len(f.Steps); j++ {
				if !f.Steps[j].Disabled {
					v.add(fmt.Sprintf("steps[%d]", j), SeverityWarning, CodeUnreachedStep, "after", i)
				}
			}
			return
		}
	}
	if silent {
		v.add("steps", SeverityWarning, CodeUnansweredEnd)
	}
	if answered && f.Farewell.IsZero() {
		v.add("farewell", SeverityWarning, CodeSilentEnd)
	}
}

// effect is what a list does to a call: it answers, it has the caller hear a
// telephone ring, it always ends the call.
type effect struct{ speaks, rings, ends bool }

func effectOf(list []ccs.Action) effect {
	var e effect
	for i := range list {
		switch list[i].Kind() {
		case ccs.KindPlayback, ccs.KindTTS, ccs.KindMenu, ccs.KindQueue:
			e.speaks = true
		case ccs.KindBridge:
			e.rings = true
		case ccs.KindHangup:
			e.ends = true
			return e
		}
	}
	return e
}
