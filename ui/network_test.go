package ui

import (
	"testing"

	"github.com/carillon-cc/carillon/ccs"
)

func TestWhatTheNetworkSaidIsPutIntoWords(t *testing.T) {
	c := catalogue(t)
	for _, x := range []struct {
		lang         string
		status, q850 int
		want         string
	}{
		{"en", 0, 0, ""},
		{"en", 486, 0, "The other side answered 486 Busy Here."},
		{"en", 486, 17, "The other side answered 486 Busy Here. The network’s cause: 17, engaged."},
		{"en", 0, 16, "The network’s cause: 16, normal end."},
		{"en", 499, 0, "The other side answered 499."},
		{"en", 0, 120, "The network’s cause: 120, unknown."},
		{"fr", 486, 0, "L’autre côté a répondu 486 Busy Here."},
	} {
		if got := NetworkText(c.Texts(x.lang), x.status, x.q850); got != x.want {
			t.Errorf("%d, %d: %q, want %q", x.status, x.q850, got, x.want)
		}
	}
}

func TestQualityOfLegsHasAWord(t *testing.T) {
	texts := catalogue(t).Texts("en")
	rows := QualityRows(texts, []ccs.LegQuality{
		{Leg: "caller", Codec: "PCMA", Received: 997, Lost: 3, Jitter: 4, RTT: 20, RemoteLost: 10, MOS: 4.36},
		{Leg: "called", Name: "Bob", Codec: "PCMU", Received: 100, Lost: -1, MOS: 3.7},
		{Leg: "agent", Codec: "opus", Received: 80, Lost: 20, MOS: 2.1},
		{Leg: "called", Codec: "PCMA", Sent: 50},
	})
	for i, want := range []QualityRow{
		{Side: "Caller", Codec: "PCMA", MOS: "4.4", Word: "good", Tone: "good", Lost: "0.3 %", RemoteLost: "1.0 %", Jitter: "4 ms", RTT: "20 ms"},
		{Side: "Called: Bob", Codec: "PCMU", MOS: "3.7", Word: "fair", Tone: "plain", Lost: "0 %", Jitter: "0 ms"},
		{Side: "Agent", Codec: "opus", MOS: "2.1", Word: "poor", Tone: "bad", Lost: "20 %", Jitter: "0 ms"},
		{Side: "Called", Codec: "PCMA", Word: "nothing arrived", Tone: "bad", Jitter: "0 ms"},
	} {
		if rows[i] != want {
			t.Errorf("got %+v, want %+v", rows[i], want)
		}
	}
}
