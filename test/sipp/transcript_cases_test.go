package sipp

import (
	"strings"
	"testing"
	"time"
)

func TestSurprises(t *testing.T) {
	came := func(m string) string {
		return between + " 2026-01-02 03:04:05.678901\nUDP message received [9] bytes :\n\n" + m + "\n\n"
	}
	sent := between + " 2026-01-02 03:04:05.678901\nUDP message sent (9 bytes):\n\nACK\n\n"
	odd := func(m string) string { return came(m) + between + "\n" + unexpected + "\n\n" + m + "\n\n" }
	for name, c := range map[string]struct {
		messages string
		want     string
	}{
		"all as written":          {came("200 a") + sent + came("BYE b"), ""},
		"one more":                {came("200 a") + sent + odd("BYE b"), "BYE b"},
		"one that came before":    {came("200 a") + sent + came("BYE b") + odd("200 a"), ""},
		"one more, twice":         {came("200 a") + odd("BYE b") + odd("BYE b"), "BYE b"},
		"like one that came once": {came("200 a") + sent + odd("200 a\nb"), "200 a\nb"},
		"sent is not received":    {sent + odd("ACK"), "ACK"},
	} {
		if got := strings.Join(surprises(c.messages), "|"); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestStoodStill(t *testing.T) {
	text := "x: Overload warning: the minor watchdog timer 150ms has been tripped (244), 9 trips remaining.y: the major watchdog timer 3000ms has been tripped (3100), z"
	if d := stoodStill(text); d != 3100*time.Millisecond {
		t.Error(d)
	}
	if d := stoodStill(""); d != 0 {
		t.Error(d)
	}
}
