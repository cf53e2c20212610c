package web

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/ui"
	"github.com/carillon-cc/carillon/ui/templates"
)

// What a form of a line does about its password.
const (
	keepPassword     = "keep"
	generatePassword = "generate"
	ownPassword      = "own"
)

// lineNew is the form of a line that does not exist yet.
func (w *Web) lineNew(rw http.ResponseWriter, r *http.Request) {
	w.lineForm(rw, r, http.StatusOK, nil, &ui.Form{Values: url.Values{"passwordKind": {generatePassword}, "trusted": {"on"}}})
}

// linePage is the form of a line.
func (w *Web) linePage(rw http.ResponseWriter, r *http.Request) {
	l, err := w.o.Tables.Lines.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		w.failed(rw, r, "read a line", err)
		return
	}
	w.lineForm(rw, r, http.StatusOK, l, &ui.Form{Revision: l.Revision, Values: url.Values{
		"number": {l.Number}, "name": {l.Name}, "passwordKind": {keepPassword},
		"outside": {ticked(l.Outside)}, "callerId": {l.CallerID}, "forward": {l.Forward},
		"maxContacts": {quantity(l.MaxContacts)}, "encrypted": {ticked(l.Encryption == ccs.EncryptionRequired)},
		"trusted": {ticked(l.Trusted)}, "disabled": {ticked(l.Disabled)},
	}})
}

// lineForm shows a form as it is; l is the line in the store, nil for a new one.
func (w *Web) lineForm(rw http.ResponseWriter, r *http.Request, status int, l *ccs.Line, form *ui.Form) {
	page := w.adminPage(r, "line.new.title")
	view := ui.LinePage{Form: form}
	if l != nil {
		page.Title = page.T("line.title", "Number", l.Number, "Name", l.Name)
		var err error
		if view.Uses, err = w.uses(r.Context(), page.Texts, l.ID); err != nil {
			w.failed(rw, r, "look where a line is used", err)
			return
		}
		view.ID, view.Live, view.Settings = l.ID, lineLive(page, l, w.lineStates()[l.ID]), w.lineSettings(r, l)
	}
	w.render(rw, r, status, templates.Line(page, view))
}

// lineSettings are what a telephone of the line has to be told. Its server is
// where the administrator reaches Carillon.
func (w *Web) lineSettings(r *http.Request, l *ccs.Line) ui.LineSettings {
	host := strings.Trim((&url.URL{Host: r.Host}).Hostname(), "[]")
	if ip, err := netip.ParseAddr(host); w.o.SIPHost != "" && (host == "localhost" || err == nil && ip.IsLoopback()) {
		host = w.o.SIPHost // no other machine has ours by that name
	}
	s := ui.LineSettings{
		Number: l.Number, Name: l.Name, Server: host, Port: w.o.SIPPort, TLSPort: w.o.SIPTLSPort,
		Encrypted: l.Encryption == ccs.EncryptionRequired && w.o.SIPTLSPort != 0,
	}
	if s.Port == 0 {
		s.Port = 5060
	}
	return s
}
