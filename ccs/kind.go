package ccs

// ActionKind names an action, as its JSON field does.
type ActionKind string

// The kinds of actions; "" is an Action in which nothing, or more than one
// thing, is set.
const (
	KindSetCallerName ActionKind = "setCallerName"
	KindPlayback      ActionKind = "playback"
	KindTTS           ActionKind = "tts"
	KindSleep         ActionKind = "sleep"
	KindMenu          ActionKind = "menu"
	KindQueue         ActionKind = "queue"
	KindBridge        ActionKind = "bridge"
	KindHangup        ActionKind = "hangup"
	KindMenuBack      ActionKind = "menuBack"
	KindMenuTop       ActionKind = "menuTop"
	KindMenuExit      ActionKind = "menuExit"
)

// Kind tells which action a is, "" where that is not clear.
func (a *Action) Kind() ActionKind {
	kind, set := ActionKind(""), 0
	for _, k := range [...]struct {
		kind ActionKind
		set  bool
	}{
		{KindSetCallerName, a.SetCallerName != nil},
		{KindPlayback, a.Playback != nil},
		{KindTTS, a.TTS != nil},
		{KindSleep, a.Sleep != nil},
		{KindMenu, a.Menu != nil},
		{KindQueue, a.Queue != nil},
		{KindBridge, a.Bridge != nil},
		{KindHangup, a.Hangup != nil},
		{KindMenuBack, a.MenuBack != nil},
		{KindMenuTop, a.MenuTop != nil},
		{KindMenuExit, a.MenuExit != nil},
	} {
		if k.set {
			kind, set = k.kind, set+1
		}
	}
	if set != 1 {
		return ""
	}
	return kind
}

// Object is the id of what a refers to: a sound, text, menu, queue, agent or line; "" where
// the action refers to nothing.
func (a *Action) Object() string {
	switch a.Kind() {
	case KindPlayback:
		return a.Playback.Sound
	case KindTTS:
		return a.TTS.VoiceText
	case KindMenu:
		return a.Menu.Menu
	case KindQueue:
		return a.Queue.Queue
	case KindBridge:
		return a.Bridge.Agent + a.Bridge.Line // one of them, or none
	}
	return ""
}
