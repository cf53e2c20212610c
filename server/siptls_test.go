package server

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestCertificateOfSIPIsMadeOnceAndReadAgainWhenItChanges(t *testing.T) {
	s := &server{log: slog.New(slog.DiscardHandler)}
	s.settings.Data, s.settings.SIPTLS = t.TempDir(), ":5061"
	first, err := s.sipTLS()
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.sipTLS()
	if err != nil {
		t.Fatal(err)
	}
	a, _ := first.GetCertificate(nil)
	b, _ := second.GetCertificate(nil)
	if !bytes.Equal(a.Certificate[0], b.Certificate[0]) {
		t.Error("another start made another certificate")
	}

	cert, key := filepath.Join(s.settings.Data, "sip-tls", "cert.pem"), filepath.Join(s.settings.Data, "sip-tls", "key.pem")
	files := newCertificateFiles(cert, key, s.log)
	if err := files.load(); err != nil {
		t.Fatal(err)
	}
	later := func() []byte {
		files.checked = time.Time{}
		c, err := files.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return c.Certificate[0]
	}
	if err := os.WriteFile(cert, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(later(), a.Certificate[0]) {
		t.Error("a broken file replaced the certificate")
	}
	if err := selfSigned(cert, key); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(cert, time.Now(), time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(later(), a.Certificate[0]) {
		t.Error("the new certificate is not used")
	}
}

func TestCertificateNeedsItsKey(t *testing.T) {
	c := Config{HTTP: ":8080", SIP: ":5060", SIPTLS: ":5061", SIPTLSCert: "cert.pem", RTPPorts: "16384-32767", WebRTCPort: "8443", Log: "info"}
	if _, err := c.check(); err == nil {
		t.Error("a certificate without its key is taken")
	}
	c.SIPTLSKey = "key.pem"
	if _, err := c.check(); err != nil {
		t.Error(err)
	}
	c.SIPTLS = "5061"
	if _, err := c.check(); err == nil {
		t.Error("an address without a colon is taken")
	}
}
