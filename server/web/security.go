package web

import (
	"context"
	"crypto/rand"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/a-h/templ"
)

// secureHeaders sends what keeps a page from being abused: scripts and styles
// run only from our files or with the page's nonce, no other site may frame
// the page, and forms must come from our own pages.
func (w *Web) secureHeaders(next http.Handler) http.Handler {
	checked := w.origin.Handler(next)
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		nonce := rand.Text()
		socket := "ws://" + r.Host
		if w.o.Secure {
			socket = "wss://" + r.Host
			rw.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
		h := rw.Header()
		h.Set("Content-Security-Policy", strings.Join([]string{
			"default-src 'none'",
			"script-src 'nonce-" + nonce + "'",
			"style-src 'self' 'nonce-" + nonce + "'",
			"img-src 'self' data:",
			"font-src 'self'",
			"media-src 'self' blob:",
			// Older Safari does not count the socket of the same host as 'self'.
			"connect-src 'self' " + socket,
			"form-action 'self'",
			"frame-ancestors 'none'",
			"base-uri 'none'",
		}, "; "))
		h.Set("X-Frame-Options", "DENY")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "microphone=(self), speaker-selection=(self), camera=(), geolocation=()")
		r.Body = http.MaxBytesReader(rw, r.Body, maxBody)
		checked.ServeHTTP(rw, r.WithContext(templ.WithNonce(r.Context(), nonce)))
	})
}

// crossOrigin answers a form that another site sent (CSRF).
func (w *Web) crossOrigin(rw http.ResponseWriter, r *http.Request) {
	w.problem(rw, r, http.StatusForbidden, "crossOrigin")
}

// guard keeps a fault in one page from ending the program, and tells the user.
func (w *Web) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		defer func() {
			fault := recover()
			if fault == nil {
				return
			}
			if fault == http.ErrAbortHandler { //nolint:errorlint // what was thrown is this very value, not an error that wraps it
				panic(fault)
			}
			w.o.Log.Error("a page failed", "path", r.URL.Path, "fault", fault, "stack", string(debug.Stack()))
			w.problem(rw, r, http.StatusInternalServerError, "failed")
		}()
		next.ServeHTTP(rw, r)
	})
}

func nonceOf(ctx context.Context) string { return templ.GetNonce(ctx) }
