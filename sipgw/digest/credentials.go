package digest

import (
	"crypto/md5" //nolint:gosec // telephones that know nothing better
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/carillon-cc/carillon/ccs"
)

// credentials are what an Authorization header says.
type credentials struct {
	username, realm, nonce, uri, response string
	algorithm, cnonce, nc, qop            string
}

// readCredentials reads an Authorization header. ok is false when it is not a
// digest one or cannot be read.
func readCredentials(header string) (c credentials, ok bool) {
	seen := 0
	scheme, ok := params(header, func(name, value string) {
		into := c.field(name)
		if into == nil {
			return
		}
		if *into != "" {
			seen = -1 << 20 // told twice: which one counts is anybody's guess
		}
		seen++
		*into = value
	})
	return c, ok && seen > 0 && strings.EqualFold(scheme, "Digest")
}

// field is where a parameter is kept, nil for one that says nothing to us.
func (c *credentials) field(name string) *string {
	switch name {
	case "username":
		return &c.username
	case "realm":
		return &c.realm
	case "nonce":
		return &c.nonce
	case "uri":
		return &c.uri
	case "response":
		return &c.response
	case "algorithm":
		return &c.algorithm
	case "cnonce":
		return &c.cnonce
	case "nc":
		return &c.nc
	case "qop":
		return &c.qop
	}
	return nil
}

// hash is an algorithm, in hexadecimal, and the secret that belongs to it.
// known is false for one that we do not offer.
func (c credentials) hash(secrets ccs.LineSecrets) (h func(string) string, secret string, known bool) {
	switch strings.ToUpper(c.algorithm) {
	case "", "MD5": // RFC 7616 §3.4
		return hexMD5, secrets.MD5, true
	case "SHA-256":
		return hexSHA256, secrets.SHA256, true
	}
	return nil, "", false
}

// expected is the response that the secret gives (RFC 7616 §3.4.1).
func (c credentials) expected(h func(string) string, secret, method string) string {
	return h(secret + ":" + c.nonce + ":" + c.nc + ":" + c.cnonce + ":" + c.qop + ":" + h(method+":"+c.uri))
}

// complete tells whether there is what the protection against replay needs.
func (c credentials) complete() bool {
	return strings.EqualFold(c.qop, "auth") && len(c.nc) == 8 && c.cnonce != ""
}

func hexMD5(s string) string {
	sum := md5.Sum([]byte(s)) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}

func hexSHA256(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// sameTarget tells whether two URIs name the same user at the same host: what
// telephones hash is the Request-URI, but some leave its parameters out.
func sameTarget(a, b string) bool {
	userA, hostA := target(a)
	userB, hostB := target(b)
	return userA == userB && strings.EqualFold(hostA, hostB)
}

func target(uri string) (user, host string) {
	_, rest, found := strings.Cut(uri, ":")
	if !found {
		return "", uri
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		user, rest = rest[:at], rest[at+1:]
	}
	if end := strings.IndexAny(rest, ";?"); end >= 0 {
		rest = rest[:end]
	}
	for _, port := range []string{":5060", ":5061"} {
		rest = strings.TrimSuffix(rest, port)
	}
	return user, rest
}
