package server

import (
	"crypto/x509"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/sipgw/siptest"
)

func TestAuthoritiesOfTrunksAreReadAgainWhenTheFileChanges(t *testing.T) {
	s := &server{log: slog.New(slog.DiscardHandler)}
	if get, err := s.sipAuthorities(); get != nil || err != nil {
		t.Errorf("without a file: %v", err)
	}
	s.settings.SIPTLSCA = filepath.Join(t.TempDir(), "ca.pem")
	if _, err := s.sipAuthorities(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	put := func(content []byte, age time.Duration) {
		t.Helper()
		if err := os.WriteFile(s.settings.SIPTLSCA, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(s.settings.SIPTLSCA, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	put([]byte("nothing"), 4*time.Minute)
	if _, err := s.sipAuthorities(); !errors.Is(err, errNoAuthority) {
		t.Errorf("a file without a certificate: %v", err)
	}

	first, second := siptest.NewAuthority(t), siptest.NewAuthority(t)
	put(first.PEM(), 3*time.Minute)
	file := newAuthorityFile(s.settings.SIPTLSCA, s.log)
	if err := file.load(); err != nil {
		t.Fatal(err)
	}
	trusts := func(want bool, a *siptest.Authority) {
		t.Helper()
		file.checked = time.Time{}
		leaf := a.Issue(time.Now().Add(time.Hour), "sbc.test").Leaf
		_, err := leaf.Verify(x509.VerifyOptions{Roots: file.get(), DNSName: "sbc.test"})
		if (err == nil) != want {
			t.Errorf("verified: %v, want %v", err, want)
		}
	}
	trusts(true, first)
	trusts(false, second)
	put([]byte("broken"), 2*time.Minute)
	trusts(true, first)
	put(second.PEM(), time.Minute)
	trusts(false, first)
	trusts(true, second)
}
