package web

import (
	"net/http"
	"slices"

	"github.com/carillon-cc/carillon/ui"
)

// chooseLanguage keeps the language that somebody chose: in the browser, and
// with the user who is signed in.
func (w *Web) chooseLanguage(rw http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		w.problem(rw, r, http.StatusBadRequest, "badRequest")
		return
	}
	lang := r.PostForm.Get("language")
	if !slices.Contains(ui.Languages, lang) {
		w.problem(rw, r, http.StatusBadRequest, "badRequest")
		return
	}
	http.SetCookie(rw, &http.Cookie{
		Name: languageCookie, Value: lang, Path: "/", MaxAge: 365 * 24 * 3600,
		SameSite: http.SameSiteLaxMode, HttpOnly: true, Secure: w.o.Secure,
	})
	if user := UserFrom(r.Context()); user != nil && user.Language != lang {
		user.Language = lang
		if err := w.o.Tables.Users.Put(r.Context(), user); err != nil {
			w.failed(rw, r, "keep the language of a user", err)
			return
		}
	}
	http.Redirect(rw, r, localPath(r.PostForm.Get("back")), http.StatusSeeOther)
}
