package web

import (
	"errors"
	"net/http"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
	"github.com/carillon-cc/carillon/ui/templates"
)

// lineCreate adds a line.
func (w *Web) lineCreate(rw http.ResponseWriter, r *http.Request) {
	w.storeLine(rw, r, nil)
}

// lineSave changes a line.
func (w *Web) lineSave(rw http.ResponseWriter, r *http.Request) {
	l, err := w.o.Tables.Lines.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		w.failed(rw, r, "read a line", err)
		return
	}
	w.storeLine(rw, r, l)
}

func (w *Web) storeLine(rw http.ResponseWriter, r *http.Request, stored *ccs.Line) {
	e, ok := w.readEntry(rw, r, w.texts(r), "line")
	if !ok {
		return
	}
	l := ccs.Line{}
	if stored != nil {
		l = *stored
	}
	l.Revision = e.Revision
	e.line(&l)
	password := e.linePassword(&l, stored)
	if e.good() {
		number, err := w.o.Tables.Numbers.Find(r.Context(), "number", l.Number)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			w.failed(rw, r, "look for the number of a line", err)
			return
		}
		if number != nil {
			e.fault("number", "isNumber")
		}
	}
	if e.good() {
		done, err := e.stored(w.o.Tables.Lines.Put(r.Context(), &l), "number", func() int64 { return revisionOf(stored) })
		switch {
		case err != nil:
			w.failed(rw, r, "store a line", err)
			return
		case done && password == "":
			w.done(rw, r, "/lines", "line.saved", l.Number+" "+l.Name)
			return
		case done:
			w.lineReady(rw, r, &l, password)
			return
		}
	}
	e.Arrange(e.texts, "line", "number", "name", "passwordKind", "password", "callerId", "forward")
	w.lineForm(rw, r, e.status(), stored, e.Form)
}

func revisionOf(l *ccs.Line) int64 {
	if l == nil {
		return 0
	}
	return l.Revision
}

// line reads the fields but for the password.
func (e *entry) line(l *ccs.Line) {
	l.Number, l.Name = e.Value("number"), e.Value("name")
	l.Outside, l.CallerID, l.Forward = e.On("outside"), e.telephone("callerId"), e.telephone("forward")
	l.MaxContacts = e.number("maxContacts")
	l.Encryption = ""
	if e.On("encrypted") {
		l.Encryption = ccs.EncryptionRequired
	}
	l.Trusted, l.Disabled = e.On("trusted"), e.On("disabled")
	e.check(l.Check())
}

// linePassword sets the hashes of a new password, which it returns, "" where
// the old one stays.
func (e *entry) linePassword(l, stored *ccs.Line) string {
	switch e.Value("passwordKind") {
	case ownPassword:
		password := e.Value("password")
		if fault := weakness(password, l.Number, l.Name); fault != "" {
			e.fault("password", fault, "min", minLinePassword, "max", maxLinePassword)
		}
		l.Secrets = ccs.NewLineSecrets(l.Number, password)
		return password
	case keepPassword:
		// The hashes hold the number.
		if stored != nil && stored.Number == l.Number {
			return ""
		}
		e.fault("passwordKind", "numberChanged")
		return ""
	}
	password := newLinePassword()
	l.Secrets = ccs.NewLineSecrets(l.Number, password)
	return password
}

// lineReady answers with the settings for the telephone: the password is known
// only now.
func (w *Web) lineReady(rw http.ResponseWriter, r *http.Request, l *ccs.Line, password string) {
	if err := w.o.Changed(r.Context()); err != nil {
		w.o.Log.Error("a change is stored, but calls do not use it yet", "error", err)
	}
	w.Refresh()
	page := w.page(r, "lines.title")
	page.Title = page.T("line.title", "Number", l.Number, "Name", l.Name)
	settings := w.lineSettings(r, l)
	settings.Password = password
	w.render(rw, r, http.StatusOK, templates.LineReady(page, l.ID, settings))
}
