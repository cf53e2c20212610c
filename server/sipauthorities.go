package server

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
)

// sipAuthorities are who signs the certificates of trunks: those whom the machine
// trusts and, where the operator names a file, those in it. nil is the machine's
// alone.
func (s *server) sipAuthorities() (func() *x509.CertPool, error) {
	if s.settings.SIPTLSCA == "" {
		return nil, nil //nolint:nilnil // the default, which is no error
	}
	file := newAuthorityFile(s.settings.SIPTLSCA, s.log)
	if err := file.load(); err != nil {
		return nil, fmt.Errorf("CARILLON_SIP_TLS_CA: %w", err)
	}
	return file.get, nil
}

// errNoAuthority is why a file of authorities cannot be used.
var errNoAuthority = errors.New("the file holds no certificate in PEM")

// authorityFile is a file of authorities that may be replaced while we run.
type authorityFile struct {
	watchedFiles
	current *x509.CertPool
}

func newAuthorityFile(path string, log *slog.Logger) *authorityFile {
	f := &authorityFile{}
	f.watchedFiles = watchedFiles{
		names: []string{path}, log: log, what: "authorities of SIP over TLS",
		read: func() error {
			pool, err := readAuthorities(path)
			if err == nil {
				f.current = pool
			}
			return err
		},
	}
	return f
}

// get is the authorities for a handshake. A file that cannot be read leaves those
// before in use.
func (f *authorityFile) get() *x509.CertPool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refresh()
	return f.current
}

// readAuthorities returns the machine's authorities and those in a file.
func readAuthorities(path string) (*x509.CertPool, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a machine without any
	}
	if !pool.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("%s: %w", path, errNoAuthority)
	}
	return pool, nil
}
