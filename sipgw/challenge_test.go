package sipgw

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"
)

func TestTelephonesAreAskedInWaysThatTheyUnderstand(t *testing.T) {
	b := startLines(t, nil, line100())
	for agent, want := range map[string]string{
		"Linphonec/5.1.65 (belle-sip/5.2.0)":   "SHA-256 MD5",
		"Twinkle/1.10.2":                       "SHA-256 MD5",
		"Jami Daemon 11.0.0 (Linux)":           "SHA-256 MD5",
		"baresip v3.4.0 (x86_64/Linux)":        "SHA-256 MD5",
		"baresip v1.0.0 (x86_64/linux)":        "MD5",
		"Janus WebRTC Server SIP Plugin 0.0.8": "MD5",
		"FreeSWITCH-mod_sofia/1.10.3":          "MD5",
		"sofia-sip/1.12.11":                    "MD5",
	} {
		h := newHandset(t, b, "udp", "127.0.0.1")
		h.send(strings.Replace(h.message("REGISTER", h.uri(), nil, ""), "Handset 1.0", agent, 1))
		res := h.final(patience)
		if res == nil || res.StatusCode != sip.StatusUnauthorized {
			t.Fatalf("%s: got %v", agent, res)
		}
		var got []string
		for _, h := range res.GetHeaders("WWW-Authenticate") {
			_, algorithm, _ := strings.Cut(h.Value(), "algorithm=")
			got = append(got, algorithm)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s is asked for %s, want %s", agent, got, want)
		}
	}
}

func TestATelephoneThatLeavesChallengesUnansweredIsAskedForMD5Alone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReluctant()
		who := asker{netip.MustParseAddr("192.0.2.1"), "line-100"}
		ask := func(what, transaction string, after time.Duration, want bool) {
			t.Helper()
			time.Sleep(after)
			if got := r.asks(who, transaction); got != want {
				t.Errorf("%s: MD5 alone %v, want %v", what, got, want)
			}
		}
		ask("at first", "1", 0, false)
		ask("the same again", "1", 5*time.Second, false)
		ask("another request at once", "2", 0, true)
		ask("the first again", "1", 0, true)
		r.answers(who)
		ask("after it could answer", "3", time.Hour, true)

		who.line = "line-101"
		ask("another line", "1", 0, false)
		ask("two requests together", "2", time.Second, false)
		r.answers(who)
		ask("a telephone that answers", "3", time.Minute, false)
		ask("one that was switched off", "4", forgetIgnored+time.Second, false)
		ask("that asks again soon", "5", time.Second, false)
		ask("and later", "6", ignoredFor, true)
	})
}

func TestTheChallengeOfATelephoneThatKnowsMD5AloneStaysSo(t *testing.T) {
	b := startLines(t, nil, line100())
	h := newHandset(t, b, "udp", "127.0.0.1")
	at := asker{netip.MustParseAddr("127.0.0.1"), line100().ID}
	asks := func() int {
		t.Helper()
		res := h.plain("REGISTER", nil, "")
		if res == nil || res.StatusCode != sip.StatusUnauthorized {
			t.Fatalf("got %v", res)
		}
		return len(res.GetHeaders("WWW-Authenticate"))
	}
	if n := asks(); n != 2 {
		t.Errorf("asked in %d ways at first", n)
	}
	// As if that were long ago.
	b.guard.reluctant.recent.change(at, func(v asked) asked {
		v.unanswered = v.unanswered.Add(-ignoredFor)
		return v
	})
	h.seq++
	if n := asks(); n != 1 {
		t.Errorf("asked in %d ways although it does not answer", n)
	}
	h.seq++
	h.mustRegister()
	h.seq++
	if n := asks(); n != 1 {
		t.Errorf("asked in %d ways after it registered", n)
	}
}
