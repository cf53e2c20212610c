// Package digest proves who somebody is by a shared password, as SIP does it
// (RFC 3261 §22, RFC 7616, RFC 8760): us to providers, and telephones that
// register to us.
package digest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// ErrNoChallenge says that a response holds no challenge that can be answered:
// none at all, or only in algorithms or protections that we lack.
var ErrNoChallenge = errors.New("no digest challenge that can be answered")

// algorithms are those that are answered, the weakest first. An algorithm that
// is not named is MD5 (RFC 7616 §3.3).
var algorithms = []string{"", "MD5", "SHA-256", "SHA-512-256"}

// Challenge is a server's demand to be told who asks.
type Challenge struct {
	Realm string
	// Stale says that the password was right and only the nonce is too old: the
	// same credentials may be tried once more (RFC 7616 §3.3).
	Stale    bool
	response string // the name of the header that answers
	asked    *digest.Challenge
}

// Read finds the strongest challenge that can be answered in a 401 or 407.
// Servers offer several algorithms in as many headers (RFC 8760 §2.3), and
// proxies add challenges of their own. The error is ErrNoChallenge.
func Read(res *sip.Response) (Challenge, error) {
	best, strength := Challenge{}, -1
	for _, kind := range []struct{ challenge, response string }{
		{"WWW-Authenticate", "Authorization"}, {"Proxy-Authenticate", "Proxy-Authorization"},
	} {
		for _, h := range res.GetHeaders(kind.challenge) {
			// Our answer repeats parts of it.
			if strings.ContainsFunc(h.Value(), unicode.IsControl) {
				continue
			}
			asked, err := digest.ParseChallenge(strings.TrimSpace(h.Value()))
			if err != nil {
				continue
			}
			s := slices.Index(algorithms, strings.ToUpper(asked.Algorithm))
			if s <= strength || !plainQOP(asked) {
				continue
			}
			best, strength = Challenge{Realm: asked.Realm, Stale: asked.Stale, response: kind.response, asked: asked}, s
		}
	}
	if strength < 0 {
		return Challenge{}, ErrNoChallenge
	}
	return best, nil
}

// plainQOP settles for the protection of the request line alone, which all
// servers take: bodies are rewritten by networks on their way. It tells whether
// the challenge allows that.
func plainQOP(asked *digest.Challenge) bool {
	if len(asked.QOP) == 0 {
		return true // RFC 2069, still in use
	}
	for _, value := range asked.QOP {
		if strings.EqualFold(strings.TrimSpace(value), "auth") {
			asked.QOP = []string{"auth"}
			return true
		}
	}
	return false
}

// Answer makes the header that answers the challenge, for a request with a
// method and a Request-URI as it is spelled there. Each request needs an answer
// of its own: it counts as the first use of the nonce.
func (c Challenge) Answer(method, uri, user, password string) (sip.Header, error) {
	if c.asked == nil {
		return nil, ErrNoChallenge
	}
	credentials, err := digest.Digest(c.asked, digest.Options{Method: method, URI: uri, Username: user, Password: password})
	if err != nil {
		return nil, fmt.Errorf("answering a digest challenge: %w", err)
	}
	return sip.NewHeader(c.response, credentials.String()), nil
}
