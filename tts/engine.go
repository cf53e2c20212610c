// Package tts makes prompts: texts that voices speak, sounds that were
// uploaded, and those that are built in. Engines render, a cache keeps what was
// rendered in the store, and the Library gives calls what they play.
package tts

import "context"

// SampleRate is that of everything that an engine returns, in Hz.
const SampleRate = 8000

// Voice is a voice of an engine.
type Voice struct {
	ID       string `json:"id"`       // as in ccs.VoiceText.Voice: engine, ":", voice
	Name     string `json:"name"`     // as the engine calls it
	Language string `json:"language"` // BCP 47, such as "en-gb"
	Gender   string `json:"gender"`   // "female", "male" or ""
}

// Engine speaks. Its methods may be called from several goroutines at once;
// they may take seconds and end early when the context does.
type Engine interface {
	// Name is the part of a voice's id before the colon.
	Name() string
	// Voices lists the voices that are installed.
	Voices(ctx context.Context) ([]Voice, error)
	// Speak renders text, mono at SampleRate. voice is the part of a voice's id
	// after the colon.
	Speak(ctx context.Context, voice, text string) ([]int16, error)
}
