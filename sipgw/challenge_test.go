package sipgw

import (
	"strings"
	"testing"

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
