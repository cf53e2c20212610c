package web

import (
	"context"

	"github.com/carillon-cc/carillon/store"
	"github.com/carillon-cc/carillon/ui"
	"github.com/carillon-cc/carillon/ui/templates"
)

// trunkParts is what changes of trunks while a page shows them.
func (w *Web) trunkParts(ctx context.Context, page *ui.Page) (parts, error) {
	trunks, _, err := w.o.Tables.Trunks.List(ctx, store.Query{})
	if err != nil {
		return nil, err
	}
	states := w.trunkStates()
	alarms, err := w.trunkAlarms(ctx, page, trunks)
	if err != nil {
		return nil, err
	}
	found := parts{"alarms": templates.Alarms(page, alarms), "alarm-last": templates.LastAlarm(page, alarms)}
	for _, t := range trunks {
		live := trunkLive(page, t, states[t.ID])
		found["state-"+t.ID] = templates.TrunkState(live)
		found["calls-"+t.ID] = templates.TrunkCalls(page, live)
		found["targets-"+t.ID] = templates.TrunkTargets(live)
		found["now-"+t.ID] = templates.TrunkNow(page, live)
		found["alarms-"+t.ID] = templates.TrunkAlarms(page, ui.AlarmsOf(alarms, t.ID))
	}
	return found, nil
}
