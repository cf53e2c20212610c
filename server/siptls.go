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
	"sync"
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
		files := &certificateFiles{cert: s.settings.SIPTLSCert, key: s.settings.SIPTLSKey, log: s.log}
		if err := files.load(); err != nil {
			return nil, fmt.Errorf("CARILLON_SIP_TLS_CERT: %w", err)
		}
		c.GetCertificate = files.get
	case s.settings.Domain != "":
		c.GetCertificate = s.acme().GetCertificate
	default:
		folder := filepath.Join(s.settings.Data, "sip-tls")
		files := &certificateFiles{cert: filepath.Join(folder, "cert.pem"), key: filepath.Join(folder, "key.pem"), log: s.log}
		if _, err := os.Stat(files.cert); errors.Is(err, os.ErrNotExist) {
			if err := selfSigned(files.cert, files.key); err != nil {
				return nil, fmt.Errorf("make a certificate for SIP over TLS: %w", err)
			}
			s.log.Warn("SIP over TLS has a certificate that Carillon made itself: telephones that check it must be told to trust it", "file", files.cert)
		}
		if err := files.load(); err != nil {
			return nil, fmt.Errorf("read the certificate of SIP over TLS: %w", err)
		}
		c.GetCertificate = files.get
	}
	return c, nil
}

// certificateCheck is how often the files of a certificate are looked at.
const certificateCheck = 10 * time.Second

// certificateFiles is a certificate in files that may be replaced while we run.
type certificateFiles struct {
	cert, key string
	log       *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	changed [2]time.Time // of the files, when they were read
	checked time.Time
}

// get is the certificate for a handshake. Files that cannot be read leave the
// one before in use.
func (f *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.checked) >= certificateCheck {
		f.checked = time.Now()
		if at, err := f.times(); err == nil && at != f.changed {
			if err := f.read(at); err != nil {
				f.log.Error("the new certificate of SIP over TLS cannot be used", "err", err)
			}
		}
	}
	return f.current, nil
}

// load reads the files for the first time.
func (f *certificateFiles) load() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, err := f.times()
	if err != nil {
		return err
	}
	f.checked = time.Now()
	return f.read(at)
}

// read takes the certificate from the files. f.mu is held.
func (f *certificateFiles) read(at [2]time.Time) error {
	cert, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return err
	}
	f.current, f.changed = &cert, at
	return nil
}

func (f *certificateFiles) times() (at [2]time.Time, err error) {
	for i, name := range []string{f.cert, f.key} {
		info, err := os.Stat(name)
		if err != nil {
			return at, err
		}
		at[i] = info.ModTime()
	}
	return at, nil
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
