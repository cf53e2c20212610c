package sipgw

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
)

func TestHoldAtTheSessionLevel(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, r.offer())
	held := strings.Replace(r.offer(), "t=0 0\r\n", "t=0 0\r\na=sendonly\r\n", 1)
	if got := r.request("INVITE", held); !strings.Contains(got, "a=recvonly\r\n") {
		t.Errorf("hold got\n%s", got)
	}
	if !expect[call.Held](t, s).On {
		t.Error("not held")
	}
	// What the line says of itself counts more.
	if got := r.request("INVITE", held+"a=sendrecv\r\n"); !strings.Contains(got, "a=sendrecv\r\n") {
		t.Errorf("un-hold got\n%s", got)
	}
	if expect[call.Held](t, s).On {
		t.Error("still held")
	}
	close(s.done)
}

func TestHoldTakesNoSequenceNumbers(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, r.offer())
	// heard is the number of the next packet that comes, if one does.
	heard := func(wait time.Duration) (sequence uint16, ok bool) {
		_ = r.rtp.SetReadDeadline(time.Now().Add(wait))
		b := make([]byte, 2000)
		n, err := r.rtp.Read(b)
		h, _, ok := media.ParseRTP(b[:n])
		return h.Sequence, ok && err == nil
	}
	p := media.Packet{Source: media.NewSource(), Codec: media.PCMA, Payload: make([]byte, 160)}
	say := func(n int) {
		for range n {
			p.Sequence, p.Timestamp, p.Arrived = p.Sequence+1, p.Timestamp+160, media.Now()
			s.Leg.WritePacket(&p)
		}
	}
	say(1)
	last, ok := heard(patience)
	if !ok {
		t.Fatal("nothing is heard")
	}
	r.request("INVITE", r.offer("a=sendonly"))
	expect[call.Held](t, s)
	// What was on its way ends with what we send ourselves.
	if _, err := r.rtp.WriteTo([]byte("the end"), r.rtp.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	for next, more := heard(patience); more; next, more = heard(patience) {
		last = next
	}
	say(1000)
	r.request("INVITE", r.offer("a=sendrecv"))
	expect[call.Held](t, s)
	say(1)
	if next, ok := heard(patience); !ok || next != last+1 {
		t.Errorf("after the hold comes %d (%v), the last before was %d", next, ok, last)
	}
	close(s.done)
}

func TestOfferOfOursKeepsTheLinesOfTheSession(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, strings.Replace(r.offer(), "m=audio", "m=video 5000 RTP/AVP 96\r\nm=audio", 1)+"m=image 5002 udptl t38\r\n")
	got := r.request("INVITE", "")
	video, audio, image := strings.Index(got, "m=video 0 RTP/AVP 96\r\n"), strings.Index(got, "m=audio "), strings.Index(got, "m=image 0 udptl t38\r\n")
	if video < 0 || audio < video || image < audio {
		t.Errorf("offered\n%s", got)
	}
	close(s.done)
}

func TestVersionRisesExactlyWhenTheAnswerChanges(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	s, ok := r.talk(g, r.offer())
	want := version(t, ok)
	for _, row := range []struct {
		direction string
		rises     int
	}{{"a=sendrecv", 0}, {"a=sendonly", 1}, {"a=sendonly", 0}, {"a=sendrecv", 1}} {
		want += row.rises
		if got := version(t, r.request("INVITE", r.offer(row.direction))); got != want {
			t.Errorf("%s: version %d, want %d", row.direction, got, want)
		}
	}
	close(s.done)
}

func TestReInviteWithoutAnOfferGetsOneAndItsAnswerCounts(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, strings.Replace(r.offer(), "RTP/AVP 8 0 101", "RTP/AVP 0 8 101", 1))
	for _, row := range []struct {
		answer string
		held   bool
	}{{"a=sendonly", true}, {"a=sendrecv", false}} {
		r.seq++
		r.send(r.message("INVITE", fmt.Sprintf("b%d", r.seq), r.seq, nil, ""))
		got := r.await("SIP/2.0 200", "INVITE")
		// What is in use is offered first, and in full, whatever the hold.
		if !strings.Contains(got, "RTP/AVP 0 8 9 101\r\n") || !strings.Contains(got, "a=sendrecv\r\n") {
			t.Errorf("offered\n%s", got)
		}
		// An offer of theirs must wait for their answer to ours.
		number := r.seq
		if late := r.request("UPDATE", r.offer()); !strings.HasPrefix(late, "SIP/2.0 491") {
			t.Errorf("an offer before the answer got %s", late)
		}
		r.send(r.message("ACK", fmt.Sprintf("ack%d", number), number, nil, strings.Replace(r.offer(row.answer), "RTP/AVP 8 0 101", "RTP/AVP 0 101", 1)))
		if held := expect[call.Held](t, s); held.On != row.held {
			t.Errorf("%s: held is %v", row.answer, held.On)
		}
	}
	if c := s.Leg.Codec(); c != media.PCMU {
		t.Errorf("sound goes out in %v", c)
	}
	close(s.done)
}

func TestReInviteWithoutAnOfferOrAnAnswerLeavesTheCallAsItWas(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, r.offer())
	if got := r.request("INVITE", ""); !strings.Contains(got, "m=audio ") {
		t.Errorf("got %s", got)
	}
	eventually(t, "the ACK is taken", func() bool {
		l := s.Leg.(*caller)
		l.mu.Lock()
		defer l.mu.Unlock()
		return !l.offering
	})
	if got := r.request("INVITE", r.offer("a=sendonly")); !strings.HasPrefix(got, "SIP/2.0 200") {
		t.Errorf("a hold after it got %s", got)
	}
	close(s.done)
}

func TestCodecChangesDuringTheCall(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	s, ok := r.talk(g, r.offer())
	for _, row := range []struct {
		formats string
		codec   media.Codec
		pt      byte
	}{{"RTP/AVP 0 8 101", media.PCMU, 0}, {"RTP/AVP 9 8 101", media.G722, 9}, {"RTP/AVP 8 101", media.PCMA, 8}} {
		got := r.request("INVITE", strings.Replace(r.offer(), "RTP/AVP 8 0 101", row.formats, 1))
		if !strings.Contains(got, fmt.Sprintf("RTP/AVP %d 101\r\n", row.pt)) {
			t.Fatalf("%s got\n%s", row.formats, got)
		}
		if e := expect[call.CodecChanged](t, s); e.Leg != call.Leg(s.Leg) || s.Leg.Codec() != row.codec {
			t.Errorf("%s: the leg has %v", row.formats, s.Leg.Codec())
		}
		// Both ways at once: what we send, and what we take.
		_ = r.rtp.SetReadDeadline(time.Now().Add(patience))
		buffer := make([]byte, 2000)
		for limit := 0; ; limit++ {
			if _, err := r.rtp.Read(buffer); err != nil || limit > 100 {
				t.Fatalf("%s: no such sound came: %v", row.formats, err)
			}
			if buffer[1]&0x7f == row.pt {
				break
			}
		}
		before := s.sound.packets()
		for i := range 5 {
			sendRTP(t, r.rtp, mediaPort(t, ok), media.Header{PayloadType: row.pt, Sequence: uint16(100*int(row.pt) + i), SSRC: uint32(row.pt) + 1}, make([]byte, 160))
			time.Sleep(30 * time.Millisecond)
		}
		eventually(t, "the caller is heard", func() bool { return s.sound.packets() > before })
	}
	close(s.done)
}

func TestLinesOtherThanSoundAreRefused(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, r.offer())
	got := r.request("INVITE", strings.Replace(r.offer(), "m=audio", "m=video 4002 RTP/AVP 96 97\r\na=rtpmap:96 H264/90000\r\nm=audio", 1)+"m=image 4004 udptl t38\r\n")
	_, body, _ := strings.Cut(got, "\r\n\r\n")
	var lines []string
	for line := range strings.SplitSeq(body, "\r\n") {
		if strings.HasPrefix(line, "m=") {
			lines = append(lines, line)
		}
	}
	if len(lines) != 3 || lines[0] != "m=video 0 RTP/AVP 96 97" || !strings.HasSuffix(lines[1], "RTP/AVP 8 101") || lines[2] != "m=image 0 udptl t38" {
		t.Errorf("answered %q", lines)
	}
	close(s.done)
}

func TestOfferThatTakesTheSoundAwayIsAHold(t *testing.T) {
	g := start(t, fast)
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, r.offer())
	leg := s.Leg.(*caller)
	inAnHour := func() time.Duration { return media.Now() + time.Hour }
	if !leg.silent(inAnHour()) {
		t.Error("silence does not count before the hold")
	}
	got := r.request("INVITE", r.offerAt("127.0.0.1", 0))
	if !strings.HasPrefix(got, "SIP/2.0 200") || !strings.Contains(got, "m=audio 0 RTP/AVP 8 0 101\r\n") {
		t.Fatalf("got\n%s", got)
	}
	if e := expect[call.Held](t, s); !e.On || !e.Silent {
		t.Errorf("told %+v", e)
	}
	if to := s.Leg.(*caller).port.Stats().Remote; to.IsValid() {
		t.Errorf("sound goes to %v", to)
	}
	if leg.silent(inAnHour()) {
		t.Error("silence counts on hold")
	}
	if got := r.request("INVITE", r.offer()); !strings.Contains(got, "a=sendrecv\r\n") {
		t.Errorf("sound came back with\n%s", got)
	}
	if expect[call.Held](t, s).On {
		t.Error("still held")
	}
	if to := leg.port.Stats().Remote; int(to.Port()) != port(r.rtp) {
		t.Errorf("sound goes to %v", to)
	}
	if !leg.silent(inAnHour()) {
		t.Error("silence does not count after the hold")
	}
	close(s.done)
}

func TestNewCallWithoutSoundIsRefused(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	r.send(r.message("INVITE", "first", 1, nil, r.offerAt("127.0.0.1", 0)))
	r.await("SIP/2.0 488", "INVITE")
	r.send(r.message("ACK", "first", 1, nil, ""))
}
