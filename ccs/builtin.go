package ccs

import "slices"

// The sounds that are built in: values of Prompt.Builtin. The spoken ones exist
// in every language of the UI.
const (
	BuiltinMusic     = "music"            // hold music
	BuiltinRingback  = "ringback"         // what a ringing telephone sounds like to its caller
	BuiltinBeep      = "beep"             // short tone
	BuiltinNotice    = "recordingNotice"  // the call may be recorded
	BuiltinInvalid   = "invalidKey"       // this choice does not exist
	BuiltinFarewell  = "farewell"         // thank you, good bye
	BuiltinBusy      = "allBusy"          // all agents are busy
	BuiltinClosed    = "closed"           // nobody is here at present
	BuiltinAnonymous = "anonymousRefused" // hidden numbers are not taken
)

var builtins = []string{
	BuiltinMusic, BuiltinRingback, BuiltinBeep, BuiltinNotice, BuiltinInvalid,
	BuiltinFarewell, BuiltinBusy, BuiltinClosed, BuiltinAnonymous,
}

// Builtins returns the names of all sounds that are built in.
func Builtins() []string { return slices.Clone(builtins) }
