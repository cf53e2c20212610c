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
		t.Run(row.answer, func(t *testing.T) {
			t.Parallel()
			const quiet = 200 * time.Millisecond
			g := start(t, func(c *Config) { fast(c); c.Timers.MediaTimeout = quiet })
			r := newRaw(t, g, "127.0.0.1")
			s, _ := r.talk(g, r.offer())
			options := r.await("OPTIONS sip:eve@", "")
			// Any answer but those tells that the call is there.
			for _, alive := range []string{"200 OK", "501 Not Implemented", "403 Forbidden"} {
				begun := time.Now()
				r.reply(options, alive, nil, "")
				options = r.await("OPTIONS ", "")
				if took := time.Since(begun); took < quiet {
					t.Errorf("asked again after %v", took)
				}
			}
			if row.answer != "" {
				r.reply(options, row.answer, nil, "")
			}
			got := s.gone(t)
			if got.By != call.ByCaller || got.Reason != call.ReasonMediaTimeout || strconv.Itoa(got.Status) != row.gone {
				t.Errorf("gone by %+v", got)
			}
			r.await("BYE ", "Reason: Q.850;cause=102")
		})
	}
}

func TestSoundThatComesBackKeepsTheCall(t *testing.T) {
	t.Parallel()
	g := start(t, func(c *Config) { fast(c); c.Timers.MediaTimeout = 4 * time.Second })
	r := newRaw(t, g, "127.0.0.1")
	s, ok := r.talk(g, r.offer())
	r.await("OPTIONS ", "") // it answers none
	to, l, sequence := mediaPort(t, ok), s.Leg.(*caller), uint16(0)
	eventually(t, "the question is over", func() bool {
		sequence++
		sendRTP(t, r.rtp, to, media.Header{PayloadType: 8, Sequence: sequence, SSRC: 1}, make([]byte, 160))
		return !l.probing.Load()
	})
	select {
	case e := <-s.events:
		t.Errorf("told %+v", e)
	default:
	}
	r.request("BYE", "")
	if got := s.gone(t); got.Reason != call.ReasonHangup {
		t.Errorf("gone by %+v", got)
	}
}

func TestComfortNoiseAndReportsAreLife(t *testing.T) {
	g := start(t, nil)
	r := newRaw(t, g, "127.0.0.1")
	s, ok := r.talk(g, r.offer())
	to, l := mediaPort(t, ok), s.Leg.(*caller)
	for what, send := range map[string]func(){
		"comfort noise": func() {
			sendRTP(t, r.rtp, to, media.Header{PayloadType: 13, Sequence: 1, SSRC: 1}, []byte{64})
		},
		// A receiver report without blocks (RFC 3550 §6.4.2), on the port of the sound.
		"a report": func() {
			if _, err := r.rtp.WriteToUDPAddrPort([]byte{0x80, 201, 0, 1, 0, 0, 0, 1}, to); err != nil {
				t.Fatal(err)
			}
		},
	} {
		// When the peer is silent if nothing comes from now on.
		time.Sleep(time.Millisecond)
		limit := media.Now() + g.cfg.Timers.MediaTimeout
		if !l.silent(limit) {
			t.Errorf("before %s: not silent", what)
		}
		send()
		eventually(t, what+" is life", func() bool { return !l.silent(limit) })
	}
	close(s.done)
}

func TestHoldSuspendsTheSilenceLimit(t *testing.T) {
	t.Parallel()
	g := start(t, func(c *Config) { fast(c); c.Timers.MediaTimeout = 200 * time.Millisecond })
	r := newRaw(t, g, "127.0.0.1")
	s, _ := r.talk(g, r.offer("a=inactive"))
	r.silent(2*g.cfg.Timers.MediaTimeout, "OPTIONS ")
	if s.Leg.(*caller).silent(media.Now() + time.Hour) {
		t.Error("silence counts on hold")
	}
	r.request("INVITE", r.offer("a=sendrecv"))
	r.reply(r.await("OPTIONS ", ""), "481 Call/Transaction Does Not Exist", nil, "")
	if got := s.gone(t); got.Reason != call.ReasonMediaTimeout {
		t.Errorf("gone by %v", got)
	}
}
