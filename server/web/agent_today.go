package web

import (
	"net/http"
	"time"

	"github.com/carillon-cc/carillon/store"
	"github.com/carillon-cc/carillon/ui"
	"github.com/carillon-cc/carillon/ui/templates"
)

const (
	recentCalls = 5
	// todayLimit bounds what is read: nobody takes more calls in a day.
	todayLimit = 500
)

// agentToday is the summary of the agent's day, a part of the desk.
func (w *Web) agentToday(rw http.ResponseWriter, r *http.Request) {
	page := w.page(r, "today.title")
	midnight := startOfDay(page.Now, page.Zone)
	calls, _, err := w.o.Tables.Calls.List(r.Context(), store.Query{
		Equal: map[string]string{"agent": page.User.ID}, From: midnight, Descending: true, Limit: todayLimit,
	})
	if err != nil {
		w.failed(rw, r, "list the calls of today", err)
		return
	}
	names := w.names(r.Context())
	view := ui.Today{}
	for _, c := range calls {
		row := ui.RowOf(c, names, page.Now)
		if !row.HasTalk {
			continue
		}
		if row.Direction == "" {
			view.Answered++
		}
		view.Talked += row.Talked
		if len(view.Recent) < recentCalls {
			view.Recent = append(view.Recent, row)
		}
	}
	w.render(rw, r, http.StatusOK, templates.Today(page, view))
}

func startOfDay(t time.Time, zone *time.Location) time.Time {
	y, m, d := t.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, zone)
}
