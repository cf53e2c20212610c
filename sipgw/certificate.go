package sipgw

import (
	"crypto/tls"
	"crypto/x509"
	"errors"

	"github.com/carillon-cc/carillon/sipgw/trunk"
)

// clientTLS is how we connect to a peer, whose certificate must have a name.
func (g *Gateway) clientTLS(name string) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: name}
	if g.cfg.TLSRoots != nil {
		c.RootCAs = g.cfg.TLSRoots()
	}
	if g.cfg.TLS != nil {
		c.GetClientCertificate = g.ownCertificate
	}
	return c
}

// ownCertificate is the one that telephones see, for peers that ask for ours: some
// session border controllers let nobody in without (mutual TLS).
func (g *Gateway) ownCertificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	if get := g.cfg.TLS.GetCertificate; get != nil {
		if c, err := get(&tls.ClientHelloInfo{}); err == nil && c != nil {
			return c, nil
		}
	}
	if all := g.cfg.TLS.Certificates; len(all) > 0 {
		return &all[0], nil
	}
	return &tls.Certificate{}, nil // none, which the peer may take too
}

// certificateFault says why the certificate of a peer was not accepted; "" where
// something else went wrong.
func certificateFault(err error) trunk.Fault {
	var name x509.HostnameError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &name):
		return trunk.FaultName
	case errors.As(err, &authority):
		return trunk.FaultAuthority
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return trunk.FaultExpired
	}
	return ""
}
