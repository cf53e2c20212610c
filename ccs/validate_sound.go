package ccs

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxText is how many characters a voice text may have (spec 4).
const MaxText = 2000

// voiceForm is an engine and a voice of it. Voices become arguments of
// programs, so that the form is strict; in particular, neither part may begin
// with a dash.
var voiceForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}:[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}$`)

// Check returns FieldErrors where s has bad values.
func (s *Sound) Check() error {
	var c checker
	c.text("name", s.Name, true, maxName)
	c.id("blob", s.Blob)
	within(&c, "duration", s.Duration, 0, hour)
	return c.result()
}

// Check returns FieldErrors where v has bad values. Whether its voice is
// installed is package tts's to say.
func (v *VoiceText) Check() error {
	var c checker
	c.text("name", v.Name, true, maxName)
	switch {
	case strings.TrimSpace(v.Text) == "":
		c.add("text", CodeRequired)
	case !utf8.ValidString(v.Text) || strings.ContainsFunc(v.Text, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t'
	}):
		c.add("text", CodeFormat)
	case utf8.RuneCountInString(v.Text) > MaxText:
		c.add("text", CodeTooLong, "max", MaxText)
	}
	if v.Voice == "" {
		c.add("voice", CodeRequired)
	} else if !voiceForm.MatchString(v.Voice) {
		c.add("voice", CodeFormat)
	}
	return c.result()
}
