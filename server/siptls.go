package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// sipTLS is how SIP over TLS is served: with the operator's certificate, that of
// CARILLON_DOMAIN, or one of our own making. nil where it is not wanted.
func (s *server) sipTLS() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	switch {
	case s.settings.SIPTLS == "":
		return nil, nil //nolint:nilnil // nothing is wanted, which is no error
	case s.settings.SIPTLSCert != "":
		files := newCertificateFiles(s.settings.SIPTLSCert, s.settings.SIPTLSKey, s.log)
		if err := files.load(); err != nil {
			return nil, fmt.Errorf("CARILLON_SIP_TLS_CERT: %w", err)
		}
		c.GetCertificate = files.get
	case s.settings.Domain != "":
		c.GetCertificate = s.acme().GetCertificate
	default:
		folder := filepath.Join(s.settings.Data, "sip-tls")
		cert, key := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
		files := newCertificateFiles(cert, key, s.log)
		if _, err := os.Stat(cert); errors.Is(err, os.ErrNotExist) {
			if err := selfSigned(cert, key); err != nil {
				return nil, fmt.Errorf("make a certificate for SIP over TLS: %w", err)
			}
			s.log.Warn("SIP over TLS has a certificate that Carillon made itself: telephones that check it must be told to trust it", "file", cert)
		}
		if err := files.load(); err != nil {
			return nil, fmt.Errorf("read the certificate of SIP over TLS: %w", err)
		}
		c.GetCertificate = files.get
	}
	return c, nil
}

// certificateFiles is a certificate in files that may be replaced while we run.
type certificateFiles struct {
	watchedFiles
	current *tls.Certificate
}

func newCertificateFiles(cert, key string, log *slog.Logger) *certificateFiles {
	f := &certificateFiles{}
	f.watchedFiles = watchedFiles{
		names: []string{cert, key}, log: log, what: "certificate of SIP over TLS",
		read: func() error {
			pair, err := tls.LoadX509KeyPair(cert, key)
			if err == nil {
				f.current = &pair
			}
			return err
		},
	}
	return f
}

// get is the certificate for a handshake. Files that cannot be read leave the
// one before in use.
func (f *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refresh()
	return f.current, nil
}

// selfSignedTime is how long a certificate of our own is valid: nobody renews it.
const selfSignedTime = 20 * 365 * 24 * time.Hour

// selfSigned makes a certificate for this machine's name and addresses.
func selfSigned(certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "carillon"
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(selfSignedTime),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	if addresses, err := net.InterfaceAddrs(); err == nil {
		for _, a := range addresses {
			if n, ok := a.(*net.IPNet); ok && !n.IP.IsLinkLocalUnicast() {
				template.IPAddresses = append(template.IPAddresses, n.IP)
			}
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(keyFile), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600); err != nil {
		return err
	}
	return os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)
}
