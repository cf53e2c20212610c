package web

import (
	"context"

	"github.com/carillon-cc/carillon/store"
	"github.com/carillon-cc/carillon/ui"
	"github.com/carillon-cc/carillon/ui/templates"
)

// lineParts is what changes of lines while a page shows them.
func (w *Web) lineParts(ctx context.Context, page *ui.Page) (parts, error) {
	lines, _, err := w.o.Tables.Lines.List(ctx, store.Query{})
	if err != nil {
		return nil, err
	}
	states := w.lineStates()
	found := parts{}
	for _, l := range lines {
		live := lineLive(page, l, states[l.ID])
		found["state-"+l.ID] = templates.LineState(live)
		found["phones-"+l.ID] = templates.LinePhones(live)
		found["contacts-"+l.ID] = templates.LineContacts(page, live)
	}
	return found, nil
}
