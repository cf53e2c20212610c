package web

import (
	"context"
	"net/http"
	"net/url"
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
	if err != nil {
		w.o.Log.Warn("a socket could not be admitted", "error", err)
		http.Error(rw, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
		return
	}
	if user == nil {
		http.Error(rw, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
		return
	}
	cookie, err := r.Cookie(w.sessions.Cookie.Name)
	if err != nil { // loadUser has found one
		http.Error(rw, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
		return
	}
	ctx, done := w.sockets.add(r.Context(), cookie.Value)
	defer done()
	w.o.Socket.ServeHTTP(rw, r.WithContext(context.WithValue(ctx, userKey{}, user)))
}
