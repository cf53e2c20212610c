package web

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
	"github.com/carillon-cc/carillon/ui"
	"github.com/carillon-cc/carillon/ui/templates"
)

// showLogin is the sign-in page; whoever is signed in already is sent on.
func (w *Web) showLogin(rw http.ResponseWriter, r *http.Request) {
	next := localPath(r.URL.Query().Get("next"))
	if UserFrom(r.Context()) != nil {
		http.Redirect(rw, r, next, http.StatusSeeOther)
		return
	}
	w.loginPage(rw, r, http.StatusOK, ui.Login{Next: next})
}

func (w *Web) loginPage(rw http.ResponseWriter, r *http.Request, status int, v ui.Login) {
	page := w.page(r, "login.title")
	v.Demo = w.o.Demo
	w.render(rw, r, status, templates.Login(page, v))
}

// login signs somebody in. A wrong login and a wrong password get the same
// answer after the same time.
func (w *Web) login(rw http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		w.problem(rw, r, http.StatusBadRequest, "badRequest")
		return
	}
	ctx := r.Context()
	texts := w.texts(r)
	name, password := strings.TrimSpace(r.PostForm.Get("login")), r.PostForm.Get("password")
	form := ui.Login{Name: name, Next: localPath(r.PostForm.Get("next"))}
	if name == "" || password == "" || len(name) > 100 || len(password) > 4*MaxPassword {
		form.Error = texts.T("login.empty")
		if name != "" && password != "" {
			form.Name, form.Error = "", texts.T("login.wrong")
		}
		w.loginPage(rw, r, http.StatusUnprocessableEntity, form)
		return
	}
	source, login := w.o.Source(r), strings.ToLower(name)
	slow := func(wait time.Duration) {
		seconds := int(math.Ceil(wait.Seconds()))
		rw.Header().Set("Retry-After", strconv.Itoa(seconds))
		form.Error = texts.T("login.slow", "Count", seconds)
		w.loginPage(rw, r, http.StatusTooManyRequests, form)
	}
	if wait := w.throttle.wait(source, login); wait > 0 {
		slow(wait)
		return
	}
	user, err := w.o.Tables.Users.Find(ctx, "login", login)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		w.failed(rw, r, "find user to sign in", err)
		return
	}
	ok, wait, err := w.tryPassword(ctx, source, login, user, password)
	if err != nil {
		w.failed(rw, r, "sign in", err)
		return
	}
	if wait > 0 {
		slow(wait)
		return
	}
	if !ok {
		w.o.Log.Info("wrong password", "source", source)
		form.Error = texts.T("login.wrong")
		w.loginPage(rw, r, http.StatusUnauthorized, form)
		return
	}
	former := w.sessions.Token(ctx)
	// A new token, so that one planted before the sign-in is worth nothing.
	if err := w.sessions.RenewToken(ctx); err != nil {
		w.failed(rw, r, "renew session", err)
		return
	}
	w.sockets.endSession(former)
	w.sessions.Put(ctx, sessionUser, user.ID)
	w.sessions.Put(ctx, sessionMark, passwordMark(user))
	w.sessions.SetDeadline(ctx, time.Now().Add(sessionLife).UTC())
	http.Redirect(rw, r, form.Next, http.StatusSeeOther)
}

// tryPassword compares a password when it is its turn, unless the throttle says
// by then to wait: many guesses sent at once have all come before the first is
// found to be wrong.
func (w *Web) tryPassword(ctx context.Context, source, login string, user *ccs.User, password string) (ok bool, wait time.Duration, err error) {
	done, err := w.passwords.turn(ctx)
	if err != nil {
		return false, 0, err
	}
	defer done()
	if wait = w.throttle.wait(source, login); wait > 0 {
		return false, wait, nil
	}
	if ok, err = w.passwords.match(user, password); err != nil {
		return false, 0, err
	}
	if ok {
		w.throttle.succeeded(source, login)
	} else {
		w.throttle.failed(source, login)
	}
	return ok, 0, nil
}

// logout ends the session and the sockets that it opened.
func (w *Web) logout(rw http.ResponseWriter, r *http.Request) {
	token := w.sessions.Token(r.Context())
	if err := w.sessions.Destroy(r.Context()); err != nil {
		w.failed(rw, r, "sign out", err)
		return
	}
	w.sockets.endSession(token)
	if user := UserFrom(r.Context()); user != nil && w.o.SignedOut != nil {
		w.o.SignedOut(user.ID)
	}
	http.Redirect(rw, r, "/login", http.StatusSeeOther)
}

// localPath is an address within Carillon, "/" for anything else: a link to the
// sign-in page must not be able to send people to another site.
func localPath(next string) string {
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") ||
		len(next) > 2000 {
		return "/"
	}
	return next
}
