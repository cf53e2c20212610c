// Package web is the part of the server that people see: signing in, the pages,
// and the files that belong to them.
package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/static"
	"github.com/carillon-cc/carillon/store"
	"github.com/carillon-cc/carillon/ui"
)

// maxBody bounds what a form may send, in bytes.
const maxBody = 64 << 10

// Options are what the web pages work with. Tables, Blobs and Log are required.
type Options struct {
	Tables *store.Tables
	Blobs  store.Blobs
	// Socket serves /ws for whoever is signed in; UserFrom tells who it is. It
	// closes the socket when the request's context ends: then the session did.
	Socket http.Handler
	Log    *slog.Logger
	// Secure marks cookies for HTTPS only and has browsers insist on HTTPS.
	Secure bool
	// Demo shows a hint about the demonstration's users on the sign-in page.
	Demo bool
	// SIPPort is where callers reach us, 0 for 5060; shown in hints only.
	SIPPort int
	// SIPHost is the address of this machine for telephones beside it, "" where it
	// is not known; shown where the administrator's browser runs on this machine.
	SIPHost string
	// SIPTLSPort is where telephones reach us by TLS, 0 where they do not.
	SIPTLSPort int
	// Telephony tells how trunks and lines are; nil knows nothing of them.
	Telephony Telephony
	// Agents tells what every agent does; may be nil.
	Agents func() []AgentState
	// SignedOut is told the id of who signs out; may be nil.
	SignedOut func(user string)
	// CutOff is told the id of a user who was deleted, or has got another password
	// or role, whose sockets are being closed; may be nil.
	CutOff func(user string)
	// Changed is told after pages have changed the configuration in the store, so
	// that calls use it from then on; may be nil. Its error means that calls go on
	// with what they had, and that the page should say so.
	Changed func(context.Context) error
	// StoreDown tells whether the database is known to be away; may be nil.
	StoreDown func() bool
	// Source is the address of who sent a request, for throttling; nil takes
	// the connection's. Behind a proxy it reads what the proxy says.
	Source func(*http.Request) string
}

// Web serves the pages. It is an http.Handler, safe for concurrent use.
type Web struct {
	o         Options
	catalogue *ui.Catalogue
	assets    *static.Assets
	sessions  *scs.SessionManager
	kept      *sessionStore
	users     *userCache
	throttle  *throttle
	passwords *passwords
	sockets   *sockets
	live      *live
	origin    *http.CrossOriginProtection
	mux       *http.ServeMux
	handler   http.Handler
}

// New prepares the pages. The tables have to be ready (store.Tables.Ensure).
func New(o Options) (*Web, error) {
	if o.Tables == nil || o.Blobs == nil || o.Log == nil {
		return nil, errors.New("web: Tables, Blobs and Log are required")
	}
	if o.StoreDown == nil {
		o.StoreDown = func() bool { return false }
	}
	if o.Telephony == nil {
		o.Telephony = noTelephony{}
	}
	if o.Agents == nil {
		o.Agents = func() []AgentState { return nil }
	}
	if o.Changed == nil {
		o.Changed = func(context.Context) error { return nil }
	}
	if o.Source == nil {
		o.Source = connectionSource
	}
	catalogue, err := ui.NewCatalogue()
	if err != nil {
		return nil, err
	}
	assets, err := static.New()
	if err != nil {
		return nil, err
	}
	w := &Web{
		o: o, catalogue: catalogue, assets: assets,
		kept:      newSessionStore(o.Tables),
		users:     newUserCache(o.Tables),
		throttle:  newThrottle(time.Now),
		passwords: newPasswords(),
		sockets:   newSockets(),
		live:      newLive(),
		origin:    http.NewCrossOriginProtection(),
		mux:       http.NewServeMux(),
	}
	w.sessions = newSessions(w.kept, o.Secure)
	w.sessions.ErrorFunc = w.sessionFailed
	w.origin.SetDenyHandler(http.HandlerFunc(w.crossOrigin))
	w.routes()
	w.handler = w.guard(w.secureHeaders(w.mux))
	return w, nil
}

// routes mounts everything. Pages below HandleFor are for those who are signed
// in and have one of the roles.
func (w *Web) routes() {
	all := []ccs.Role{ccs.RoleAdministrator, ccs.RoleSupervisor, ccs.RoleAgent}
	agents := []ccs.Role{ccs.RoleAgent}

	w.mux.Handle("GET /static/", w.assets)
	w.mux.Handle("GET /login", w.session(w.showLogin))
	w.mux.Handle("POST /login", w.session(w.login))
	w.mux.Handle("POST /logout", w.session(w.logout))
	w.mux.Handle("POST /language", w.session(w.chooseLanguage))
	w.mux.Handle("GET /session", http.HandlerFunc(w.sessionState))
	w.mux.Handle("GET /ws", http.HandlerFunc(w.socket))

	w.HandleFor("GET /{$}", all, http.HandlerFunc(w.home))
	w.HandleFor("GET /agent", agents, http.HandlerFunc(w.agentDesk))
	w.HandleFor("GET /agent/today", agents, http.HandlerFunc(w.agentToday))
	w.HandleFor("GET /calls", all, http.HandlerFunc(w.callList))
	w.HandleFor("GET /calls/{id}", all, http.HandlerFunc(w.callPage))
	w.HandleFor("GET /recordings/{id}/audio", all, http.HandlerFunc(w.recordingAudio))
	w.HandleFor("GET /recordings/{id}/peaks", all, http.HandlerFunc(w.recordingPeaks))
	w.administration()
	w.mux.Handle("/", w.session(w.notFound))
}

// Handle mounts something that needs no signing in, such as /healthz. It is
// for the time before the first request.
func (w *Web) Handle(pattern string, h http.Handler) { w.mux.Handle(pattern, h) }

// HandleFor mounts a page for whoever is signed in with one of these roles.
// UserFrom tells h who it is.
func (w *Web) HandleFor(pattern string, roles []ccs.Role, h http.Handler) {
	w.mux.Handle(pattern, w.session(w.require(roles, h)))
}

// ServeHTTP serves every page and file.
func (w *Web) ServeHTTP(rw http.ResponseWriter, r *http.Request) { w.handler.ServeHTTP(rw, r) }

// Housekeeping removes expired sessions every hour until ctx ends.
func (w *Web) Housekeeping(ctx context.Context) {
	ticker := time.NewTicker(time.Hour)
	defer ticker.Stop()
	for {
		if err := w.kept.removeExpired(ctx, time.Now()); err != nil && ctx.Err() == nil {
			w.o.Log.Warn("expired sessions stay for now", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
