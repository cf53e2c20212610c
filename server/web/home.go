package web

import (
	"net/http"

	"github.com/carillon-cc/carillon/ccs"
)

// home sends everybody to the page of their role.
func (w *Web) home(rw http.ResponseWriter, r *http.Request) {
	to := "/calls"
	if UserFrom(r.Context()).Role == ccs.RoleAgent {
		to = "/agent"
	}
	http.Redirect(rw, r, to, http.StatusSeeOther)
}
