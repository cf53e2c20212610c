package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
	"github.com/carillon-cc/carillon/ui"
	"github.com/carillon-cc/carillon/ui/templates"
)

// person is an agent with the user that has the same id.
type person struct {
	user  *ccs.User
	agent *ccs.Agent // with revision 0 where the user never had one
}

// person reads an agent. Users of other roles are none: store.ErrNotFound.
func (w *Web) person(ctx context.Context, id string) (*person, error) {
	user, err := w.o.Tables.Users.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if user.Role != ccs.RoleAgent {
		return nil, store.ErrNotFound
	}
	agent, err := w.o.Tables.Agents.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		agent, err = &ccs.Agent{Meta: ccs.Meta{ID: id}}, nil
	}
	return &person{user, agent}, err
}

// agentNew is the form of an agent who does not exist yet.
func (w *Web) agentNew(rw http.ResponseWriter, r *http.Request) {
	w.agentForm(rw, r, http.StatusOK, nil, &ui.Form{Values: url.Values{"device.kind": {string(ccs.DeviceBrowser)}}})
}

// agentPage is the form of an agent.
func (w *Web) agentPage(rw http.ResponseWriter, r *http.Request) {
	p, err := w.person(r.Context(), r.PathValue("id"))
	if err != nil {
		w.failed(rw, r, "read an agent", err)
		return
	}
	u, a := p.user, p.agent
	w.agentForm(rw, r, http.StatusOK, p, &ui.Form{Revision: a.Revision, Values: url.Values{
		"userRevision": {strconv.FormatInt(u.Revision, 10)}, "name": {u.Name}, "login": {u.Login},
		"description": {a.Description}, "ringTimeout": {seconds(a.RingTimeout)}, "wrapUp": {seconds(a.WrapUp)},
		"simultaneousCalls": {quantity(a.SimultaneousCalls)}, "outside": {ticked(a.Outside)}, "callerId": {a.CallerID},
		"device.kind": {string(cmp.Or(a.Device.Kind, ccs.DeviceBrowser))}, "device.line": {a.Device.Line}, "device.number": {a.Device.Number},
	}})
}

// agentForm shows a form as it is; p is nil for a new agent.
func (w *Web) agentForm(rw http.ResponseWriter, r *http.Request, status int, p *person, form *ui.Form) {
	page := w.adminPage(r, "agent.new.title")
	view := ui.AgentPage{Form: form}
	lines, _, err := w.o.Tables.Lines.List(r.Context(), store.Query{})
	if err != nil {
		w.failed(rw, r, "list lines", err)
		return
	}
	for _, l := range lines {
		view.Lines = append(view.Lines, ui.Choice{Value: l.ID, Label: l.Number + " " + l.Name})
	}
	sortChoices(view.Lines)
	view.Lines = append([]ui.Choice{{Label: page.T("agent.device.choose")}}, view.Lines...)
	if p != nil {
		page.Title = cmp.Or(p.user.Name, p.user.Login)
		view.ID, view.State = p.user.ID, agentState(page, w.agentStates()[p.user.ID])
		if view.Uses, err = w.uses(r.Context(), page.Texts, view.ID); err != nil {
			w.failed(rw, r, "look where an agent is used", err)
			return
		}
	}
	w.render(rw, r, status, templates.AgentForm(page, view))
}
