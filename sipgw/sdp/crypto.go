package sdp

import (
	"strconv"
	"strings"

	"github.com/carillon-cc/carillon/sipgw/srtp"
)

// maxCrypto is how many a=crypto lines of one m-line are read.
const maxCrypto = 16

// Crypto is an a=crypto line that we can use (RFC 4568 §4).
type Crypto struct {
	Tag int
	Key srtp.Key // of what its writer sends
}

// Policy says which transport of sound is agreed on.
type Policy uint8

// The policies.
const (
	// Plain sound alone: keys in the clear would protect nothing.
	Plain Policy = iota
	// Preferred takes encrypted sound where it is offered. Own offers are plain.
	Preferred
	// Required takes and offers nothing but encrypted sound.
	Required
)

// profiles are the transports of sound that are spoken, and whether they
// encrypt. Those with feedback (RFC 4585) only allow more reports.
var profiles = map[string]bool{"RTP/AVP": false, "RTP/AVPF": false, "RTP/SAVP": true, "RTP/SAVPF": true}

// parseCrypto reads "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^48 WSH=64". What is
// malformed, unknown or asks for what we lack is not usable: ok is false.
func parseCrypto(value string) (c Crypto, ok bool) {
	fields := strings.Fields(value)
	if len(fields) < 3 || len(fields[0]) > 9 {
		return Crypto{}, false
	}
	tag, err := strconv.ParseUint(fields[0], 10, 32)
	if err != nil {
		return Crypto{}, false
	}
	suite := srtp.SuiteNamed(strings.ToUpper(fields[1]))
	if suite == srtp.NoSuite {
		return Crypto{}, false
	}
	method, parameters, _ := strings.Cut(fields[2], ":")
	if !strings.EqualFold(method, "inline") {
		return Crypto{}, false
	}
	text, rest, more := strings.Cut(parameters, "|")
	if more && !isLifetime(rest) {
		return Crypto{}, false // it has an MKI (RFC 4568 §6.1), or several keys
	}
	for _, f := range fields[3:] {
		if !harmless(f) {
			return Crypto{}, false
		}
	}
	key, err := srtp.ParseKey(suite, text)
	if err != nil {
		return Crypto{}, false
	}
	return Crypto{int(tag), key}, true
}

// isLifetime tells whether s is how many packets a key may serve, such as 2^48.
// That binds its sender, who will tell another key in time.
func isLifetime(s string) bool {
	s = strings.TrimPrefix(s, "2^")
	n, err := strconv.ParseUint(s, 10, 64)
	return err == nil && n > 0
}

// harmless tells whether a session parameter changes nothing for us. An unknown
// one makes a line unusable unless it begins with a hyphen (RFC 4568 §6.3.7).
func harmless(parameter string) bool {
	name, value, _ := strings.Cut(strings.ToUpper(parameter), "=")
	return name == "WSH" || name == "KDR" && value == "0" || strings.HasPrefix(name, "-")
}

// writeCrypto writes a line.
func writeCrypto(b *strings.Builder, c Crypto) {
	b.WriteString("a=crypto:" + strconv.Itoa(c.Tag) + " " + c.Key.Suite().String() + " inline:" + c.Key.Inline() + "\r\n")
}
