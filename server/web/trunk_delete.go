package web

import "net/http"

// trunkDelete removes a trunk on which no call goes on.
func (w *Web) trunkDelete(rw http.ResponseWriter, r *http.Request) {
	t, err := w.o.Tables.Trunks.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		w.failed(rw, r, "read a trunk", err)
		return
	}
	if s := w.trunkStates()[t.ID]; s.In+s.Out > 0 {
		w.stillUsed(rw, r, "/trunks/"+t.ID)
		return
	}
	if err := w.o.Tables.Trunks.Delete(r.Context(), t); err != nil {
		w.failed(rw, r, "delete a trunk", err)
		return
	}
	w.done(rw, r, "/trunks", "trunk.deleted", t.Name)
}
