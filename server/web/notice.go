package web

import (
	"cmp"
	"net/http"

	"github.com/carillon-cc/carillon/ui"
)

// Keys of a session for what the next page tells.
const (
	noticeText = "notice"
	noticeName = "noticeName"
	noticeTone = "noticeTone"
)

// done has calls use what was changed and sends the browser on to a page which
// says so. text is the notice, name what it is about.
func (w *Web) done(rw http.ResponseWriter, r *http.Request, to, text, name string) {
	if err := w.o.Changed(r.Context()); err != nil {
		w.o.Log.Error("a change is stored, but calls do not use it yet", "error", err)
		text = "notice.later"
		w.sessions.Put(r.Context(), noticeTone, string(ui.ToneWarn))
	}
	w.Refresh()
	w.sessions.Put(r.Context(), noticeText, text)
	w.sessions.Put(r.Context(), noticeName, name)
	http.Redirect(rw, r, to, http.StatusSeeOther)
}

// adminPage is page, with what there is to tell of the page before.
func (w *Web) adminPage(r *http.Request, titleID string) *ui.Page {
	p := w.page(r, titleID)
	text := w.sessions.PopString(r.Context(), noticeText)
	name := w.sessions.PopString(r.Context(), noticeName)
	tone := w.sessions.PopString(r.Context(), noticeTone)
	if text != "" {
		p.Notice = &ui.Notice{Tone: cmp.Or(ui.Tone(tone), ui.ToneGood), Text: p.T(text, "Name", name)}
	}
	return p
}
