package sipgw

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strconv"
	"syscall"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/sipgw/trunk"
)

// expiresSoon is how long before its end a certificate is warned of.
const expiresSoon = 14 * 24 * time.Hour

// reach asks an endpoint whether it lives.
func (d *diagnosis) reach(ctx context.Context, e trunk.Endpoint) {
	if e.Transport != "UDP" && !d.connects(ctx, e) {
		return
	}
	begun := time.Now()
	status, reason, _ := d.gateway.ask(ctx, d.trunks.options(d.link.trunk, e), e, askTimeout)
	rtt := strconv.FormatInt(time.Since(begun).Milliseconds(), 10)
	d.link.health.Heard(e, time.Now(), status, reason, 0, false)
	said := itoa(status) + " " + reason
	switch {
	case status/100 == 2:
		d.add("reach", LevelOK, "reach.ok", "Target", e.String(), "Milliseconds", rtt)
	case status == sip.StatusServiceUnavailable || status == sip.StatusRequestTimeout:
		d.add("reach", LevelFail, "reach.unavailable", "Target", e.String(), "Said", said)
	case status != 0:
		d.add("reach", LevelOK, "reach.answers", "Target", e.String(), "Said", said, "Milliseconds", rtt)
	case d.link.trunk.Register:
		d.add("reach", LevelWarn, "reach.deaf", "Target", e.String(), "Problem", reason)
	default:
		d.add("reach", LevelFail, "reach.silent", "Target", e.String(), "Problem", reason)
	}
}

// connects tests the connection to an endpoint, and its certificate.
func (d *diagnosis) connects(ctx context.Context, e trunk.Endpoint) bool {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", e.Peer.String())
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		d.add("reach", LevelFail, "reach.refused", "Target", e.String())
		return false
	case err != nil:
		d.add("reach", LevelFail, "reach.unconnected", "Target", e.String(), "Problem", err.Error())
		return false
	}
	defer conn.Close()
	if e.Transport != "TLS" {
		return true
	}
	secured := tls.Client(conn, d.gateway.clientTLS(e.Host))
	if err := secured.HandshakeContext(ctx); err != nil {
		d.certificate(e, err)
		return false
	}
	leaf := secured.ConnectionState().PeerCertificates[0]
	until := leaf.NotAfter.UTC().Format(time.DateOnly)
	if time.Until(leaf.NotAfter) < expiresSoon {
		d.add("tls", LevelWarn, "tls.expiresSoon", "Target", e.String(), "Date", until)
	} else {
		d.add("tls", LevelOK, "tls.ok", "Target", e.String(), "Date", until)
	}
	return true
}

// certificate says what is wrong with an endpoint's certificate.
func (d *diagnosis) certificate(e trunk.Endpoint, err error) {
	switch certificateFault(err) {
	case trunk.FaultName:
		d.add("tls", LevelFail, "tls.name", "Target", e.String(), "Host", e.Host)
	case trunk.FaultAuthority:
		d.add("tls", LevelFail, "tls.authority", "Target", e.String())
	case trunk.FaultExpired:
		d.expired(e, err)
	default:
		d.add("tls", LevelFail, "tls.failed", "Target", e.String(), "Problem", err.Error())
	}
}

// expired says from when to when a certificate is valid that is not valid now.
func (d *diagnosis) expired(e trunk.Endpoint, err error) {
	var invalid x509.CertificateInvalidError
	if !errors.As(err, &invalid) || invalid.Cert == nil {
		return
	}
	if begins := invalid.Cert.NotBefore; begins.After(time.Now()) {
		d.add("tls", LevelFail, "tls.early", "Target", e.String(), "Date", begins.UTC().Format(time.DateOnly))
		return
	}
	d.add("tls", LevelFail, "tls.expired", "Target", e.String(), "Date", invalid.Cert.NotAfter.UTC().Format(time.DateOnly))
}
