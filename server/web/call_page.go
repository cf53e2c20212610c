package web

import (
	"context"
	"net/http"
	"slices"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/ui"
	"github.com/carillon-cc/carillon/ui/templates"
)

// callPage shows everything that happened to one call.
func (w *Web) callPage(rw http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	c, err := w.o.Tables.Calls.Get(ctx, r.PathValue("id"))
	if err != nil {
		w.failed(rw, r, "read call", err)
		return
	}
	if !maySee(UserFrom(ctx), c) {
		w.problem(rw, r, http.StatusForbidden, "forbidden")
		return
	}
	page := w.page(r, "calls.title")
	from := c.From
	if from == "" {
		from = page.T("call.anonymous")
	}
	page.Title = page.T("call.title", "From", from)
	names := w.names(ctx)
	recording := w.recordingView(ctx, c)
	w.render(rw, r, http.StatusOK, templates.Call(page, ui.CallPage{
		Call: c, Row: ui.RowOf(c, names, page.Now), Lasted: ui.Lasted(c, page.Now),
		EndText: ui.EndText(page.Texts, c), Network: ui.NetworkText(page.Texts, c.Status, c.Q850),
		Quality: ui.QualityRows(page.Texts, c.Quality), Entries: ui.Timeline(page.Texts, c, names, recording),
		Recording: recording,
	}))
}

// recordingView is the player's part of the page; nil while there is no
// finished recording.
func (w *Web) recordingView(ctx context.Context, c *ccs.CallRecord) *ui.RecordingView {
	if c.Recording == "" {
		return nil
	}
	recording, err := w.o.Tables.Recordings.Get(ctx, c.Recording)
	if err != nil || recording.Blob == "" {
		return nil
	}
	return &ui.RecordingView{
		ID: recording.ID, Duration: recording.Duration.Duration(), Started: recording.Started,
		Repaired: recording.Repaired, FileName: recordingName(recording),
	}
}

// maySee tells whether a user may see a call and hear its recording:
// administrators and supervisors all, agents those in which they talked.
func maySee(user *ccs.User, c *ccs.CallRecord) bool {
	switch user.Role {
	case ccs.RoleAdministrator, ccs.RoleSupervisor:
		return true
	case ccs.RoleAgent:
		return c.Agent == user.ID || slices.ContainsFunc(c.Events, func(e ccs.CallEvent) bool {
			return e.Kind == ccs.EventConnected && e.Agent == user.ID
		})
	}
	return false
}
