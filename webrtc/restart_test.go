package webrtc

import (
	"strings"
	"testing"
)

// A page changes what it sends by the order of a further offer, and what it
// takes by the direction; neither touches the connection.
func TestFurtherOfferChangesEncodingsAndDirections(t *testing.T) {
	e := startEngine(t)
	p, former, err := e.NewPeer(testOffer, PeerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	credentials := line(t, former, "a=ice-ufrag:")
	for _, c := range []struct {
		name, codecs, direction string // of the offer
		answered, answer        string // codecs and direction of the answer
		takes                   bool   // the browser may be sent sound
	}{
		{"nothing new", "111 9 0 8 126", "sendrecv", "8 0 9 111 126", "sendrecv", true},
		{"G722 is wanted", "9 111 0 8 126", "sendrecv", "9 8 0 111 126", "sendrecv", true},
		{"and still", "9 111 0 8 126", "sendrecv", "9 8 0 111 126", "sendrecv", true},
		{"Opus is wanted", "111 9 0 8 126", "sendrecv", "111 8 0 9 126", "sendrecv", true},
		{"keys are no sound", "126 111 9 0 8", "sendrecv", "111 8 0 9 126", "sendrecv", true},
		{"one encoding is gone", "0 111 8 126", "sendrecv", "0 8 111 126", "sendrecv", true},
		{"only the microphone", "0 111 8 126", "sendonly", "0 8 111 126", "recvonly", false},
		{"only the ear", "0 111 8 126", "recvonly", "0 8 111 126", "sendonly", true},
		{"both again", "8 111 0 126", "sendrecv", "8 0 111 126", "sendrecv", true},
	} {
		answer, err := p.Restart(strings.NewReplacer("111 9 0 8 126", c.codecs, "a=sendrecv", "a="+c.direction).Replace(testOffer))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := line(t, answer, "m=audio 9 UDP/TLS/RTP/SAVPF "); got != c.answered {
			t.Errorf("%s: the answer has %s, want %s", c.name, got, c.answered)
		}
		if !strings.Contains(answer, "\r\na="+c.answer+"\r\n") {
			t.Errorf("%s: the answer is not %s: %s", c.name, c.answer, answer)
		}
		if got := line(t, answer, "a=ice-ufrag:"); got != credentials {
			t.Errorf("%s: ICE is restarted", c.name)
		}
		if p.Line(0).sends.Load() != c.takes {
			t.Errorf("%s: the browser is sent sound: %v", c.name, !c.takes)
		}
	}
}

// line is the rest of the first line of an SDP that begins so.
func line(t *testing.T, sdp, begin string) string {
	t.Helper()
	for l := range strings.Lines(sdp) {
		if rest, ok := strings.CutPrefix(l, begin); ok {
			return strings.TrimSpace(rest)
		}
	}
	t.Fatalf("there is no %q in %s", begin, sdp)
	return ""
}
