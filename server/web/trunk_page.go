package web

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/ui"
	"github.com/carillon-cc/carillon/ui/templates"
)

// homeCountries are those that a new trunk begins with, by language.
var homeCountries = map[string]string{"en": "GB", "fr": "FR"}

// trunkNew is the form of a trunk that does not exist yet.
func (w *Web) trunkNew(rw http.ResponseWriter, r *http.Request) {
	w.trunkForm(rw, r, http.StatusOK, nil, nil, trunkValues(&ccs.Trunk{
		Register: true, Targets: []ccs.TrunkTarget{{}}, Outgoing: ccs.TrunkOutgoing{Country: homeCountries[w.texts(r).Language]},
	}))
}

// trunkPage is the form of a trunk, and how it is at this moment.
func (w *Web) trunkPage(rw http.ResponseWriter, r *http.Request) {
	t, err := w.o.Tables.Trunks.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		w.failed(rw, r, "read a trunk", err)
		return
	}
	w.trunkForm(rw, r, http.StatusOK, t, nil, trunkValues(t))
}

// trunkValues is a trunk as its form shows it. Its password stays here.
func trunkValues(t *ccs.Trunk) *ui.Form {
	signOn := ui.SignOnAddress
	switch {
	case t.Register:
		signOn = ui.SignOnAccount
	case t.Username != "":
		signOn = ui.SignOnBoth
	}
	v := url.Values{
		"name": {t.Name}, "signOn": {signOn}, "username": {t.Username}, "domain": {t.Domain}, "expires": {seconds(t.Expires)},
		"sources": {list(t.Sources)}, "mediaSources": {list(t.MediaSources)}, "maxCalls": {quantity(t.MaxCalls)},
		"encrypted": {ticked(t.Encryption == ccs.EncryptionRequired)}, "trusted": {ticked(t.Trusted)}, "disabled": {ticked(t.Disabled)},
		"callerId.number": {t.CallerID.Number}, "callerId.name": {t.CallerID.Name}, "callerId.fixed": {ticked(t.CallerID.Fixed)},
		"callerId.header":  {string(cmp.Or(t.CallerID.Header, ccs.CallerIDAsserted))},
		"outgoing.allowed": {list(t.Outgoing.Allowed)}, "outgoing.blocked": {list(t.Outgoing.Blocked)},
		"outgoing.country": {t.Outgoing.Country}, "outgoing.form": {string(cmp.Or(t.Outgoing.Form, ccs.NumberPlus))},
		"outgoing.maxCalls": {quantity(t.Outgoing.MaxCalls)}, "outgoing.dailyCalls": {quantity(t.Outgoing.DailyCalls)},
		"outgoing.dailyPerAgent": {quantity(t.Outgoing.DailyPerAgent)},
	}
	for i, target := range t.Targets {
		setTarget(v, i, target.Host, quantity(target.Port), string(cmp.Or(target.Transport, ccs.UDP)))
	}
	return &ui.Form{Revision: t.Revision, Values: v}
}

func setTarget(v url.Values, i int, host, port, transport string) {
	at := fmt.Sprintf("targets[%d].", i)
	v.Set(at+"host", host)
	v.Set(at+"port", port)
	v.Set(at+"transport", transport)
}

// trunkForm shows a form as it is; t is the trunk in the store, nil for a new
// one.
func (w *Web) trunkForm(rw http.ResponseWriter, r *http.Request, status int, t *ccs.Trunk, d *ui.Diagnosis, form *ui.Form) {
	page := w.adminPage(r, "trunk.new.title")
	view := ui.TrunkPage{Form: form, Countries: page.Countries(), Doctor: d}
	for form.Values.Has(fmt.Sprintf("targets[%d].host", view.Targets)) {
		view.Targets++
	}
	if t != nil {
		page.Title = t.Name
		view.ID, view.HasPassword, view.Live = t.ID, t.Password != "", trunkLive(page, t, w.trunkStates()[t.ID])
		alarms, err := w.trunkAlarms(r.Context(), page, []*ccs.Trunk{t})
		if err != nil {
			w.failed(rw, r, "read who was stopped by a guard", err)
			return
		}
		view.Alarms = ui.AlarmsOf(alarms, t.ID)
		if calls := view.Live.In + view.Live.Out; calls > 0 {
			view.Uses = []ui.Use{{Text: page.T("trunk.inUse.calls", "Count", calls)}}
		}
	}
	w.render(rw, r, status, templates.Trunk(page, view))
}
