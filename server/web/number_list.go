package web

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
	"github.com/carillon-cc/carillon/ui"
	"github.com/carillon-cc/carillon/ui/templates"
)

// numberList is the page of the numbers that callers dial.
func (w *Web) numberList(rw http.ResponseWriter, r *http.Request) {
	numbers, _, err := w.o.Tables.Numbers.List(r.Context(), store.Query{})
	if err != nil {
		w.failed(rw, r, "list numbers", err)
		return
	}
	plans, err := w.plansByID(r.Context())
	if err != nil {
		w.failed(rw, r, "list plans", err)
		return
	}
	view := ui.NumberList{}
	for _, n := range numbers {
		row := ui.NumberRow{ID: n.ID, Number: n.Number, Label: n.Label}
		if p := plans[n.PlanID]; p != nil {
			row.Plan, row.Published = p.Name, p.Published != ""
		}
		view.Rows = append(view.Rows, row)
	}
	slices.SortFunc(view.Rows, func(a, b ui.NumberRow) int { return strings.Compare(a.Number, b.Number) })
	w.render(rw, r, http.StatusOK, templates.Numbers(w.adminPage(r, "numbers.title"), view))
}

func (w *Web) plansByID(ctx context.Context) (map[string]*ccs.Plan, error) {
	list, _, err := w.o.Tables.Plans.List(ctx, store.Query{})
	if err != nil {
		return nil, err
	}
	plans := make(map[string]*ccs.Plan, len(list))
	for _, p := range list {
		plans[p.ID] = p
	}
	return plans, nil
}
