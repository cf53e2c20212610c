package web

import (
	"net/http"

	"github.com/carillon-cc/carillon/ui/templates"
)

// agentDesk is the page on which an agent takes calls. Everything that changes
// on it comes over the WebSocket.
func (w *Web) agentDesk(rw http.ResponseWriter, r *http.Request) {
	page := w.page(r, "desk.title")
	page.Desk = true
	w.render(rw, r, http.StatusOK, templates.Agent(page))
}
