package web

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
	"github.com/carillon-cc/carillon/ui"
	"github.com/carillon-cc/carillon/ui/templates"
)

// Cookies of a browser's wishes; they hold nothing that matters.
const (
	languageCookie = "language"
	themeCookie    = "theme"
	zoneCookie     = "zone" // set by the page's script
)

// texts are those in the language that the viewer prefers: their own setting,
// what they chose in this browser, what the browser asks for.
func (w *Web) texts(r *http.Request) *ui.Texts {
	var wishes []string
	if user := UserFrom(r.Context()); user != nil && user.Language != "" {
		wishes = append(wishes, user.Language)
	}
	return w.catalogue.Choose(append(wishes, cookieValue(r, languageCookie), r.Header.Get("Accept-Language"))...)
}

// page prepares what every page needs. titleID is the text of its title.
func (w *Web) page(r *http.Request, titleID string) *ui.Page {
	texts := w.texts(r)
	p := &ui.Page{
		Texts: texts, Title: texts.T(titleID), Path: r.URL.RequestURI(),
		Nonce: nonceOf(r.Context()), User: UserFrom(r.Context()), Zone: zoneOf(r), Now: time.Now(),
		Asset: w.assets.URL, StoreDown: w.o.StoreDown(),
	}
	if r.Method != http.MethodGet {
		p.Path = r.URL.Path
	}
	if theme := cookieValue(r, themeCookie); theme == "light" || theme == "dark" {
		p.Theme = theme
	}
	if p.User == nil {
		return p
	}
	if p.User.Role == ccs.RoleAgent {
		p.Nav = append(p.Nav, ui.NavItem{ID: "agent", Href: "/agent", Icon: "headset"})
	}
	p.Nav = append(p.Nav, ui.NavItem{ID: "calls", Href: "/calls", Icon: "list"})
	if p.User.Role == ccs.RoleAdministrator {
		p.Nav = append(p.Nav,
			ui.NavItem{ID: "numbers", Href: "/numbers", Icon: "hash"},
			ui.NavItem{ID: "agents", Href: "/agents", Icon: "users"},
			ui.NavItem{ID: "lines", Href: "/lines", Icon: "phone"},
			ui.NavItem{ID: "trunks", Href: "/trunks", Icon: "cable"},
		)
	}
	for i := range p.Nav {
		p.Nav[i].Current = r.URL.Path == p.Nav[i].Href || strings.HasPrefix(r.URL.Path, p.Nav[i].Href+"/")
	}
	return p
}

func cookieValue(r *http.Request, name string) string {
	cookie, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// zoneOf is the viewer's time zone as the page's script reported it.
func zoneOf(r *http.Request) *time.Location {
	name := cookieValue(r, zoneCookie)
	if name == "" || name == "Local" {
		return time.Local
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.Local
	}
	return zone
}

// render sends a page. It is made as a whole first: no half pages.
func (w *Web) render(rw http.ResponseWriter, r *http.Request, status int, component templ.Component) {
	rw.Header().Set("Cache-Control", "no-store")
	if !w.assets.Built() {
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		rw.WriteHeader(http.StatusServiceUnavailable)
		_, _ = rw.Write([]byte(notBuilt))
		return
	}
	templ.Handler(component, templ.WithStatus(status)).ServeHTTP(rw, r)
}

const notBuilt = `Carillon is running, but its pages cannot be shown: their scripts and styles were not built into this program.

Build them and then the program again:

    npm ci
    npm run build
    go build .
`

// problem sends the page that says why there is no other.
func (w *Web) problem(rw http.ResponseWriter, r *http.Request, status int, id string) {
	w.render(rw, r, status, templates.Problem(w.page(r, "problem."+id+".title"), id))
}

func (w *Web) notFound(rw http.ResponseWriter, r *http.Request) {
	w.problem(rw, r, http.StatusNotFound, "notFound")
}

// failed answers a request that an error of ours, or of the database, has kept
// from being served, and logs it.
func (w *Web) failed(rw http.ResponseWriter, r *http.Request, doing string, err error) {
	if r.Context().Err() != nil {
		return // the browser has gone
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		w.notFound(rw, r)
	case w.o.StoreDown():
		w.problem(rw, r, http.StatusServiceUnavailable, "storeDown")
	default:
		w.o.Log.Error("a request failed", "doing", doing, "error", err)
		w.problem(rw, r, http.StatusInternalServerError, "failed")
	}
}

// sessionFailed answers when sessions or users cannot be read or written.
func (w *Web) sessionFailed(rw http.ResponseWriter, r *http.Request, err error) {
	w.o.Log.Error("sessions cannot be read or written", "error", err)
	w.problem(rw, r, http.StatusServiceUnavailable, "storeDown")
}
