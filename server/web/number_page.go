package web

import (
	"net/http"
	"net/url"

	"github.com/carillon-cc/carillon/ui"
	"github.com/carillon-cc/carillon/ui/templates"
)

// numberNew is the form of a number that does not exist yet.
func (w *Web) numberNew(rw http.ResponseWriter, r *http.Request) {
	w.numberForm(rw, r, http.StatusOK, "", &ui.Form{Values: url.Values{}})
}

// numberPage is the form of a number.
func (w *Web) numberPage(rw http.ResponseWriter, r *http.Request) {
	n, err := w.o.Tables.Numbers.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		w.failed(rw, r, "read a number", err)
		return
	}
	w.numberForm(rw, r, http.StatusOK, n.ID, &ui.Form{
		Revision: n.Revision, Values: url.Values{"number": {n.Number}, "label": {n.Label}, "planId": {n.PlanID}},
	})
}

// numberForm shows a form as it is.
func (w *Web) numberForm(rw http.ResponseWriter, r *http.Request, status int, id string, form *ui.Form) {
	page := w.adminPage(r, "number.new.title")
	if id != "" {
		page.Title = page.T("number.title", "Name", form.Value("number"))
	}
	plans, err := w.plansByID(r.Context())
	if err != nil {
		w.failed(rw, r, "list plans", err)
		return
	}
	view := ui.NumberPage{ID: id, Form: form}
	for _, p := range plans {
		label := p.Name
		if p.Published == "" {
			label = page.T("number.plan.unpublished", "Name", p.Name)
		}
		view.Plans = append(view.Plans, ui.Choice{Value: p.ID, Label: label})
	}
	sortChoices(view.Plans)
	view.Plans = append([]ui.Choice{{Label: page.T("number.plan.none")}}, view.Plans...)
	w.render(rw, r, status, templates.Number(page, view))
}
