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
	} {
		w.HandleFor(pattern, []ccs.Role{ccs.RoleAdministrator}, handler)
	}
}
