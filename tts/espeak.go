package tts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/carillon-cc/carillon/media"
)

// The bounds of one rendering. A text of the greatest length, in words, takes a
// second or so and gives about 10 MB.
const (
	espeakTime  = 30 * time.Second
	espeakBytes = 64 << 20
)

// espeakVoice is what is passed on as a voice's name: no path, no option.
var espeakVoice = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_+-]{0,63}$`)

// Espeak is the engine that runs the espeak-ng program.
type Espeak struct {
	// Program is the program's name or path; "" is "espeak-ng".
	Program string
}

// Name is "espeak-ng".
func (e Espeak) Name() string { return "espeak-ng" }

// Voices lists the languages that espeak-ng speaks, each also with a female
// variant.
func (e Espeak) Voices(ctx context.Context) ([]Voice, error) {
	out, err := e.run(ctx, "", "--voices")
	if err != nil {
		return nil, fmt.Errorf("list the voices of espeak-ng: %w", err)
	}
	return parseEspeakVoices(string(out)), nil
}

// parseEspeakVoices reads the table that espeak-ng prints: priority, language,
// age/gender, name, file and other languages.
func parseEspeakVoices(table string) []Voice {
	var voices []Voice
	seen := make(map[string]bool)
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		// Voices under mb/ need the separate program mbrola and its data.
		if len(f) < 5 || f[0] == "Pty" || strings.HasPrefix(f[4], "mb/") || seen[f[1]] || !espeakVoice.MatchString(f[1]) {
			continue
		}
		seen[f[1]] = true
		name := strings.ReplaceAll(f[3], "_", " ")
		voices = append(voices,
			Voice{ID: "espeak-ng:" + f[1], Name: name, Language: f[1], Gender: "male"},
			Voice{ID: "espeak-ng:" + f[1] + "+f3", Name: name, Language: f[1], Gender: "female"})
	}
	return voices
}

// Speak renders text with espeak-ng.
func (e Espeak) Speak(ctx context.Context, voice, text string) ([]int16, error) {
	if !espeakVoice.MatchString(voice) {
		return nil, fmt.Errorf("espeak-ng has no voice %q", voice)
	}
	// A little slower than its ordinary 175 words a minute: telephones take
	// the upper half of the sound away. -b 1 is UTF-8.
	out, err := e.run(ctx, text, "-v", voice, "-s", "155", "-b", "1", "--stdin", "--stdout")
	if err != nil {
		return nil, fmt.Errorf("speak with espeak-ng: %w", err)
	}
	r := bytes.NewReader(out)
	wav, err := media.ParseWAV(r, r.Size())
	if err != nil {
		return nil, fmt.Errorf("speak with espeak-ng: %w", err)
	}
	channels, err := wav.Decode(r)
	if err != nil {
		return nil, fmt.Errorf("speak with espeak-ng: %w", err)
	}
	samples, err := Resample(channels[0], wav.SampleRate)
	if err != nil {
		return nil, fmt.Errorf("speak with espeak-ng: %w", err)
	}
	if loudest(samples) == 0 {
		return nil, errors.New("speak with espeak-ng: nothing can be heard of this text")
	}
	Level(samples)
	return samples, nil
}

// run runs the program directly, without a shell, within its bounds.
func (e Espeak) run(ctx context.Context, input string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, espeakTime)
	defer cancel()
	program := e.Program
	if program == "" {
		program = "espeak-ng"
	}
	out, complaint := limited{most: espeakBytes}, limited{most: 4096}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdin = strings.NewReader(input)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	// A child of the program could keep the pipes open after it was killed. What the
	// program has said before it ended must be read by then, also on a machine that
	// stalls.
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case out.full:
		return nil, fmt.Errorf("more than %d bytes of sound", espeakBytes)
	case err != nil:
		return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(complaint.buffer.String()))
	}
	return out.buffer.Bytes(), nil
}

// limited is a buffer that takes so many bytes and then fails, which stops the
// program that writes. The buffer is not embedded: its ReadFrom would let the
// bytes in past Write.
type limited struct {
	buffer bytes.Buffer
	most   int
	full   bool
}

func (l *limited) Write(b []byte) (int, error) {
	if l.buffer.Len()+len(b) > l.most {
		l.full = true
		return 0, errors.New("too much output")
	}
	return l.buffer.Write(b)
}
