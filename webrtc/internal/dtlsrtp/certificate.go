// Package dtlsrtp agrees on the keys of a media connection: the certificate, the
// DTLS handshake over packets that somebody else reads, and the SRTP contexts
// that come out of it (RFC 5763, RFC 5764). The server and the simulated
// browser share it.
package dtlsrtp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// certificateLife is how long a certificate says that it is valid. Nobody
// checks: the fingerprint in the SDP is what makes it trusted (RFC 5763 §5).
const certificateLife = 365 * 24 * time.Hour

// Certificate is a self-signed certificate and its fingerprint.
type Certificate struct {
	tls         tls.Certificate
	Fingerprint Fingerprint
}

// NewCertificate makes a certificate with a fresh P-256 key.
func NewCertificate() (*Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the DTLS key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return nil, fmt.Errorf("making the DTLS certificate's serial number: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		NotBefore:    time.Now().Add(-24 * time.Hour),
		NotAfter:     time.Now().Add(certificateLife),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("making the DTLS certificate: %w", err)
	}
	return &Certificate{
		tls:         tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		Fingerprint: sha256.Sum256(der),
	}, nil
}

// Fingerprint is the SHA-256 of a certificate: what SDP tells of it.
type Fingerprint [sha256.Size]byte

// ParseFingerprint reads the value of SDP's a=fingerprint (RFC 8122 §5). Only
// SHA-256 is taken, which every browser sends (RFC 8827 §6.5).
func ParseFingerprint(value string) (Fingerprint, error) {
	algorithm, digits, found := strings.Cut(strings.TrimSpace(value), " ")
	if !found || !strings.EqualFold(algorithm, "sha-256") {
		return Fingerprint{}, errors.New("fingerprint is not of sha-256")
	}
	var f Fingerprint
	parts := strings.Split(digits, ":")
	if len(parts) != len(f) {
		return Fingerprint{}, fmt.Errorf("fingerprint has %d bytes, not %d", len(parts), len(f))
	}
	for i, part := range parts {
		b, err := hex.DecodeString(part)
		if err != nil || len(b) != 1 {
			return Fingerprint{}, errors.New("fingerprint is not in hexadecimal")
		}
		f[i] = b[0]
	}
	return f, nil
}

// String is the fingerprint as SDP writes it, with its algorithm.
func (f Fingerprint) String() string {
	var b strings.Builder
	b.WriteString("sha-256 ")
	for i, v := range f {
		if i > 0 {
			b.WriteByte(':')
		}
		fmt.Fprintf(&b, "%02X", v)
	}
	return b.String()
}
