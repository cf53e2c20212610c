package sipgw

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw/sdp"
)

func TestEncryptionFollowsTheSignalling(t *testing.T) {
	rows := []struct {
		transport string
		demanded  ccs.Encryption
		want      sdp.Policy
	}{
		{"UDP", "", sdp.Plain},
		{"TCP", ccs.EncryptionOff, sdp.Plain},
		{"TLS", "", sdp.Preferred},
		{"TLS", ccs.EncryptionOff, sdp.Preferred},
		{"TLS", ccs.EncryptionRequired, sdp.Required},
		{"UDP", ccs.EncryptionRequired, sdp.Required},
	}
	for _, r := range rows {
		if got := policyOf(r.transport, r.demanded); got != r.want {
			t.Errorf("%s, %q: %d, want %d", r.transport, r.demanded, got, r.want)
		}
	}
}

// tones sends sound to a leg, a packet each 20 ms.
func tones(t *testing.T, from *net.UDPConn, to netip.AddrPort, sequence *uint16, samples []int16) {
	t.Helper()
	sound := make([]byte, len(samples))
	media.EncodeALaw(sound, samples)
	for ; len(sound) >= 160; sound = sound[160:] {
		*sequence++
		sendRTP(t, from, to, media.Header{PayloadType: 8, Sequence: *sequence, Timestamp: uint32(*sequence) * 160, SSRC: 5}, sound[:160])
		time.Sleep(5 * time.Millisecond)
	}
}

// keyOne is the sound of the key 1, and a pause.
func keyOne() []int16 {
	low, high := media.Tone(697, 100*time.Millisecond, 0.2), media.Tone(1209, 100*time.Millisecond, 0.2)
	for i := range low {
		low[i] += high[i]
	}
	return append(low, make([]int16, 1600)...)
}

func TestKeysInTheSoundCountWhereEventsWereNotAgreedOn(t *testing.T) {
	g := start(t, func(c *Config) { c.sameKey = time.Minute })
	for name, events := range map[string]bool{"without events": false, "with events": true} {
		t.Run(name, func(t *testing.T) {
			r := newRaw(t, g, "127.0.0.1")
			offer := r.offer()
			if !events {
				offer = strings.Replace(strings.Replace(offer, " 101\r\n", "\r\n", 1), "a=rtpmap:101 telephone-event/8000\r\n", "", 1)
			}
			s, ok := r.talk(g, offer)
			var sequence uint16
			tones(t, r.rtp, mediaPort(t, ok), &sequence, keyOne())
			if !events {
				if d := expect[call.Digit](t, s); d.Digit != '1' {
					t.Errorf("digit %q", d.Digit)
				}
				// The same key, told by INFO as well, is no other.
				r.request("INFO", "Signal=1\r\n", "Content-Type: application/dtmf-relay")
			}
			r.request("INFO", "Signal=7\r\n", "Content-Type: application/dtmf-relay")
			if d := expect[call.Digit](t, s); d.Digit != '7' {
				t.Errorf("digit %q, want 7", d.Digit)
			}
			r.request("BYE", "")
		})
	}
}
