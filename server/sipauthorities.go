package server

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// sipAuthorities are who signs the certificates of trunks: those whom the machine
// trusts and, where the operator names a file, those in it. nil is the machine's
// alone.
func (s *server) sipAuthorities() (func() *x509.CertPool, error) {
	if s.settings.SIPTLSCA == "" {
		return nil, nil //nolint:nilnil // the default, which is no error
	}
	file := &authorityFile{path: s.settings.SIPTLSCA, log: s.log}
	if err := file.load(); err != nil {
		return nil, fmt.Errorf("CARILLON_SIP_TLS_CA: %w", err)
	}
	return file.get, nil
}

// errNoAuthority is why a file of authorities cannot be used.
var errNoAuthority = errors.New("the file holds no certificate in PEM")

// authorityFile is a file of authorities that may be replaced while we run.
type authorityFile struct {
	path string
	log  *slog.Logger

	mu      sync.Mutex
	current *x509.CertPool
	changed time.Time // of the file, when it was read
	checked time.Time
}

// get is the authorities for a handshake. A file that cannot be read leaves those
// before in use.
func (f *authorityFile) get() *x509.CertPool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.checked) >= certificateCheck {
		f.checked = time.Now()
		if info, err := os.Stat(f.path); err == nil && info.ModTime() != f.changed {
			if err := f.read(info.ModTime()); err != nil {
				f.log.Error("the new authorities of SIP over TLS cannot be used", "err", err)
			}
		}
	}
	return f.current
}

// load reads the file for the first time.
func (f *authorityFile) load() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	if err != nil {
		return err
	}
	f.checked = time.Now()
	return f.read(info.ModTime())
}

// read takes the authorities from the file. f.mu is held.
func (f *authorityFile) read(at time.Time) error {
	content, err := os.ReadFile(f.path)
	if err != nil {
		return err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a machine without any
	}
	if !pool.AppendCertsFromPEM(content) {
		return fmt.Errorf("%s: %w", f.path, errNoAuthority)
	}
	f.current, f.changed = pool, at
	return nil
}
