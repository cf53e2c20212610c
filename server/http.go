package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/server/web"
)

// The limits of an HTTP request. Pages are small; a WebSocket has limits of its
// own from the moment it begins.
const (
	headerTime  = 10 * time.Second
	requestTime = 5 * time.Minute // the download of a long recording
	idleTime    = 2 * time.Minute
	maxHeader   = 64 << 10
)

// openHTTP opens the web ports and returns what serves each of them.
func (s *server) openHTTP(ctx context.Context, parts *sync.WaitGroup) ([]func() error, error) {
	watch := newStoreWatch(s.db, s.log)
	parts.Go(func() { watch.run(ctx) })
	pages, err := web.New(web.Options{
		Tables: s.tables, Blobs: s.db.Blobs(), Socket: s.desks, Log: s.log,
		Secure: s.settings.Domain != "", Demo: s.settings.Demo, StoreDown: watch.down, Changed: s.config.load, SIPPort: int(s.sip.Addr().Port()), SIPTLSPort: int(s.sip.AddrTLS().Port()),
		SIPHost:   s.sipHost(),
		SignedOut: s.desks.SignedOut, CutOff: s.desks.CutOff, Agents: s.agentStates, Telephony: telephony{s},
	})
	if err != nil {
		return nil, fmt.Errorf("prepare the pages: %w", err)
	}
	s.pages.Store(pages)
	pages.Handle("GET /healthz", http.HandlerFunc(healthy))
	pages.Handle("GET /readyz", http.HandlerFunc(s.ready))
	pages.Handle("GET /metrics", s.metrics.handler())
	parts.Go(func() { pages.Housekeeping(ctx) })

	plain, err := net.Listen("tcp", s.settings.HTTP)
	if err != nil {
		return nil, fmt.Errorf("open CARILLON_HTTP: %w", err)
	}
	plain = limit(plain, maxConnections)
	if s.settings.Domain == "" {
		return []func() error{s.serveOn(plain, pages)}, nil
	}
	secure, err := s.listenTLS(ctx)
	if err != nil {
		_ = plain.Close()
		return nil, err
	}
	return []func() error{s.serveOn(plain, toHTTPS(s.settings.Domain, pages)), s.serveOn(secure, pages)}, nil
}

// toHTTPS sends browsers to where passwords are not read on the way. Programs
// that watch over Carillon are served here too.
func toHTTPS(domain string, pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/healthz", "/readyz", "/metrics":
			pages.ServeHTTP(w, r)
		default:
			http.Redirect(w, r, "https://"+domain+r.URL.RequestURI(), http.StatusPermanentRedirect)
		}
	})
}

// listenTLS opens port 443 with certificates that are fetched and renewed by
// themselves (RFC 8555).
func (s *server) listenTLS(ctx context.Context) (net.Listener, error) {
	config := s.acme()
	if err := config.ManageAsync(ctx, []string{s.settings.Domain}); err != nil {
		return nil, fmt.Errorf("manage the certificate of CARILLON_DOMAIN: %w", err)
	}
	t := config.TLSConfig()
	t.NextProtos = append([]string{"http/1.1"}, t.NextProtos...) // WebSockets need HTTP/1.1
	l, err := net.Listen("tcp", ":443")
	if err != nil {
		return nil, fmt.Errorf("open HTTPS: %w", err)
	}
	// Below TLS, so that a connection counts before its handshake.
	return tls.NewListener(limit(l, maxConnections), t), nil
}

// acme is what keeps the certificate of CARILLON_DOMAIN.
func (s *server) acme() *certmagic.Config {
	s.acmeOnce.Do(func() {
		s.acmeConfig = certmagic.NewDefault()
		s.acmeConfig.Storage = &certmagic.FileStorage{Path: filepath.Join(s.settings.Data, "certificates")}
		// Telephones often do not say whom they mean.
		s.acmeConfig.DefaultServerName = s.settings.Domain
	})
	return s.acmeConfig
}

// serveOn prepares a server for a listener; shutdown stops it.
func (s *server) serveOn(l net.Listener, h http.Handler) func() error {
	server := &http.Server{
		Addr: l.Addr().String(), Handler: h, ReadHeaderTimeout: headerTime, ReadTimeout: requestTime,
		WriteTimeout: requestTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
	}
	if pages := s.pages.Load(); pages != nil {
		server.RegisterOnShutdown(pages.EndStreams)
	}
	s.http = append(s.http, server)
	return func() error {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve HTTP: %w", err)
		}
		return nil
	}
}

// callChanged passes on what happens to calls. It runs in their goroutines.
func (s *server) callChanged(v call.View) {
	s.metrics.callChanged(v)
	s.desks.CallChanged(v)
	s.refresh()
}

// sipHost is where telephones beside this machine reach it: the address that is
// told to peers, the one that SIP listens on, or that of the machine's way out.
func (s *server) sipHost() string {
	at := s.settings.publicIP
	if !at.IsValid() {
		at = s.sip.Addr().Addr().Unmap()
	}
	if !at.IsUnspecified() {
		return at.String()
	}
	// Nothing is sent: connecting a UDP socket asks for the route alone. The
	// address is one of those that are nobody's (RFC 5737).
	conn, err := net.Dial("udp4", "192.0.2.1:9")
	if err != nil {
		return ""
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).IP.String()
}
