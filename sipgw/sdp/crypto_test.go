package sdp

import (
	"errors"
	"strings"
	"testing"

	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw/srtp"
)

const (
	head = "v=0\r\nc=IN IP4 192.0.2.9\r\n"
	key  = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
	sha  = "a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:" + key + "\r\n"
)

func parse(t *testing.T, text string) *Description {
	t.Helper()
	d, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestWhichKeysCanBeUsed(t *testing.T) {
	rows := map[string]bool{
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key:                           true,
		"1 aes_cm_128_hmac_sha1_32 INLINE:" + key:                           true,
		"999999999 AES_CM_128_HMAC_SHA1_80 inline:" + key + "|2^48":         true,
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + "|1048576 WSH=64":       true,
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + " -x-ours=1 KDR=0":      true,
		"1 AEAD_AES_256_GCM inline:" + srtp.NewKey(srtp.AES256GCM).Inline(): true,
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + "|2^20|1:4":             false, // MKI
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + "|1:4":                  false,
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + ";inline:" + key:        false,
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + " UNENCRYPTED_SRTP":     false,
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + " UNAUTHENTICATED_SRTP": false,
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + " KDR=24":               false,
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + " FEC_ORDER=FEC_SRTP":   false,
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key[4:]:                       false,
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + "|0":                    false,
		"1 AEAD_AES_128_GCM inline:" + key:                                  false,
		"1 F8_128_HMAC_SHA1_80 inline:" + key:                               false,
		"1 AES_CM_128_HMAC_SHA1_80 uri:https://example.org":                 false,
		"-1 AES_CM_128_HMAC_SHA1_80 inline:" + key:                          false,
		"1234567890 AES_CM_128_HMAC_SHA1_80 inline:" + key:                  false,
		"1 AES_CM_128_HMAC_SHA1_80":                                         false,
		"":                                                                  false,
	}
	for value, want := range rows {
		if _, ok := parseCrypto(value); ok != want {
			t.Errorf("%s: usable %v", strings.ReplaceAll(value, key, "KEY"), ok)
		}
	}
}

func TestPolicyDecidesWhatIsAgreedOn(t *testing.T) {
	plain, encrypted := "m=audio 4000 RTP/AVP 8\r\n", "m=audio 4002 RTP/SAVP 0\r\n"+sha
	rows := []struct {
		name   string
		policy Policy
		offer  string
		port   uint16 // of the line that is taken
		err    error
	}{
		{"plain offered", Plain, plain, 4000, nil},
		{"plain offered", Preferred, plain, 4000, nil},
		{"plain offered", Required, plain, 0, errDemanded},
		{"encrypted offered", Plain, encrypted, 0, errReadable},
		{"encrypted offered", Preferred, encrypted, 4002, nil},
		{"encrypted offered", Required, encrypted, 4002, nil},
		{"both offered", Plain, plain + encrypted, 4000, nil},
		{"both offered", Preferred, plain + encrypted, 4002, nil},
		{"both offered", Required, plain + encrypted, 4002, nil},
		{"no usable key", Preferred, "m=audio 4002 RTP/SAVP 8\r\na=crypto:1 F8 inline:x\r\n", 0, ErrNoCrypto},
		{"no usable key beside plain", Preferred, "m=audio 4002 RTP/SAVP 8\r\n" + plain, 4000, nil},
		{"a key for plain sound", Preferred, plain + sha, 4000, nil},
		{"a key for plain sound", Required, plain + sha, 0, errDemanded},
		{"keys by DTLS", Required, "m=audio 4002 UDP/TLS/RTP/SAVPF 8\r\n", 0, ErrNoCodec},
	}
	for _, r := range rows {
		w := NewWriter(1)
		w.SetPolicy(r.policy)
		body, a, err := w.Answer(parse(t, head+r.offer), here)
		if !errors.Is(err, r.err) || a.Remote.IsValid() && a.Remote.Port() != r.port || err == nil && a.Encrypted() != (r.port == 4002) {
			t.Errorf("%s, policy %d: %v, %+v", r.name, r.policy, err, a)
		}
		if want := "a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:" + a.Send.Inline() + "\r\n"; a.Encrypted() && !strings.Contains(string(body), want) {
			t.Errorf("%s: answered\n%s", r.name, body)
		}
		if a.Encrypted() && (a.Receive.Inline() != key || a.Send == a.Receive) {
			t.Errorf("%s: bad keys", r.name)
		}
	}
}

// One side offers, the other answers: each has the other's keys, and they stay
// while descriptions come and go.
func TestKeysStayThroughoutASession(t *testing.T) {
	caller, callee := NewWriter(1), NewWriter(2)
	caller.SetPolicy(Required)
	callee.SetPolicy(Preferred)
	exchange := func(offering, answering *Writer, direction Direction) (offered, answered Agreement) {
		t.Helper()
		offer := offering.Offer(here, []media.Codec{media.PCMU, media.PCMA}, direction)
		body, answered, err := answering.Answer(parse(t, string(offer)), here)
		if err != nil {
			t.Fatal(err)
		}
		if offered, err = offering.Accept(parse(t, string(body))); err != nil {
			t.Fatal(err)
		}
		if offered.Send != answered.Receive || offered.Receive != answered.Send || !offered.Encrypted() {
			t.Fatalf("the sides do not have each other's keys")
		}
		return offered, answered
	}
	first, _ := exchange(caller, callee, SendRecv)
	if first.Send.Suite() != srtp.AES128GCM {
		t.Errorf("agreed on %v", first.Send.Suite())
	}
	held, _ := exchange(caller, callee, SendOnly)
	_, back := exchange(callee, caller, SendRecv)
	if held.Send != first.Send || held.Receive != first.Receive || back.Send != first.Send || back.Receive != first.Receive {
		t.Error("keys changed without need")
	}
}

func TestAnAnswerMustUseWhatWasOffered(t *testing.T) {
	rows := map[string]string{
		"plain":               "m=audio 4000 RTP/AVP 8\r\n",
		"without a key":       "m=audio 4000 RTP/SAVP 8\r\n",
		"another suite's tag": "m=audio 4000 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key + "\r\n",
		"a tag of its own":    "m=audio 4000 RTP/SAVP 8\r\na=crypto:9 AES_CM_128_HMAC_SHA1_80 inline:" + key + "\r\n",
	}
	for name, answer := range rows {
		w := NewWriter(1)
		w.SetPolicy(Required)
		w.Offer(here, nil, SendRecv)
		if a, err := w.Accept(parse(t, head+answer)); err == nil {
			t.Errorf("%s: agreed on %+v", name, a)
		}
	}
	w := NewWriter(1)
	w.Offer(here, nil, SendRecv)
	if _, err := w.Accept(parse(t, head+"m=audio 4000 RTP/SAVP 8\r\n"+sha)); err == nil {
		t.Error("an encrypted answer to a plain offer is taken")
	}
	w = NewWriter(1)
	w.SetPolicy(Required)
	w.Offer(here, nil, SendRecv)
	a, err := w.Accept(parse(t, head+"m=audio 4000 RTP/SAVP 8\r\n"+sha)) // tag 3
	if err != nil || a.Receive.Inline() != key || a.Send.Suite() != srtp.AES128SHA80 {
		t.Errorf("%+v, %v", a, err)
	}
}
