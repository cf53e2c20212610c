package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
)

type userKey struct{}

// UserFrom returns who is signed in, or nil: for handlers mounted by HandleFor
// and for Options.Socket.
func UserFrom(ctx context.Context) *ccs.User {
	user, _ := ctx.Value(userKey{}).(*ccs.User)
	return user
}

// userCache reads users and remembers them, so that pages work while the
// database is away.
type userCache struct {
	table *store.Table[ccs.User, *ccs.User]
	mu    sync.Mutex
	known map[string]ccs.User // as many as have signed in
}

func newUserCache(t *store.Tables) *userCache {
	return &userCache{table: t.Users, known: map[string]ccs.User{}}
}

// get returns the user, or store.ErrNotFound.
func (c *userCache) get(ctx context.Context, id string) (*ccs.User, error) {
	user, err := c.table.Get(ctx, id)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.known[id] = *user
		return user, nil
	case errors.Is(err, store.ErrNotFound):
		delete(c.known, id)
		return nil, err
	}
	if known, ok := c.known[id]; ok {
		return &known, nil
	}
	return nil, err
}

// session gives a handler the browser's session and, in UserFrom, who is
// signed in.
func (w *Web) session(next http.HandlerFunc) http.Handler {
	return w.sessions.LoadAndSave(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		user, err := w.signedIn(r.Context())
		if err != nil {
			w.sessionFailed(rw, r, err)
			return
		}
		if user == nil {
			next(rw, r)
			return
		}
		if time.Until(w.sessions.Deadline(r.Context())) < sessionRenewed && !w.o.StoreDown() {
			w.sessions.SetDeadline(r.Context(), time.Now().Add(sessionLife).UTC())
		}
		next(rw, r.WithContext(context.WithValue(r.Context(), userKey{}, user)))
	}))
}

// signedIn returns the user of a loaded session, nil where nobody is signed in
// the user was deleted, or has got another password since.
func (w *Web) signedIn(ctx context.Context) (*ccs.User, error) {
	id := w.sessions.GetString(ctx, sessionUser)
	if id == "" {
		return nil, nil
	}
	user, err := w.users.get(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if mark := w.sessions.GetString(ctx, sessionMark); err == nil && mark != "" && mark != passwordMark(user) {
		return nil, nil
	}
	return user, err
}

// loadUser finds who is signed in without wrapping the response, which a
// WebSocket could not stand.
func (w *Web) loadUser(r *http.Request) (*ccs.User, error) {
	cookie, err := r.Cookie(w.sessions.Cookie.Name)
	if err != nil {
		return nil, nil //nolint:nilerr // without a cookie nobody is signed in
	}
	ctx, err := w.sessions.Load(r.Context(), cookie.Value)
	if err != nil {
		return nil, fmt.Errorf("load session: %w", err)
	}
	return w.signedIn(ctx)
}

// require lets only these roles through. Others learn that the page is not
// theirs; whoever is not signed in is sent to do so.
func (w *Web) require(roles []ccs.Role, next http.Handler) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		user := UserFrom(r.Context())
		switch {
		case user == nil && r.Header.Get("HX-Request") != "":
			// A part of a page cannot show the sign-in form.
			rw.Header().Set("HX-Redirect", "/login")
			rw.WriteHeader(http.StatusUnauthorized)
		case user == nil && r.Method == http.MethodGet:
			http.Redirect(rw, r, "/login?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		case user == nil:
			http.Redirect(rw, r, "/login", http.StatusSeeOther)
		case !slices.Contains(roles, user.Role):
			w.problem(rw, r, http.StatusForbidden, "forbidden")
		default:
			next.ServeHTTP(rw, r)
		}
	}
}

// sessionState answers 204 to whoever is signed in and 401 to others: how a
// page whose socket is refused learns why.
func (w *Web) sessionState(rw http.ResponseWriter, r *http.Request) {
	user, err := w.loadUser(r)
	rw.Header().Set("Cache-Control", "no-store")
	switch {
	case err != nil:
		rw.WriteHeader(http.StatusServiceUnavailable)
	case user == nil:
		rw.WriteHeader(http.StatusUnauthorized)
	default:
		rw.WriteHeader(http.StatusNoContent)
	}
}
