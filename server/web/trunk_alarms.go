package web

import (
	"context"
	"errors"
	"fmt"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
	"github.com/carillon-cc/carillon/ui"
)

// sameAlarm is what alarms have in common that are shown as one: somebody who
// tries again and again must not push the others off the page.
type sameAlarm struct {
	trunk, guard, by string
	forward          bool
}

// trunkAlarms are the calls that guards stopped lately, in words, the newest
// first. trunks are those whose names are wanted.
func (w *Web) trunkAlarms(ctx context.Context, p *ui.Page, trunks []*ccs.Trunk) ([]ui.Alarm, error) {
	all := w.o.Telephony.Alarms()
	if len(all) == 0 {
		return nil, nil
	}
	callers, err := w.alarmCallers(ctx, p, all)
	if err != nil {
		return nil, err
	}
	named := map[string]string{}
	for _, t := range trunks {
		named[t.ID] = t.Name
	}
	var shown []ui.Alarm
	at := map[sameAlarm]int{}
	for _, a := range all {
		key := sameAlarm{a.Trunk, a.Guard, a.By, a.Forward}
		if i, ok := at[key]; ok {
			shown[i].Count++
			continue
		}
		at[key] = len(shown)
		alarm := ui.Alarm{
			TrunkID: a.Trunk, At: a.At, Count: 1, What: alarmText(p, a, callers[a.By]),
			Trunk: p.T("alarm.trunk.gone"), Why: p.Or("guard."+a.Guard, "alarm.stopped"),
		}
		if name, ok := named[a.Trunk]; ok {
			alarm.Trunk, alarm.TrunkHref = p.T("alarm.trunk", "Name", name), "/trunks/"+a.Trunk+"#trunk-outgoing"
		}
		if id := "guard." + a.Guard + ".do"; p.Has(id) {
			alarm.Do = p.T(id)
		}
		shown = append(shown, alarm)
	}
	return shown, nil
}

// alarmText says who called whom.
func alarmText(p *ui.Page, a Alarm, who string) string {
	id := "alarm.tried"
	if a.Forward {
		id = "alarm.forward"
	}
	if a.Number == "" {
		id += ".somewhere"
	}
	return p.T(id, "Who", who, "Number", a.Number)
}

// alarmCallers names who called, by id: agents and lines.
func (w *Web) alarmCallers(ctx context.Context, p *ui.Page, all []Alarm) (map[string]string, error) {
	callers := map[string]string{"": p.T("alarm.who.plan")}
	known := w.names(ctx)
	for _, a := range all {
		if _, ok := callers[a.By]; ok {
			continue
		}
		name := known.Agent(a.By)
		if name == "" {
			switch l, err := w.o.Tables.Lines.Get(ctx, a.By); {
			case err == nil:
				name = p.T("alarm.who.line", "Name", l.Number+" "+l.Name)
			case errors.Is(err, store.ErrNotFound):
				name = p.T("alarm.who.gone")
			default:
				return nil, fmt.Errorf("read a line: %w", err)
			}
		}
		callers[a.By] = name
	}
	return callers, nil
}
