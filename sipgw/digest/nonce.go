package digest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"time"
)

// A nonce is its time, a mark of the transaction it was made for, and a
// signature over both and the address it was given to. So nothing is kept for
// those who are challenged, and who brings a nonce back has shown that answers
// reach the address that its requests come from.
const (
	timeSize      = 4
	markSize      = 6
	signatureSize = 14
	nonceSize     = timeSize + markSize + signatureSize
)

const (
	// lifetime is how long a nonce may be used; then the telephone is given
	// another, without anybody being asked for the password again.
	lifetime = 5 * time.Minute
	// step is how exact a nonce's time is: a repeated request gets the same
	// nonce within it.
	step = 32 * time.Second
)

// Nonce makes the nonce for a request. transaction names the request, so that
// it gets the same one when it is repeated and no other request does.
func (s *Server) Nonce(source netip.Addr, transaction string) string {
	var n [nonceSize]byte
	binary.BigEndian.PutUint32(n[:], uint32(time.Now().Truncate(step).Unix()))
	mark := sha256.Sum256([]byte(transaction))
	copy(n[timeSize:], mark[:markSize])
	s.sign(n[:timeSize+markSize], source, n[timeSize+markSize:])
	return base64.RawURLEncoding.EncodeToString(n[:])
}

// sign writes the signature of a nonce's first part.
func (s *Server) sign(part []byte, source netip.Addr, into []byte) {
	h := hmac.New(sha256.New, s.key[:])
	h.Write(part)
	address := source.Unmap().As16()
	h.Write(address[:])
	var sum [sha256.Size]byte
	copy(into, h.Sum(sum[:0])[:signatureSize])
}

// made reads when a nonce of ours was made for an address.
func (s *Server) made(nonce string, source netip.Addr) (at time.Time, ours bool) {
	var n [nonceSize]byte
	if len(nonce) != base64.RawURLEncoding.EncodedLen(nonceSize) {
		return time.Time{}, false
	}
	if _, err := base64.RawURLEncoding.Decode(n[:], []byte(nonce)); err != nil {
		return time.Time{}, false
	}
	var want [signatureSize]byte
	s.sign(n[:timeSize+markSize], source, want[:])
	if !hmac.Equal(want[:], n[timeSize+markSize:]) {
		return time.Time{}, false
	}
	return time.Unix(int64(binary.BigEndian.Uint32(n[:])), 0), true
}

// fresh tells whether a nonce may still be used.
func (s *Server) fresh(made time.Time) bool {
	return time.Since(made) < lifetime && s.used.remembers(made)
}
