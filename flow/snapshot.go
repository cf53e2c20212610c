// Package flow runs plans. It holds the interpreter, which real calls and the
// simulator share, and the validator, which says what is wrong with a plan
// before calls meet it. It knows calls only by the interface Phone.
package flow

import "github.com/carillon-cc/carillon/ccs"

// Snapshot is the configuration that a call runs with. It is never changed once
// it is in use: a call keeps the one with which it arrived, and an edit makes
// another. Maps may be nil.
type Snapshot struct {
	Numbers    map[string]*ccs.Number      // by the number that is dialled
	Versions   map[string]*ccs.PlanVersion // published versions, by the plan's id
	Menus      map[string]*ccs.Menu        // by id, as are all below
	Queues     map[string]*ccs.Queue
	Sounds     map[string]*ccs.Sound
	VoiceTexts map[string]*ccs.VoiceText
	Agents     map[string]*ccs.Agent
	Users      map[string]*ccs.User
	Lines      map[string]*ccs.Line
	Trunks     map[string]*ccs.Trunk
}

// LineOf returns the line of a number, nil where there is none.
func (s *Snapshot) LineOf(number string) *ccs.Line {
	for _, l := range s.Lines {
		if l.Number == number {
			return l
		}
	}
	return nil
}

// Plan returns the published version of the plan of a dialled number. It is nil
// where the number has none, and known tells whether there is such a number.
func (s *Snapshot) Plan(number string) (version *ccs.PlanVersion, known bool) {
	n, known := s.Numbers[number]
	if !known {
		return nil, false
	}
	return s.Versions[n.PlanID], true
}

// Sound returns a sound by id, nil where there is none.
func (s *Snapshot) Sound(id string) *ccs.Sound { return s.Sounds[id] }

// VoiceText returns a voice text by id, nil where there is none.
func (s *Snapshot) VoiceText(id string) *ccs.VoiceText { return s.VoiceTexts[id] }

// hasPrompt tells whether what p names exists; silence does.
func (s *Snapshot) hasPrompt(p ccs.Prompt) bool {
	switch {
	case p.Sound != "":
		return s.Sounds[p.Sound] != nil
	case p.VoiceText != "":
		return s.VoiceTexts[p.VoiceText] != nil
	case p.Builtin != "":
		for _, name := range ccs.Builtins() {
			if name == p.Builtin {
				return true
			}
		}
		return false
	}
	return true
}

// objectName is the name that a prompt's sound or text has, for the timeline.
func (s *Snapshot) objectName(p ccs.Prompt) (id, name string) {
	switch {
	case p.Sound != "":
		if v := s.Sounds[p.Sound]; v != nil {
			name = v.Name
		}
		return p.Sound, name
	case p.VoiceText != "":
		if v := s.VoiceTexts[p.VoiceText]; v != nil {
			name = v.Name
		}
		return p.VoiceText, name
	}
	return p.Builtin, ""
}

// Prompts lists all sounds that calls with s may hear, each once, so that they
// can be made ready before the first call needs them.
func (s *Snapshot) Prompts() []ccs.Prompt {
	seen := make(map[ccs.Prompt]bool)
	var list []ccs.Prompt
	add := func(prompts ...ccs.Prompt) {
		for _, p := range prompts {
			if !p.IsZero() && !seen[p] {
				seen[p] = true
				list = append(list, p)
			}
		}
	}
	actions := func(list []ccs.Action) {
		for i := range list {
			switch a := &list[i]; a.Kind() {
			case ccs.KindPlayback:
				add(ccs.Prompt{Sound: a.Playback.Sound})
			case ccs.KindTTS:
				add(ccs.Prompt{VoiceText: a.TTS.VoiceText})
			}
		}
	}
	for _, name := range ccs.Builtins() {
		add(ccs.Prompt{Builtin: name})
	}
	for _, v := range s.Versions {
		add(v.Flow.Farewell, v.Flow.AnonymousMessage)
		for i := range v.Flow.Steps {
			actions(v.Flow.Steps[i].Actions)
			actions(v.Flow.Steps[i].Otherwise)
		}
	}
	for _, m := range s.Menus {
		add(m.Greeting, m.Invalid)
		for i := range m.Keys {
			actions(m.Keys[i].Actions)
		}
	}
	for _, q := range s.Queues {
		add(q.Music, q.Notice, q.Overflow.Prompt, q.Closure.Prompt)
	}
	return list
}
