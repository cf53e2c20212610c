package server

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw"
	"github.com/carillon-cc/carillon/store"
)

// saveBindings is how often is looked whether telephones have come or gone: a
// crash forgets no more than these.
const saveBindings = 2 * time.Second

// strayBindings is after how long telephones of another node are forgotten that
// have all ended: it will not start again.
const strayBindings = 24 * time.Hour

// bindings keeps the telephones of lines in the store, so that they ring after a
// restart before they register again. The gateway works without it: what changed
// is looked for, and written by the outbox.
type bindings struct {
	gateway *sipgw.Gateway
	table   *store.Table[ccs.Bindings, *ccs.Bindings]
	outbox  *store.Outbox
	node    string
	log     *slog.Logger
	// kept is what the store has, by id. The outbox's writes alone touch it after
	// load, and they never overlap.
	kept map[string]ccs.Meta
}

// load has the gateway take up what the store has of this node.
func (b *bindings) load(ctx context.Context) error {
	all, _, err := b.table.List(ctx, store.Query{})
	if err != nil {
		return fmt.Errorf("read the telephones of lines: %w", err)
	}
	b.kept = make(map[string]ccs.Meta)
	var own []ccs.Binding
	for _, sheet := range all {
		switch {
		case sheet.Node == b.node:
			b.kept[sheet.ID] = sheet.Meta
			own = append(own, sheet.List...)
		case stray(sheet):
			// Another node that starts now may be faster, which is as well.
			if err := dropOwn(ctx, b.table, sheet); err != nil {
				return fmt.Errorf("forget the telephones of lines of a former node: %w", err)
			}
		}
	}
	if n := b.gateway.RestoreBindings(own); len(own) > 0 {
		b.log.Info("telephones of lines are known from before the start", "stored", len(own), "restored", n)
	}
	return nil
}

// stray tells whether nobody has written a sheet for long.
func stray(sheet *ccs.Bindings) bool {
	last := sheet.Updated
	for _, one := range sheet.List {
		if one.Expires.After(last) {
			last = one.Expires
		}
	}
	return time.Since(last) > strayBindings
}

// run has what changes saved until ctx ends.
func (b *bindings) run(ctx context.Context) {
	ticker := time.NewTicker(saveBindings)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			for _, sheet := range b.gateway.UnsavedBindings() {
				b.save(sheet, false)
			}
		}
	}
}

// saveLast saves everything as it is at the end of the process. run has ended.
func (b *bindings) saveLast() {
	for sheet := range sipgw.BindingSheets {
		b.save(sheet, true)
	}
}

// save has the outbox write a sheet as it is by then.
func (b *bindings) save(sheet int, last bool) {
	id := fmt.Sprintf("%s-%02d", b.node, sheet)
	b.outbox.Save("bindings/"+id, func(ctx context.Context) error {
		list, ok := b.gateway.Bindings(sheet, last)
		meta, known := b.kept[id]
		if !ok || len(list) == 0 && !known {
			return nil
		}
		doc := ccs.Bindings{Meta: meta, Node: b.node, List: list}
		doc.ID = id
		if err := putOwn(ctx, b.table, &doc); err != nil {
			return fmt.Errorf("keep the telephones of lines: %w", err)
		}
		b.kept[id] = doc.Meta
		return nil
	})
}
