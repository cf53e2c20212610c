package ccs

// Action is one thing done to a call: exactly one field besides ID is set, and
// its JSON name is the action's name. Kind tells which.
type Action struct {
	ID            string         `json:"id"`
	SetCallerName *SetCallerName `json:"setCallerName,omitempty"`
	Playback      *Playback      `json:"playback,omitempty"`
	TTS           *TTS           `json:"tts,omitempty"`
	Sleep         *Sleep         `json:"sleep,omitempty"`
	Menu          *RunMenu       `json:"menu,omitempty"`
	Queue         *EnterQueue    `json:"queue,omitempty"`
	Bridge        *Bridge        `json:"bridge,omitempty"`
	Hangup        *Hangup        `json:"hangup,omitempty"`
	MenuBack      *MenuBack      `json:"menuBack,omitempty"`
	MenuTop       *MenuTop       `json:"menuTop,omitempty"`
	MenuExit      *MenuExit      `json:"menuExit,omitempty"`
}

// SetCallerName sets the name that ringing devices show for the caller.
type SetCallerName struct {
	Name string `json:"name"`
}

// Playback plays an uploaded sound once. A key pressed meanwhile is kept.
type Playback struct {
	Sound string `json:"sound"` // id of a Sound
}

// TTS speaks a voice text once. A key pressed meanwhile is kept.
type TTS struct {
	VoiceText string `json:"voiceText"` // id of a VoiceText
}

// Sleep waits.
type Sleep struct {
	Time Millis `json:"time"` // 1 s – 24 h
}

// RunMenu runs a menu; in a menu's key it is a submenu.
type RunMenu struct {
	Menu string `json:"menu"` // id of a Menu
}

// EnterQueue puts the caller into a queue until an agent answers or the queue
// gives the caller back.
type EnterQueue struct {
	Queue string `json:"queue"` // id of a Queue
	// Replay has a menu start again after a queue on one of its keys that
	// nobody answered; otherwise the plan goes on after the menu.
	Replay bool `json:"replay,omitempty"`
}

// Bridge rings an agent, a line or a number for the plan's transfer timeout:
// exactly one field is set. Answered, the call ends with it; otherwise the plan
// goes on.
type Bridge struct {
	Agent  string `json:"agent,omitempty"` // id of an Agent
	Line   string `json:"line,omitempty"`  // id of a Line
	Number string `json:"number,omitempty"`
	// NoEarly keeps from the caller what the network sends before the answer,
	// such as its own ring-back; ours is heard instead.
	NoEarly bool `json:"noEarly,omitempty"`
}

// Hangup ends the call.
type Hangup struct{}

// MenuBack leaves a submenu for the menu above, which starts again.
type MenuBack struct{}

// MenuTop leaves all submenus for the first menu, which starts again.
type MenuTop struct{}

// MenuExit leaves all menus; the plan goes on with the action after the first.
type MenuExit struct{}

// Menu is a prompt and keys.
type Menu struct {
	Meta
	Name              string    `json:"name"`
	Greeting          Prompt    `json:"greeting"`
	Invalid           Prompt    `json:"invalid,omitzero"`
	FirstKeyTimeout   Millis    `json:"firstKeyTimeout,omitempty"`   // 0 is 10 s
	InterDigitTimeout Millis    `json:"interDigitTimeout,omitempty"` // 0 is 3 s
	Tries             int       `json:"tries,omitempty"`             // 0 is 3
	Keys              []MenuKey `json:"keys"`
}

// MenuKey is the actions of one key, or of up to ten keys in a row.
type MenuKey struct {
	Keys    string   `json:"keys"` // of 0-9 * #
	Actions []Action `json:"actions"`
}
