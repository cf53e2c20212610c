package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
	"github.com/carillon-cc/carillon/ui"
	"github.com/carillon-cc/carillon/ui/templates"
)

const (
	callsOnPage = 50
	// searchLimit bounds how many calls one request looks through for a part
	// of a number; the page then offers to go on.
	searchLimit = 2000
)

// callList is the page of calls, or the part of it that htmx asks for: the
// results after a change of the filter, the rows of a further page.
func (w *Web) callList(rw http.ResponseWriter, r *http.Request) {
	page := w.page(r, "calls.title")
	own := page.User.Role == ccs.RoleAgent
	if own {
		page.Title = page.T("calls.titleOwn")
	}
	view := ui.CallList{Own: own}
	query, filter := callQuery(r.URL.Query(), page)
	if !possible(query) {
		w.problem(rw, r, http.StatusBadRequest, "badRequest")
		return
	}
	if own {
		query.Equal["agent"] = page.User.ID
	}
	view.Filter = filter
	status := http.StatusOK
	if len(filter.Problems()) > 0 {
		status = http.StatusUnprocessableEntity
	} else if err := w.findCalls(r.Context(), page, query, &view); err != nil {
		w.failed(rw, r, "list calls", err)
		return
	}
	part := r.Header.Get("HX-Request") != ""
	switch {
	case part && query.After != "":
		w.render(rw, r, status, templates.CallRows(page, view))
		return
	case !part:
		if err := w.filterChoices(r.Context(), &view); err != nil {
			w.failed(rw, r, "list queues and agents", err)
			return
		}
	}
	if len(view.Rows) == 0 && !filter.AnyConstraint && !own {
		first, err := w.firstCall(r)
		if err != nil {
			w.failed(rw, r, "find a number to call", err)
			return
		}
		view.First = first
	}
	if part {
		w.render(rw, r, status, templates.CallResults(page, view))
		return
	}
	w.render(rw, r, status, templates.Calls(page, view))
}

// possible tells whether a query holds only what links of ours can hold.
func possible(q store.Query) bool {
	for _, id := range q.Equal {
		if store.CheckID(id) != nil {
			return false
		}
	}
	if q.After == "" {
		return true
	}
	_, err := store.ParseCursor(q.After)
	return err == nil
}

// callQuery reads the filter that the address holds.
func callQuery(v url.Values, page *ui.Page) (store.Query, ui.CallFilter) {
	f := ui.CallFilter{
		From: v.Get("from"), To: v.Get("to"), Number: strings.TrimSpace(v.Get("number")),
		Queue: v.Get("queue"), Agent: v.Get("agent"),
	}
	f.AnyConstraint = f.From != "" || f.To != "" || f.Number != "" || f.Queue != "" || f.Agent != ""
	q := store.Query{Equal: map[string]string{}, Descending: true, Limit: callsOnPage, After: v.Get("after")}
	if f.Queue != "" {
		q.Equal["queue"] = f.Queue
	}
	if f.Agent != "" {
		q.Equal["agent"] = f.Agent
	}
	day := func(value string) (time.Time, string) {
		if value == "" {
			return time.Time{}, ""
		}
		t, err := time.ParseInLocation(time.DateOnly, value, page.Zone)
		if err != nil {
			return time.Time{}, page.T("calls.filter.badDate", "Value", value)
		}
		return t, ""
	}
	q.From, f.FromErr = day(f.From)
	last, problem := day(f.To)
	f.ToErr = problem
	if !last.IsZero() {
		q.To = last.AddDate(0, 0, 1)
		if !q.From.IsZero() && !q.To.After(q.From) {
			f.ToErr = page.T("calls.filter.dateOrder")
		}
	}
	if strings.Trim(f.Number, "+0123456789*# .-()/") != "" || len(f.Number) > 40 {
		f.NumberErr = page.T("calls.filter.badNumber")
	}
	return q, f
}

// findCalls fills the rows and the address of the page after them. A search
// for a part of a number reads on until a page is full or the limit is reached.
func (w *Web) findCalls(ctx context.Context, page *ui.Page, q store.Query, view *ui.CallList) error {
	names := w.names(ctx)
	part := digitsOf(view.Filter.Number)
	for searched := 0; ; searched += callsOnPage {
		calls, next, err := w.o.Tables.Calls.List(ctx, q)
		if err != nil {
			return err
		}
		q.After = next
		for _, c := range calls {
			if strings.Contains(digitsOf(c.From), part) || strings.Contains(digitsOf(c.To), part) {
				view.Rows = append(view.Rows, ui.RowOf(c, names, page.Now))
			}
		}
		if next == "" {
			return nil
		}
		if len(view.Rows) >= callsOnPage || searched >= searchLimit {
			view.More = moreAddress(view.Filter, next)
			if len(view.Rows) < callsOnPage && len(calls) > 0 {
				view.Searched = calls[len(calls)-1].Started
			}
			return nil
		}
	}
}

func moreAddress(f ui.CallFilter, after string) string {
	v := url.Values{"after": {after}}
	for key, value := range map[string]string{
		"from": f.From, "to": f.To, "number": f.Number, "queue": f.Queue, "agent": f.Agent,
	} {
		if value != "" {
			v.Set(key, value)
		}
	}
	return "/calls?" + v.Encode()
}

// digitsOf drops what people write between digits, and the +, so that
// "01 23-45" finds +331 2345.
func digitsOf(number string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("+ .-()/", r) {
			return -1
		}
		return r
	}, number)
}

// filterChoices fills the selections of queues and agents, by name.
func (w *Web) filterChoices(ctx context.Context, view *ui.CallList) error {
	queues, _, err := w.o.Tables.Queues.List(ctx, store.Query{})
	if err != nil {
		return err
	}
	for _, q := range queues {
		view.Filter.Queues = append(view.Filter.Queues, ui.Choice{Value: q.ID, Label: q.Name, Selected: q.ID == view.Filter.Queue})
	}
	sortChoices(view.Filter.Queues)
	if view.Own {
		return nil
	}
	users, _, err := w.o.Tables.Users.List(ctx, store.Query{})
	if err != nil {
		return err
	}
	for _, u := range users {
		if u.Role == ccs.RoleAgent {
			view.Filter.Agents = append(view.Filter.Agents, ui.Choice{Value: u.ID, Label: u.Name, Selected: u.ID == view.Filter.Agent})
		}
	}
	sortChoices(view.Filter.Agents)
	return nil
}

func sortChoices(choices []ui.Choice) {
	slices.SortFunc(choices, func(a, b ui.Choice) int { return strings.Compare(a.Label, b.Label) })
}

// firstCall finds a number that can be called, for the hint on the empty page.
func (w *Web) firstCall(r *http.Request) (ui.FirstCall, error) {
	numbers, _, err := w.o.Tables.Numbers.List(r.Context(), store.Query{Limit: 20})
	if err != nil {
		return ui.FirstCall{}, err
	}
	for _, n := range numbers {
		plan, err := w.o.Tables.Plans.Get(r.Context(), n.PlanID)
		if err != nil || plan.Published == "" {
			continue
		}
		port := ""
		if w.o.SIPPort != 0 && w.o.SIPPort != 5060 {
			port = fmt.Sprintf(":%d", w.o.SIPPort)
		}
		host := (&url.URL{Host: r.Host}).Hostname()
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		return ui.FirstCall{
			Number: n.Number, URI: "sip:" + n.Number + "@" + host + port,
			Command: "carillon call sip:" + n.Number + "@127.0.0.1" + port + " --tone 440 --hangup-after 60s",
		}, nil
	}
	return ui.FirstCall{}, nil
}
