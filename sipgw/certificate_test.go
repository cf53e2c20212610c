package sipgw_test

import (
	"crypto/tls"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw"
	"github.com/carillon-cc/carillon/sipgw/siptest"
)

// secureProvider makes a gateway that is a provider over TLS, with the account 100,
// and whose certificate can be replaced.
func secureProvider(t *testing.T, first tls.Certificate) (*tower, *atomic.Pointer[tls.Certificate]) {
	t.Helper()
	var shown atomic.Pointer[tls.Certificate]
	shown.Store(&first)
	r := build(t, func(c *sipgw.Config) {
		c.ListenTLS = "127.0.0.1:0"
		c.TLS = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return shown.Load(), nil }}
	})
	r.SetLines([]*ccs.Line{{Meta: ccs.Meta{ID: "l"}, Number: "100", Secrets: ccs.NewLineSecrets("100", "secret")}})
	return r, &shown
}

func TestFaultyCertificateOfAProviderIsNamed(t *testing.T) {
	t.Parallel()
	const domain, host = "carrier.test", "sbc7.elsewhere.test"
	ours, stranger := siptest.NewAuthority(t), siptest.NewAuthority(t)
	hour := time.Now().Add(time.Hour)
	for _, row := range []struct {
		name    string
		cert    tls.Certificate
		reason  string // of the trunk's state
		finding string // of the doctor
	}{
		{"another name", ours.Issue(hour, "other.test"), sipgw.ReasonCertificateName, "tls.name"},
		// SRV can be forged: the name that counts is the domain (RFC 5922 §7).
		{"the name that SRV gives", ours.Issue(hour, host), sipgw.ReasonCertificateName, "tls.name"},
		{"expired", ours.Issue(time.Now().Add(-time.Minute), domain), sipgw.ReasonCertificateExpired, "tls.expired"},
		{"not yet valid", ours.Issue(hour.Add(60*time.Hour), domain), sipgw.ReasonCertificateExpired, "tls.early"},
		{"self-signed", siptest.SelfSigned(t, domain), sipgw.ReasonCertificateAuthority, "tls.authority"},
		{"another authority", stranger.Issue(hour, domain), sipgw.ReasonCertificateAuthority, "tls.authority"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r, shown := secureProvider(t, row.cert)
			told := make(states, 1000)
			w := build(t, func(c *sipgw.Config) {
				quick(c)
				c.OnTrunk = func(s sipgw.TrunkState) { told <- s }
				c.TLSRoots = ours.Pool
				c.Resolver = names{srv: domain, target: host, port: r.AddrTLS().Port(), at: loopback}
			})
			carrier := &ccs.Trunk{
				Meta: ccs.Meta{ID: "t"}, Name: "t", Register: true, Username: "100", Password: "secret",
				Targets: []ccs.TrunkTarget{{Host: domain, Transport: ccs.TLS}},
			}
			w.SetTrunks([]*ccs.Trunk{carrier})
			s := told.await(t, "told of its certificate", func(s sipgw.TrunkState) bool { return s.Reason == row.reason })
			if s.Status != sipgw.TrunkDown || !strings.Contains(s.Detail, "x509: ") || !s.RegisteredUntil.IsZero() {
				t.Errorf("state %+v", s)
			}
			var found []string
			for _, f := range w.Diagnose(t.Context(), *carrier, "") {
				found = append(found, f.Code)
			}
			if text := fmt.Sprint(found); !strings.Contains(text, row.finding) || strings.Contains(text, "register.ok") {
				t.Errorf("the doctor found %s", text)
			}
			if n := r.Stats().Registered; n != 0 {
				t.Errorf("%d registrations", n)
			}
			good := ours.Issue(hour, domain)
			shown.Store(&good)
			told.await(t, "registered", up)
		})
	}
}

func TestCallsGoToTheTargetWhoseCertificateIsGood(t *testing.T) {
	t.Parallel()
	authority := siptest.NewAuthority(t)
	hour := time.Now().Add(time.Hour)
	bad, _ := secureProvider(t, authority.Issue(hour, "other.test"))
	good, _ := secureProvider(t, authority.Issue(hour, "sbc.test"))
	told := make(states, 1000)
	w := build(t, func(c *sipgw.Config) {
		quick(c)
		c.OnTrunk = func(s sipgw.TrunkState) { told <- s }
		c.TLSRoots = authority.Pool
		c.Resolver = names{at: loopback}
	})
	carrier := provider("carrier")
	for _, r := range []*tower{bad, good} {
		carrier.Targets = append(carrier.Targets, ccs.TrunkTarget{Host: "sbc.test", Port: int(r.AddrTLS().Port()), Transport: ccs.TLS})
	}
	w.SetTrunks([]*ccs.Trunk{carrier})
	s := told.await(t, "told of one certificate", func(s sipgw.TrunkState) bool {
		return s.Status == sipgw.TrunkDegraded && s.Reason == sipgw.ReasonCertificateName
	})
	if !s.Targets[1].Up || s.Targets[0].Up || s.Targets[0].Fault == "" {
		t.Errorf("targets %+v", s.Targets)
	}
	if _, err := w.Call(sipgw.Outgoing{Number: "0123456789"}); err != nil {
		t.Fatal(err)
	}
	select {
	case in := <-good.incoming:
		if in.To != "+33123456789" {
			t.Errorf("called %q", in.To)
		}
	case <-bad.incoming:
		t.Error("the call went where nobody proved to be the provider")
	case <-time.After(patience):
		t.Fatal("no call came")
	}
}
