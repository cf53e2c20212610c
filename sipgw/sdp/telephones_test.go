package sdp

import (
	"errors"
	"strings"
	"testing"

	"github.com/carillon-cc/carillon/media"
)

// The offers of telephones and gateways as they come over the wire, with the
// m-lines that answer them.
func TestOffersOfRealTelephonesAreAnswered(t *testing.T) {
	linphone := func(profile string, more ...string) string {
		return crlf("v=0", "o=201 985 643 IN IP4 192.0.2.9", "s=Talk", "c=IN IP4 192.0.2.9", "t=0 0",
			"a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics", "m=audio 7320 "+profile+" 96 97 98 0 8 18 99 100 101",
			"a=rtpmap:96 opus/48000/2", "a=fmtp:96 useinbandfec=1", "a=rtpmap:97 speex/16000", "a=fmtp:97 vbr=on", "a=rtpmap:98 speex/8000",
			"a=fmtp:98 vbr=on", "a=fmtp:18 annexb=yes", "a=rtpmap:99 telephone-event/48000", "a=rtpmap:100 telephone-event/16000",
			"a=rtpmap:101 telephone-event/8000", "a=rtcp-fb:* trr-int 1000", "a=rtcp-fb:* ccm tmmbr") + crlf(more...)
	}
	janus := func(more ...string) string {
		return crlf("v=0", "o=- 1 1 IN IP4 192.0.2.9", "s=-", "c=IN IP4 192.0.2.9", "t=0 0", "m=audio 37410 RTP/AVP 111 8 0 126",
			"a=rtpmap:111 opus/48000/2", "a=rtpmap:8 PCMA/8000", "a=rtpmap:0 PCMU/8000", "a=rtpmap:126 telephone-event/8000", "a=mid:0") +
			crlf(append(more, "m=video 37456 RTP/AVP 96", "a=rtpmap:96 VP8/90000", "a=mid:1", "a=rtcp-fb:96 nack pli")...)
	}
	key := "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:SOzsdd60t5goD7OuH5Ot6jNj/lmi+YNZw82TaY9f"
	rows := []struct {
		name, offer string
		policy      Policy
		lines       string // of the answer
		codec       media.Codec
		events      uint8
		ours        Direction
		err         error
	}{
		{"Linphone", linphone("RTP/AVP"), Plain, "audio 12034 RTP/AVP 0 101", media.PCMU, 101, SendRecv, nil},
		{"Linphone with feedback", linphone("RTP/AVPF"), Plain, "audio 12034 RTP/AVPF 0 101", media.PCMU, 101, SendRecv, nil},
		{
			"Linphone with ZRTP, which it can do without", linphone("RTP/AVP", "a=zrtp-hash:1.10 5d03e9a09aa38fe9c87db512c98142ad80562367ff460cb1a874795aeddc3ea8"),
			Plain, "audio 12034 RTP/AVP 0 101", media.PCMU, 101, SendRecv, nil,
		},
		{"Linphone holds", linphone("RTP/AVP", "a=sendonly"), Plain, "audio 12034 RTP/AVP 0 101", media.PCMU, 101, RecvOnly, nil},
		{"Linphone with SRTP over UDP, which comes again without", linphone("RTP/SAVP", key), Plain, "", media.NoCodec, 0, SendRecv, ErrNoCrypto},
		{"Linphone with SRTP over TLS", linphone("RTP/SAVP", key), Preferred, "audio 12034 RTP/SAVP 0 101", media.PCMU, 101, SendRecv, nil},
		{
			"Twinkle", crlf("v=0", "o=twinkle 305036837 309541630 IN IP4 192.0.2.9", "s=-", "c=IN IP4 192.0.2.9", "t=0 0", "m=audio 45100 RTP/AVP 8 0 3 101",
				"a=rtpmap:8 PCMA/8000", "a=rtpmap:0 PCMU/8000", "a=rtpmap:3 GSM/8000", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", "a=ptime:20"),
			Plain, "audio 12034 RTP/AVP 8 101", media.PCMA, 101, SendRecv, nil,
		},
		{"Janus with video", janus(), Plain, "audio 12034 RTP/AVP 8 126|video 0 RTP/AVP 96", media.PCMA, 126, SendRecv, nil},
		{"Janus with video and keys for plain sound", janus(key), Plain, "audio 12034 RTP/AVP 8 126|video 0 RTP/AVP 96", media.PCMA, 126, SendRecv, nil},
	}
	for _, row := range rows {
		offer, err := Parse([]byte(row.offer))
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		w := NewWriter(1)
		w.SetPolicy(row.policy)
		body, agreed, err := w.Answer(offer, here)
		if err != nil || row.err != nil {
			if !errors.Is(err, row.err) {
				t.Errorf("%s: %v, want %v", row.name, err, row.err)
			}
			continue
		}
		var lines []string
		for line := range strings.Lines(string(body)) {
			if text, ok := strings.CutPrefix(line, "m="); ok {
				lines = append(lines, strings.TrimSpace(text))
			}
		}
		if got := strings.Join(lines, "|"); got != row.lines {
			t.Errorf("%s: answered %q, want %q", row.name, got, row.lines)
		}
		if agreed.Codec != row.codec || agreed.EventType != row.events || agreed.Direction != row.ours || agreed.Encrypted() != (row.policy != Plain) {
			t.Errorf("%s: agreed on %+v", row.name, agreed)
		}
	}
}
