// Package srtp encrypts the sound of telephones (RFC 3711, RFC 7714) with keys
// that SDP tells (RFC 4568).
package srtp

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"

	"github.com/pion/srtp/v3"
)

// Suite is a way to encrypt (RFC 4568 §6.2, RFC 7714 §14.2).
type Suite uint8

// The suites that are spoken. NoSuite stands for packets as they are.
const (
	NoSuite Suite = iota
	AES128GCM
	AES256GCM
	AES128SHA80
	AES128SHA32
)

// Suites are all suites in the order in which they are offered: GCM costs the
// least where the processor knows AES, and whoever does not know it knows the
// one that all must.
var Suites = []Suite{AES128GCM, AES256GCM, AES128SHA80, AES128SHA32}

var suites = [...]struct {
	name      string
	key, salt int // bytes
	profile   srtp.ProtectionProfile
}{
	AES128GCM:   {"AEAD_AES_128_GCM", 16, 12, srtp.ProtectionProfileAeadAes128Gcm},
	AES256GCM:   {"AEAD_AES_256_GCM", 32, 12, srtp.ProtectionProfileAeadAes256Gcm},
	AES128SHA80: {"AES_CM_128_HMAC_SHA1_80", 16, 14, srtp.ProtectionProfileAes128CmHmacSha1_80},
	AES128SHA32: {"AES_CM_128_HMAC_SHA1_32", 16, 14, srtp.ProtectionProfileAes128CmHmacSha1_32},
}

// String is the suite's name in SDP.
func (s Suite) String() string {
	if s == NoSuite || int(s) >= len(suites) {
		return "none"
	}
	return suites[s].name
}

// SuiteNamed finds a suite by its name in SDP, NoSuite where it is not spoken.
func SuiteNamed(name string) Suite {
	for _, s := range Suites {
		if suites[s].name == name {
			return s
		}
	}
	return NoSuite
}

// Key is the master key and salt of one direction of a call. The zero value is
// for packets as they are. Keys can be compared, and do not show when printed.
type Key struct {
	suite  Suite
	secret string
}

// NewKey makes up a key.
func NewKey(s Suite) Key {
	secret := make([]byte, suites[s].key+suites[s].salt)
	_, _ = rand.Read(secret) // never fails
	return Key{s, string(secret)}
}

// ParseKey reads a key of SDP's inline form. The error does not tell it.
func ParseKey(s Suite, text string) (Key, error) {
	encoding := base64.StdEncoding
	if len(text)%4 != 0 {
		encoding = base64.RawStdEncoding // some telephones leave the padding out
	}
	secret, err := encoding.DecodeString(text)
	if err != nil {
		return Key{}, fmt.Errorf("the key of %v is not base64", s)
	}
	if want := suites[s].key + suites[s].salt; len(secret) != want {
		return Key{}, fmt.Errorf("the key of %v has %d bytes instead of %d", s, len(secret), want)
	}
	return Key{s, string(secret)}, nil
}

// Suite is what the key is for.
func (k Key) Suite() Suite { return k.suite }

// Inline is the key as SDP tells it. It must not be logged.
func (k Key) Inline() string { return base64.StdEncoding.EncodeToString([]byte(k.secret)) }

// String hides the key.
func (k Key) String() string { return "a key of " + k.suite.String() }

// GoString hides the key.
func (k Key) GoString() string { return k.String() }

func (k Key) context(options ...srtp.ContextOption) (*srtp.Context, error) {
	s := suites[k.suite]
	c, err := srtp.CreateContext([]byte(k.secret[:s.key]), []byte(k.secret[s.key:]), s.profile, options...)
	if err != nil {
		return nil, fmt.Errorf("preparing %v: %w", k.suite, err)
	}
	return c, nil
}
