package web

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
	"github.com/carillon-cc/carillon/ui"
	"github.com/carillon-cc/carillon/ui/templates"
)

// lineList is the page of the telephones that sign on with Carillon.
func (w *Web) lineList(rw http.ResponseWriter, r *http.Request) {
	page := w.adminPage(r, "lines.title")
	rows, err := w.lineRows(r.Context(), page)
	if err != nil {
		w.failed(rw, r, "list lines", err)
		return
	}
	w.render(rw, r, http.StatusOK, templates.Lines(page, ui.LineList{Rows: rows}))
}

func (w *Web) lineRows(ctx context.Context, page *ui.Page) ([]ui.LineRow, error) {
	lines, _, err := w.o.Tables.Lines.List(ctx, store.Query{})
	if err != nil {
		return nil, err
	}
	users, err := w.lineUsers(ctx)
	if err != nil {
		return nil, err
	}
	states := w.lineStates()
	rows := make([]ui.LineRow, 0, len(lines))
	for _, l := range lines {
		rows = append(rows, ui.LineRow{
			ID: l.ID, Number: l.Number, Name: l.Name, Forward: l.Forward, Agents: users[l.ID],
			Live: lineLive(page, l, states[l.ID]),
		})
	}
	slices.SortFunc(rows, func(a, b ui.LineRow) int { return strings.Compare(a.Number, b.Number) })
	return rows, nil
}

// lineUsers are the names of the agents whose device a line is, by its id.
func (w *Web) lineUsers(ctx context.Context) (map[string][]string, error) {
	agents, _, err := w.o.Tables.Agents.List(ctx, store.Query{})
	if err != nil {
		return nil, err
	}
	known := w.names(ctx)
	users := map[string][]string{}
	for _, a := range agents {
		if a.Device.Kind == ccs.DeviceLine {
			users[a.Device.Line] = append(users[a.Device.Line], known.Agent(a.ID))
		}
	}
	return users, nil
}

func (w *Web) lineStates() map[string]LineState {
	states := map[string]LineState{}
	for _, s := range w.o.Telephony.Lines() {
		states[s.Line] = s
	}
	return states
}

// refusedShown is how long a wrong password is told: a telephone tries again
// within that time.
const refusedShown = 15 * time.Minute

// lineLive is how a line is at this moment, in words.
func lineLive(p *ui.Page, l *ccs.Line, s LineState) ui.LineLive {
	live := ui.LineLive{}
	for _, c := range s.Contacts {
		live.Contacts = append(live.Contacts, ui.Contact{
			UserAgent: c.UserAgent, Address: c.Address, Transport: c.Transport, Since: c.Since,
		})
	}
	switch {
	case l.Disabled:
		live.State = ui.State{Tone: ui.TonePlain, Text: p.T("line.state.disabled")}
	case len(s.Contacts) > 0:
		live.State = ui.State{Tone: ui.ToneGood, Text: p.T("line.state.online", "Count", len(s.Contacts))}
	case l.Secrets == ccs.LineSecrets{}:
		live.State = ui.State{Tone: ui.ToneWarn, Text: p.T("line.state.noPassword")}
	case time.Since(s.Refused) < refusedShown:
		live.State = ui.State{
			Tone: ui.ToneBad, Text: p.T("line.state.refused"),
			Detail: p.T("line.state.refused.from", "Address", s.RefusedFrom, "Time", p.Clock(s.Refused)),
		}
	default:
		live.State = ui.State{Tone: ui.TonePlain, Text: p.T("line.state.offline")}
	}
	return live
}
