package web

import (
	"net/http"

	"github.com/carillon-cc/carillon/ui"
)

// lineDelete removes a line that nothing uses. Its telephones are signed off.
func (w *Web) lineDelete(rw http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	l, err := w.o.Tables.Lines.Get(ctx, r.PathValue("id"))
	if err != nil {
		w.failed(rw, r, "read a line", err)
		return
	}
	uses, err := w.uses(ctx, w.texts(r), l.ID)
	if err != nil {
		w.failed(rw, r, "look where a line is used", err)
		return
	}
	if len(uses) > 0 {
		w.stillUsed(rw, r, "/lines/"+l.ID)
		return
	}
	if err := w.o.Tables.Lines.Delete(ctx, l); err != nil {
		w.failed(rw, r, "delete a line", err)
		return
	}
	w.done(rw, r, "/lines", "line.deleted", l.Number+" "+l.Name)
}

// stillUsed sends the browser back to the page of an object that cannot be
// deleted, which lists where it is used.
func (w *Web) stillUsed(rw http.ResponseWriter, r *http.Request, page string) {
	w.sessions.Put(r.Context(), noticeText, "notice.inUse")
	w.sessions.Put(r.Context(), noticeTone, string(ui.ToneBad))
	http.Redirect(rw, r, page+"#removal-title", http.StatusSeeOther)
}
