package web

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/carillon-cc/carillon/ui"
	"github.com/carillon-cc/carillon/ui/templates"
)

// doctorTime bounds a diagnosis.
const doctorTime = time.Minute

// trunkDoctor looks for what keeps a trunk from working. It looks at the trunk
// as it is stored.
func (w *Web) trunkDoctor(rw http.ResponseWriter, r *http.Request) {
	t, err := w.o.Tables.Trunks.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		w.failed(rw, r, "read a trunk", err)
		return
	}
	e, ok := w.readEntry(rw, r, w.texts(r), "trunk")
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), doctorTime)
	defer cancel()
	number := e.telephone("number")
	findings, err := w.o.Telephony.Diagnose(ctx, t.ID, number)
	if err != nil {
		w.failed(rw, r, "diagnose a trunk", err)
		return
	}
	d := diagnosis(e.texts, number, findings)
	if r.Header.Get("HX-Request") != "" {
		w.render(rw, r, http.StatusOK, templates.Diagnosis(w.page(r, "doctor.title"), d))
		return
	}
	w.trunkForm(rw, r, http.StatusOK, t, &d, trunkValues(t))
}

// diagnosis puts findings into words, and sums them up.
func diagnosis(t *ui.Texts, number string, findings []Finding) ui.Diagnosis {
	d := ui.Diagnosis{Number: number}
	worst, last := "ok", ""
	for _, f := range findings {
		args := make([]any, 0, 2*len(f.Params)+2)
		for _, name := range slices.Sorted(maps.Keys(f.Params)) {
			args = append(args, name, f.Params[name])
		}
		id := "doctor." + f.Code
		finding := ui.Finding{Tone: ui.ToneGood, Text: t.Or(id, "doctor.other", append(args, "Code", f.Code)...)}
		if f.Check != last && t.Has("doctor.check."+f.Check) {
			finding.Head = t.T("doctor.check." + f.Check)
		}
		last = f.Check
		switch f.Level {
		case "error":
			finding.Tone, worst = ui.ToneBad, "error"
		case "warning":
			finding.Tone = ui.ToneWarn
			if worst == "ok" {
				worst = "warning"
			}
		}
		d.Findings = append(d.Findings, finding)
	}
	tones := map[string]ui.Tone{"ok": ui.ToneGood, "warning": ui.ToneWarn, "error": ui.ToneBad}
	if len(findings) == 0 {
		worst = "nothing"
		tones[worst] = ui.ToneWarn
	}
	d.Verdict = ui.State{Tone: tones[worst], Text: t.T("doctor.verdict." + worst)}
	return d
}
