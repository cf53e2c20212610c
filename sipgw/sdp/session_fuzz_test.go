package sdp

import (
	"fmt"
	"strings"
	"testing"

	"github.com/carillon-cc/carillon/media"
)

// FuzzSession has two sides of a session exchange offers and answers in any
// order, changed on their way, and checks what must hold of each description
// (RFC 3264 §8): as many lines as before, in their order, a version that rises by
// one exactly when the rest changed, and one meaning for a payload type.
func FuzzSession(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3}, "m=video 9 RTP/AVP 96\r\n")
	f.Add([]byte{1, 1, 0, 2, 0, 1, 3, 3}, "m=image 9 udptl t38\r\nm=audio 9 RTP/AVP 18\r\n")
	f.Add([]byte{4, 1, 4, 0, 3}, "m=audio 0 RTP/AVP 8 97\r\na=rtpmap:97 telephone-event/8000\r\n")
	f.Add([]byte{5, 2, 5, 3, 1}, "m=audio 7 RTP/SAVPF 9\r\n")
	f.Fuzz(func(t *testing.T, steps []byte, more string) {
		ours := NewWriter(1)
		lines, version, text := 0, 0, ""
		check := func(b []byte) *Description {
			d, err := Parse(b)
			if err != nil {
				t.Fatalf("ours cannot be read: %v\n%s", err, b)
			}
			if len(d.Lines) < lines {
				t.Fatalf("%d lines after %d:\n%s", len(d.Lines), lines, b)
			}
			var n int
			head, rest, _ := strings.Cut(string(b), "\r\ns=")
			if _, err := fmt.Sscanf(head, "v=0\r\no=- 1 %d IN", &n); err != nil {
				t.Fatal(err)
			}
			if rise := n - version; rise < 0 || rise > 1 || (rise == 1) != (rest != text) {
				t.Fatalf("the version goes from %d to %d:\n%s\n%s", version, n, text, rest)
			}
			version, text = n, rest
			return d
		}
		for i, step := range steps[:min(len(steps), 20)] {
			if step&8 != 0 {
				ours.SetPolicy(Preferred)
			}
			switch step % 6 {
			case 0, 1: // they offer what they have, and perhaps more
				theirs := NewWriter(2)
				offer := string(theirs.Offer(here, Preferring(media.Codec(step>>4)), Direction(i%4)))
				if step%6 == 1 {
					offer = strings.Replace(offer, "m=audio", more+"m=audio", 1)
				}
				d, err := Parse([]byte(offer + more))
				if err != nil || len(d.Lines) < lines {
					continue // no peer takes a line away
				}
				answer, _, err := ours.Answer(d, here)
				if err != nil {
					continue
				}
				lines = len(d.Lines)
				check(answer)
			case 2: // we offer, and they may answer
				d := check(ours.Offer(here, nil, SendRecv))
				answer, _, err := NewWriter(3).Answer(d, here)
				if err != nil {
					continue
				}
				if d, err = Parse(answer); err != nil {
					t.Fatal(err)
				}
				if agreed, err := ours.Accept(d); err != nil || agreed.OwnPayloadType != agreed.PayloadType || agreed.OwnEventType != agreed.EventType {
					t.Fatalf("an answer like ours is taken as %+v (%v)", agreed, err)
				}
			case 3:
				if b := ours.Repeat(); b != nil {
					check(b)
				}
			case 4: // they take the sound away
				d, err := Parse([]byte("c=IN IP4 192.0.2.1\r\n" + more))
				if err == nil && d.Removed() && len(d.Lines) >= lines {
					answer, _ := ours.AnswerRemoved(d, Agreement{}, here)
					lines = len(d.Lines)
					check(answer)
				}
			case 5: // anything at all may answer
				check(ours.Offer(here, Preferring(media.Codec(step>>4)), SendRecv))
				if d, err := Parse([]byte("c=IN IP4 192.0.2.1\r\n" + more)); err == nil {
					_, _ = ours.Accept(d)
				}
			}
		}
	})
}
