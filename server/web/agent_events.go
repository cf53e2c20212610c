package web

import (
	"context"

	"github.com/carillon-cc/carillon/ui"
	"github.com/carillon-cc/carillon/ui/templates"
)

// agentParts is what changes of agents while a page shows them.
func (w *Web) agentParts(_ context.Context, page *ui.Page) (parts, error) {
	found := parts{}
	for _, s := range w.o.Agents() {
		found["state-"+s.Agent] = templates.AgentState(agentState(page, s))
	}
	return found, nil
}
