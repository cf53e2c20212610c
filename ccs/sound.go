package ccs

// Sound is an uploaded recording, converted to telephone formats.
type Sound struct {
	Meta
	Name     string `json:"name"`
	Blob     string `json:"blob"` // id of the audio: WAV, A-law, 8 kHz, mono
	Duration Millis `json:"duration"`
}

// VoiceText is a text that a voice speaks. Its audio is a cached blob that the
// text and the voice determine.
type VoiceText struct {
	Meta
	Name  string `json:"name"`
	Text  string `json:"text"`  // up to 2,000 characters
	Voice string `json:"voice"` // engine and voice, such as "espeak-ng:en-gb"
}
