package web

import "net/http"

// numberDelete removes a number; calls to it are refused from then on.
func (w *Web) numberDelete(rw http.ResponseWriter, r *http.Request) {
	n, err := w.o.Tables.Numbers.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		w.failed(rw, r, "read a number", err)
		return
	}
	if err := w.o.Tables.Numbers.Delete(r.Context(), n); err != nil {
		w.failed(rw, r, "delete a number", err)
		return
	}
	w.done(rw, r, "/numbers", "number.deleted", n.Number)
}
