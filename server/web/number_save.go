package web

import (
	"errors"
	"net/http"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
)

// numberCreate adds a number.
func (w *Web) numberCreate(rw http.ResponseWriter, r *http.Request) {
	w.storeNumber(rw, r, &ccs.Number{})
}

// numberSave changes a number.
func (w *Web) numberSave(rw http.ResponseWriter, r *http.Request) {
	n, err := w.o.Tables.Numbers.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		w.failed(rw, r, "read a number", err)
		return
	}
	w.storeNumber(rw, r, n)
}

func (w *Web) storeNumber(rw http.ResponseWriter, r *http.Request, n *ccs.Number) {
	ctx, id, current := r.Context(), n.ID, n.Revision
	e, ok := w.readEntry(rw, r, w.texts(r), "number")
	if !ok {
		return
	}
	n.Number, n.Label, n.PlanID, n.Revision = e.telephone("number"), e.Value("label"), e.Value("planId"), e.Revision
	e.check(n.Check())
	var plan *ccs.Plan
	if n.PlanID != "" {
		var err error
		switch plan, err = w.o.Tables.Plans.Get(ctx, n.PlanID); {
		case errors.Is(err, store.ErrNotFound):
			e.fault("planId", "gone")
		case err != nil:
			w.failed(rw, r, "read the plan of a number", err)
			return
		}
	}
	if e.good() {
		// A line of this number would never ring: the plan is looked for first.
		line, err := w.o.Tables.Lines.Find(ctx, "number", n.Number)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			w.failed(rw, r, "look for a line of a number", err)
			return
		}
		if line != nil {
			e.fault("number", "isLine", "Name", line.Name)
		}
	}
	if e.good() {
		done, err := e.stored(w.o.Tables.Numbers.Put(ctx, n), "number", func() int64 { return current })
		if err != nil {
			w.failed(rw, r, "store a number", err)
			return
		}
		if done {
			w.done(rw, r, "/numbers", savedNumber(plan), n.Number)
			return
		}
	}
	e.Arrange(e.texts, "number", "number", "label", "planId")
	w.numberForm(rw, r, e.status(), id, e.Form)
}

// savedNumber is the notice that a number was saved: it takes calls only with a
// plan that is published.
func savedNumber(plan *ccs.Plan) string {
	switch {
	case plan == nil:
		return "number.saved.noPlan"
	case plan.Published == "":
		return "number.saved.unpublished"
	}
	return "number.saved"
}
