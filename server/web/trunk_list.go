package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
	"github.com/carillon-cc/carillon/ui"
	"github.com/carillon-cc/carillon/ui/templates"
)

// trunkList is the page of the providers' links.
func (w *Web) trunkList(rw http.ResponseWriter, r *http.Request) {
	trunks, _, err := w.o.Tables.Trunks.List(r.Context(), store.Query{})
	if err != nil {
		w.failed(rw, r, "list trunks", err)
		return
	}
	page := w.adminPage(r, "trunks.title")
	states := w.trunkStates()
	view := ui.TrunkList{}
	if view.Alarms, err = w.trunkAlarms(r.Context(), page, trunks); err != nil {
		w.failed(rw, r, "read who was stopped by a guard", err)
		return
	}
	for _, t := range trunks {
		row := ui.TrunkRow{ID: t.ID, Name: t.Name, Number: t.CallerID.Number, Live: trunkLive(page, t, states[t.ID])}
		if len(t.Targets) > 0 {
			row.Provider = t.Targets[0].Host
		}
		view.Rows = append(view.Rows, row)
	}
	slices.SortFunc(view.Rows, func(a, b ui.TrunkRow) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	w.render(rw, r, http.StatusOK, templates.Trunks(page, view))
}

func (w *Web) trunkStates() map[string]TrunkState {
	states := map[string]TrunkState{}
	for _, s := range w.o.Telephony.Trunks() {
		states[s.Trunk] = s
	}
	return states
}

// trunkTones are the colours of the states.
var trunkTones = map[TrunkKind]ui.Tone{
	TrunkRegistered: ui.ToneGood, TrunkReady: ui.ToneGood, TrunkRegistering: ui.ToneWarn, TrunkChecking: ui.TonePlain,
	TrunkLapsing: ui.ToneWarn, TrunkDegraded: ui.ToneWarn, TrunkUnknownName: ui.ToneBad, TrunkPassword: ui.ToneBad, TrunkRefused: ui.ToneBad, TrunkUnreachable: ui.ToneBad, TrunkDisabled: ui.TonePlain,
	TrunkCertificateName: ui.ToneBad, TrunkCertificateExpired: ui.ToneBad, TrunkCertificateAuthority: ui.ToneBad,
}

// saying are the states of which the provider's own words tell more.
var saying = map[TrunkKind]bool{TrunkLapsing: true, TrunkPassword: true, TrunkRefused: true}

// trunkLive is how a trunk is at this moment, in words.
func trunkLive(p *ui.Page, t *ccs.Trunk, s TrunkState) ui.TrunkLive {
	kind := s.Kind
	switch {
	case t.Disabled:
		kind = TrunkDisabled
	case trunkTones[kind] == "":
		kind = TrunkChecking
	}
	live := ui.TrunkLive{In: s.In, Out: s.Out}
	live.State = ui.State{
		Tone: trunkTones[kind], Text: p.T("trunk.state."+string(kind), "Time", p.Minute(s.Until)),
	}
	if t.Disabled {
		return live
	}
	var more []string
	if s.Said != "" && saying[kind] {
		more = append(more, p.T("trunk.state.said", "Said", s.Said))
	}
	if id := "trunk.state." + string(kind) + ".do"; p.Has(id) {
		live.Advice = p.T(id)
	}
	if !s.Retry.IsZero() && live.State.Tone != ui.ToneGood && live.State.Tone != ui.TonePlain {
		more = append(more, p.T("trunk.state.retry", "Time", p.Clock(s.Retry)))
	}
	live.State.Detail = strings.Join(more, " ")
	for _, target := range s.Targets {
		live.Targets = append(live.Targets, ui.TargetLive{Name: target.Name, State: targetState(p, target)})
	}
	return live
}

func targetState(p *ui.Page, t TargetState) ui.State {
	switch {
	case t.Up && t.RTT > 0:
		return ui.State{Tone: ui.ToneGood, Text: p.T("trunk.target.answers", "Time", milliseconds(p, t.RTT))}
	case t.Up:
		return ui.State{Tone: ui.ToneGood, Text: p.T("trunk.target.up")}
	case t.Known:
		return ui.State{Tone: ui.ToneBad, Text: p.T("trunk.target.silent")}
	}
	return ui.State{Tone: ui.TonePlain, Text: p.T("trunk.target.unknown")}
}

func milliseconds(p *ui.Page, d time.Duration) string {
	if d < 10*time.Millisecond {
		return p.Decimal(fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)))
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}
