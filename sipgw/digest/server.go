package digest

import (
	"crypto/rand"
	"crypto/subtle"
	"net/netip"
	"strings"

	"github.com/carillon-cc/carillon/ccs"
)

// Server challenges telephones and checks their answers. Its methods may be
// called by any goroutine.
type Server struct {
	realm string
	key   [32]byte
	used  used
}

// NewServer makes a server with a key of its own: nonces of another one, such as
// before a restart, are stale.
func NewServer(realm string) *Server {
	s := &Server{realm: realm}
	_, _ = rand.Read(s.key[:]) // never fails
	return s
}

// Outcome is what an answer to a challenge is worth.
type Outcome uint8

// The outcomes.
const (
	Missing Outcome = iota // there is no answer
	Wrong                  // it does not prove the password
	Stale                  // it does, but with a nonce that may not be used, or a second time
	Right
)

// Request is what a SIP request says that its digest covers, and from where.
type Request struct {
	Method string
	URI    string // the Request-URI
	Source netip.Addr
	// Authorization are the values of its Authorization and Proxy-Authorization
	// headers.
	Authorization []string
}

// Challenges are the values of the WWW- or Proxy-Authenticate headers that ask
// for an answer, the better algorithm first (RFC 8760 §2.3).
func (s *Server) Challenges(source netip.Addr, transaction string, stale bool) []string {
	rest := `realm="` + s.realm + `", nonce="` + s.Nonce(source, transaction) + `", qop="auth"`
	if stale {
		rest += ", stale=true"
	}
	return []string{"Digest " + rest + ", algorithm=SHA-256", "Digest " + rest + ", algorithm=MD5"}
}

// Verify checks a request against a user's hashes. It takes as long for a user
// without any, whom nothing lets in.
func (s *Server) Verify(r Request, username string, secrets ccs.LineSecrets) Outcome {
	best := Missing
	for _, header := range r.Authorization {
		c, ok := readCredentials(header)
		if ok && c.realm != s.realm {
			continue // for a proxy on the way
		}
		outcome := Wrong
		if ok {
			outcome = s.verify(c, r, username, secrets)
		}
		if best = max(best, outcome); best == Right {
			break
		}
	}
	return best
}

func (s *Server) verify(c credentials, r Request, username string, secrets ccs.LineSecrets) Outcome {
	h, secret, known := c.hash(secrets)
	if !known || !c.complete() {
		return Wrong
	}
	expected := c.expected(h, strings.ToLower(secret), r.Method)
	right := subtle.ConstantTimeCompare([]byte(expected), []byte(strings.ToLower(c.response))) == 1
	if !right || secret == "" || c.username != username || !sameTarget(c.uri, r.URI) {
		return Wrong
	}
	made, ours := s.made(c.nonce, r.Source)
	if !ours || !s.fresh(made) || !s.used.first(c.response) {
		return Stale
	}
	return Right
}

// Answers tells whether a request brings back a nonce that was given to its
// address and may still be used, which costs less than Verify and tells nothing
// of the password.
func (s *Server) Answers(source netip.Addr, authorization []string) bool {
	for _, header := range authorization {
		c, ok := readCredentials(header)
		if !ok || c.realm != s.realm {
			continue
		}
		if made, ours := s.made(c.nonce, source); ours && s.fresh(made) {
			return true
		}
	}
	return false
}
