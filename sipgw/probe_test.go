package sipgw

import (
	"strconv"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
)

func TestSilentPeerIsAskedBeforeItIsGivenUp(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ answer, gone string }{
		{"481 Call/Transaction Does Not Exist", "481"}, {"408 Request Timeout", "408"}, {"", "408"},
	} {
		g := start(t, fast)
		r := newRaw(t, g, "127.0.0.1")
		s, _ := r.talk(g, r.offer())
		// Any answer but those tells that the call is there.
		for _, alive := range []string{"200 OK", "501 Not Implemented", "403 Forbidden"} {
			options := r.await("OPTIONS sip:eve@", "")
			begun := time.Now()
			r.reply(options, alive, nil, "")
			r.silent(120*time.Millisecond, "OPTIONS ")
			if took := time.Since(begun); took < 100*time.Millisecond {
				t.Errorf("asked again after %v", took)
			}
		}
		options := r.await("OPTIONS ", "")
		if row.answer != "" {
			r.reply(options, row.answer, nil, "")
		}
		got := s.gone(t)
		if got.By != call.ByCaller || got.Reason != call.ReasonMediaTimeout || strconv.Itoa(got.Status) != row.gone {
			t.Errorf("%q: gone by %+v", row.answer, got)
		}
		r.await("BYE ", "Reason: Q.850;cause=102")
	}
}

func TestSoundThatComesBackKeepsTheCall(t *testing.T) {
	t.Parallel()
	g := start(t, fast)
	r := newRaw(t, g, "127.0.0.1")
	s, ok := r.talk(g, r.offer())
	r.await("OPTIONS ", "") // it answers none
	to := mediaPort(t, ok)
	for i := range 50 {
		sendRTP(t, r.rtp, to, media.Header{PayloadType: 8, Sequence: uint16(i), SSRC: 1}, make([]byte, 160))
		time.Sleep(20 * time.Millisecond)
	}
	select {
	case e := <-s.events:
		t.Errorf("told %+v", e)
	default:
	}
	close(s.done)
}

func TestComfortNoiseAndReportsAreLife(t *testing.T) {
	t.Parallel()
	g := start(t, func(c *Config) { fast(c); c.Timers.MediaTimeout = 700 * time.Millisecond })
	r := newRaw(t, g, "127.0.0.1")
	s, ok := r.talk(g, r.offer())
	to := mediaPort(t, ok)
	for i := range 40 {
		sendRTP(t, r.rtp, to, media.Header{PayloadType: 13, Sequence: uint16(i), SSRC: 1}, []byte{64})
		r.silent(25*time.Millisecond, "OPTIONS ")
	}
	for range 40 {
		// A receiver report without blocks (RFC 3550 §6.4.2), on the port of the sound.
		if _, err := r.rtp.WriteToUDPAddrPort([]byte{0x80, 201, 0, 1, 0, 0, 0, 1}, to); err != nil {
			t.Fatal(err)
		}
		r.silent(25*time.Millisecond, "OPTIONS ")
	}
	r.await("OPTIONS ", "") // and then nothing
	close(s.done)
}

func TestHoldSuspendsTheSilenceLimit(t *testing.T) {
	t.Parallel()
	g := start(t, fast)
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, r.offer("a=inactive"))
	r.silent(400*time.Millisecond, "OPTIONS ")
	r.request("INVITE", r.offer("a=sendrecv"))
	r.await("OPTIONS ", "")
	if got := s.gone(t); got.Reason != call.ReasonMediaTimeout {
		t.Errorf("gone by %v", got)
	}
}
