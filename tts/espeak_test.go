package tts

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestEspeakSpeaks(t *testing.T) {
	tests := []struct{ name, voice, text string }{
		{"English", "en-gb+f3", "Welcome. Press one for sales."},
		{"French", "fr-fr", "Bienvenue à l'accueil. Où êtes-vous ?"},
		{"several lines", "en-gb", "First line.\n\nSecond line."},
		{"what a shell or the program would take for something else", "en-gb", "-h $(reboot) `reboot` '; reboot #\" --version"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			samples, err := Espeak{}.Speak(t.Context(), test.voice, test.text)
			if err != nil {
				t.Fatal(err)
			}
			d := time.Duration(len(samples)) * time.Second / SampleRate
			if per := d / time.Duration(len(test.text)); per < 30*time.Millisecond || per > 400*time.Millisecond {
				t.Errorf("%v for %d characters", d, len(test.text))
			}
			if peak := loudest(samples); peak < 6000 || peak > 26100 {
				t.Errorf("the loudest sample is %v", peak)
			}
		})
	}
}

func TestEspeakRefuses(t *testing.T) {
	for name, c := range map[string][2]string{
		"a voice that does not exist": {"xx-nowhere", "hello"},
		"a voice that is an option":   {"--help", "hello"},
		"a voice that is a path":      {"../../etc/passwd", "hello"},
		"no voice":                    {"", "hello"},
		"a text without sound":        {"en-gb", " "},
	} {
		if samples, err := (Espeak{}).Speak(t.Context(), c[0], c[1]); err == nil {
			t.Errorf("%s gave %d samples", name, len(samples))
		}
	}
	if _, err := (Espeak{Program: "no-such-program"}).Speak(t.Context(), "en", "hello"); err == nil {
		t.Error("a program that is not installed gives no error")
	}
}

// program is a script that stands for the engine.
func program(t *testing.T, script string) Espeak {
	t.Helper()
	path := filepath.Join(t.TempDir(), "engine")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return Espeak{Program: path}
}

func TestEspeakIsBounded(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	// The child of the script keeps the pipe open after the script is killed.
	if _, err := program(t, "sleep 60").Speak(ctx, "en", "hello"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("it took %v to stop a program that hangs", took)
	}
	if _, err := program(t, "exec cat /dev/zero").Speak(t.Context(), "en", "hello"); err == nil || !strings.Contains(err.Error(), "bytes of sound") {
		t.Errorf("endless output gives %v", err)
	}
	if _, err := program(t, "echo nonsense").Speak(t.Context(), "en", "hello"); err == nil {
		t.Error("output that is no sound gives no error")
	}
}

func TestEspeakVoices(t *testing.T) {
	voices, err := Espeak{}.Voices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]Voice)
	for _, v := range voices {
		if _, twice := found[v.ID]; twice {
			t.Errorf("%s is there twice", v.ID)
		}
		found[v.ID] = v
	}
	for _, id := range defaultVoices {
		if found[id].Language == "" {
			t.Errorf("the default voice %s is not among %d voices", id, len(voices))
		}
	}
}

func FuzzEspeakVoices(f *testing.F) {
	f.Add("Pty Language       Age/Gender VoiceName          File                 Other Languages\n 5  af              --/M      Afrikaans          gmw/af               \n")
	f.Add("1 -x --/M x x\n 5  fr-fr --/M French_(France) roa/fr (fr 5)")
	f.Fuzz(func(t *testing.T, table string) {
		for _, v := range parseEspeakVoices(table) {
			_, of, ok := strings.Cut(v.ID, ":")
			if !ok || !espeakVoice.MatchString(strings.TrimSuffix(of, "+f3")) {
				t.Errorf("unusable voice %q", v.ID)
			}
		}
	})
}
