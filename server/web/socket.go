package web

import (
	"context"
	"net/http"
	"net/url"

	"github.com/carillon-cc/carillon/ccs"
)

// socket passes the WebSocket of a page on to Options.Socket, if the page is
// ours and somebody is signed in. Browsers send the cookie with sockets of any
// site's pages, and a GET is no business of CrossOriginProtection: so the
// origin is compared here.
func (w *Web) socket(rw http.ResponseWriter, r *http.Request) {
	if w.o.Socket == nil {
		http.NotFound(rw, r)
		return
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		u, err := url.Parse(origin)
		if err != nil || u.Host != r.Host {
			http.Error(rw, http.StatusText(http.StatusForbidden), http.StatusForbidden)
			return
		}
	}
	user, err := w.loadUser(r)
	if err == nil && user != nil {
		var ctx context.Context
		var done func()
		if ctx, done, err = w.holds(r, user); done != nil {
			defer done()
			w.o.Socket.ServeHTTP(rw, r.WithContext(context.WithValue(ctx, userKey{}, user)))
			return
		}
	}
	if err != nil {
		w.o.Log.Warn("a socket could not be admitted", "error", err)
		http.Error(rw, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
		return
	}
	http.Error(rw, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
}

// holds returns a context for a socket or a stream of a user, which ends when
// they sign out or are cut off, and what is to be called when it is closed; nil
// where that is so already. It asks the store after the socket is among those
// that are ended: else one that is opened meanwhile would be missed.
func (w *Web) holds(r *http.Request, user *ccs.User) (ctx context.Context, done func(), err error) {
	cookie, err := r.Cookie(w.sessions.Cookie.Name)
	if err != nil {
		return nil, nil, nil //nolint:nilerr // without a cookie nobody is signed in
	}
	ctx, done = w.sockets.add(r.Context(), cookie.Value, user.ID)
	now, err := w.loadUser(r)
	if err != nil || now == nil || now.ID != user.ID || now.Role != user.Role {
		done()
		return nil, nil, err
	}
	return ctx, done, nil
}
