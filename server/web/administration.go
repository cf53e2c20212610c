package web

import (
	"net/http"

	"github.com/carillon-cc/carillon/ccs"
)

// administration mounts the pages of administrators.
func (w *Web) administration() {
	for pattern, handler := range map[string]http.HandlerFunc{
		"GET /numbers":              w.numberList,
		"GET /numbers/new":          w.numberNew,
		"POST /numbers/new":         w.numberCreate,
		"GET /numbers/{id}":         w.numberPage,
		"POST /numbers/{id}":        w.numberSave,
		"POST /numbers/{id}/delete": w.numberDelete,
		"GET /agents":               w.agentList,
		"GET /agents/events":        w.stream(w.agentParts),
		"GET /agents/new":           w.agentNew,
		"POST /agents/new":          w.agentCreate,
		"GET /agents/{id}":          w.agentPage,
		"POST /agents/{id}":         w.agentSave,
		"POST /agents/{id}/delete":  w.agentDelete,
		"GET /lines":                w.lineList,
		"GET /lines/events":         w.stream(w.lineParts),
		"GET /lines/new":            w.lineNew,
		"POST /lines/new":           w.lineCreate,
		"GET /lines/{id}":           w.linePage,
		"POST /lines/{id}":          w.lineSave,
		"POST /lines/{id}/delete":   w.lineDelete,
		"GET /trunks":               w.trunkList,
		"GET /trunks/events":        w.stream(w.trunkParts),
		"GET /trunks/new":           w.trunkNew,
		"POST /trunks/new":          w.trunkCreate,
		"GET /trunks/{id}":          w.trunkPage,
		"POST /trunks/{id}":         w.trunkSave,
		"POST /trunks/{id}/delete":  w.trunkDelete,
		"POST /trunks/{id}/doctor":  w.trunkDoctor,
	} {
		w.HandleFor(pattern, []ccs.Role{ccs.RoleAdministrator}, handler)
	}
}
