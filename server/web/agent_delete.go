package web

import "net/http"

// agentDelete removes an agent whom nothing uses, and the user with it, who is
// signed out by that.
func (w *Web) agentDelete(rw http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	p, err := w.person(ctx, r.PathValue("id"))
	if err != nil {
		w.failed(rw, r, "read an agent", err)
		return
	}
	uses, err := w.uses(ctx, w.texts(r), p.user.ID)
	if err != nil {
		w.failed(rw, r, "look where an agent is used", err)
		return
	}
	if len(uses) > 0 {
		w.stillUsed(rw, r, "/agents/"+p.user.ID)
		return
	}
	// The user last: until then the page can be opened, to try again.
	if p.agent.Revision != 0 {
		if err := w.o.Tables.Agents.Delete(ctx, p.agent); err != nil {
			w.failed(rw, r, "delete an agent", err)
			return
		}
	}
	if err := w.o.Tables.Users.Delete(ctx, p.user); err != nil {
		w.failed(rw, r, "delete the user of an agent", err)
		return
	}
	w.userChanged(p.user, nil)
	w.done(rw, r, "/agents", "agent.deleted", p.user.Name)
}
