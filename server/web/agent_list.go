package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
	"github.com/carillon-cc/carillon/ui"
	"github.com/carillon-cc/carillon/ui/templates"
)

// agentList is the page of those who take calls.
func (w *Web) agentList(rw http.ResponseWriter, r *http.Request) {
	page := w.adminPage(r, "agents.title")
	rows, err := w.agentRows(r.Context(), page)
	if err != nil {
		w.failed(rw, r, "list agents", err)
		return
	}
	w.render(rw, r, http.StatusOK, templates.Agents(page, ui.AgentList{Rows: rows}))
}

func (w *Web) agentRows(ctx context.Context, page *ui.Page) ([]ui.AgentRow, error) {
	users, _, errUsers := w.o.Tables.Users.List(ctx, store.Query{})
	agents, _, errAgents := w.o.Tables.Agents.List(ctx, store.Query{})
	lines, _, errLines := w.o.Tables.Lines.List(ctx, store.Query{})
	queues, _, errQueues := w.o.Tables.Queues.List(ctx, store.Query{})
	if err := errors.Join(errUsers, errAgents, errLines, errQueues); err != nil {
		return nil, err
	}
	byID := map[string]*ccs.Agent{}
	for _, a := range agents {
		byID[a.ID] = a
	}
	lineNames := map[string]string{}
	for _, l := range lines {
		lineNames[l.ID] = l.Number + " " + l.Name
	}
	memberOf := map[string][]string{}
	for _, q := range queues {
		for _, m := range q.Members {
			memberOf[m.Agent] = append(memberOf[m.Agent], q.Name)
		}
	}
	states := w.agentStates()
	var rows []ui.AgentRow
	for _, u := range users {
		if u.Role != ccs.RoleAgent {
			continue
		}
		row := ui.AgentRow{ID: u.ID, Name: u.Name, Login: u.Login, Queues: memberOf[u.ID], State: agentState(page, states[u.ID])}
		if row.Name == "" {
			row.Name = u.Login
		}
		device := ccs.Device{}
		if a := byID[u.ID]; a != nil {
			row.Description, device = a.Description, a.Device
		}
		switch device.Kind {
		case ccs.DeviceLine:
			row.Device = page.T("agents.device.line", "Name", lineNames[device.Line])
		case ccs.DevicePhone:
			row.Device = page.T("agents.device.phone", "Number", device.Number)
		default:
			row.Device = page.T("agents.device.browser")
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b ui.AgentRow) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return rows, nil
}

func (w *Web) agentStates() map[string]AgentState {
	states := map[string]AgentState{}
	for _, s := range w.o.Agents() {
		states[s.Agent] = s
	}
	return states
}

// agentTones are the colours of the states.
var agentTones = map[string]ui.Tone{
	"ready": ui.ToneGood, "ringing": ui.ToneWarn, "talking": ui.ToneLive, "wrapUp": ui.ToneWarn, "notResponding": ui.ToneBad,
}

// agentState is what an agent does at this moment, in words.
func agentState(p *ui.Page, s AgentState) ui.State {
	if s.State == "" {
		s.State = "offline"
	}
	state := ui.State{Tone: agentTones[s.State], Text: p.T("state." + s.State)}
	if state.Tone == "" {
		state.Tone = ui.TonePlain
	}
	switch {
	case s.State == "ready" && !s.Reachable:
		state.Tone, state.Detail = ui.ToneWarn, p.T("agent.state.unreachable")
	case s.State == "away" && s.Reason != "" && p.Has("away.reason."+s.Reason):
		state.Detail = p.T("away.reason." + s.Reason)
	}
	if !s.Since.IsZero() && s.State != "offline" {
		state.Detail = strings.TrimSpace(state.Detail + " " + p.T("agent.state.since", "Time", p.Minute(s.Since)))
	}
	return state
}
