package sipgw

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
)

// certificate makes a certificate for a name, and the pool of its authority.
func certificate(t *testing.T, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IPAddresses: []net.IP{},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// secure has a gateway speak TLS too.
func secure(t *testing.T, c *Config) {
	cert, _ := certificate(t, "carillon.example")
	host, _, _ := net.SplitHostPort(c.Listen)
	c.ListenTLS, c.TLS = net.JoinHostPort(host, "0"), &tls.Config{Certificates: []tls.Certificate{cert}}
}

func TestTelephoneThatDemandsEncryptionIsOfferedIt(t *testing.T) {
	b := startLines(t, func(c *Config) { secure(t, c) }, line100())
	h := newHandset(t, b, "tls", "127.0.0.1")
	h.mustRegister()
	leg, err := b.Call(Outgoing{Line: "line-100", From: "101"})
	if err != nil {
		t.Fatal(err)
	}
	defer leg.Hangup(call.Cause{By: call.BySystem, Reason: call.ReasonHangup})
	first := h.hears("INVITE")
	if !strings.Contains(string(first.Body()), " RTP/AVP ") {
		t.Errorf("the first offer is\n%s", first.Body())
	}
	refused := sip.NewResponseFromRequest(first, sip.StatusNotAcceptableHere, "Not Acceptable Here", nil)
	h.send(refused.String())
	h.hears("ACK")
	second := h.hears("INVITE")
	if body := string(second.Body()); !strings.Contains(body, " RTP/SAVP ") || !strings.Contains(body, "a=crypto:") {
		t.Errorf("the second offer is\n%s", body)
	}
	if second.CSeq().SeqNo <= first.CSeq().SeqNo {
		t.Errorf("the second INVITE has number %d after %d", second.CSeq().SeqNo, first.CSeq().SeqNo)
	}
	h.send(sip.NewResponseFromRequest(second, sip.StatusNotAcceptableHere, "Not Acceptable Here", nil).String())
	h.hears("ACK")
	if m := h.read(300 * time.Millisecond); m != nil {
		t.Errorf("a third try:\n%s", m)
	}
}
