package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
)

// Export writes the configuration in the store to w as a file that Import
// takes. passwords has the secrets written too: the hashes of the passwords of
// users and lines, and the passwords of trunks as they are, since Carillon
// signs on with them.
func Export(ctx context.Context, db store.Store, w io.Writer, passwords bool) error {
	if err := export(ctx, db, w, passwords); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

func export(ctx context.Context, db store.Store, w io.Writer, passwords bool) error {
	t := store.NewTables(db)
	if err := t.Ensure(ctx); err != nil {
		return err
	}
	if err := CheckWhole(ctx, db); err != nil {
		return err
	}
	c := Configuration{Format: configurationFormat, Version: configurationVersion}
	secret := storeOnly
	if !passwords {
		secret = append([]string{"passwordHash", "password", "secrets"}, storeOnly...)
	}
	var errs [11]error
	c.Numbers, errs[0] = exported(ctx, t.Numbers, storeOnly)
	c.Plans, errs[1] = exported(ctx, t.Plans, storeOnly)
	c.PlanVersions, errs[2] = exportedVersions(ctx, t)
	c.Menus, errs[3] = exported(ctx, t.Menus, storeOnly)
	c.Queues, errs[4] = exported(ctx, t.Queues, storeOnly)
	c.VoiceTexts, errs[5] = exported(ctx, t.VoiceTexts, storeOnly)
	c.Sounds, errs[6] = exportedSounds(ctx, t, db.Blobs())
	c.Agents, errs[7] = exported(ctx, t.Agents, storeOnly)
	c.Users, errs[8] = exported(ctx, t.Users, secret)
	c.Lines, errs[9] = exported(ctx, t.Lines, secret)
	c.Trunks, errs[10] = exported(ctx, t.Trunks, secret)
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(c)
}

// exported is a table in the order of ids.
func exported[T any, P store.Object[T]](ctx context.Context, table *store.Table[T, P], drop []string) ([]json.RawMessage, error) {
	list, _, err := table.List(ctx, store.Query{})
	if err != nil {
		return nil, err
	}
	return objects(list, func(v *T) (json.RawMessage, error) { return object(v, drop...) })
}

func objects[T any](list []*T, form func(*T) (json.RawMessage, error)) ([]json.RawMessage, error) {
	texts := make([]json.RawMessage, len(list))
	for i, v := range list {
		var err error
		if texts[i], err = form(v); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

func exportedSounds(ctx context.Context, t *store.Tables, blobs store.Blobs) ([]json.RawMessage, error) {
	list, _, err := t.Sounds.List(ctx, store.Query{})
	if err != nil {
		return nil, err
	}
	return objects(list, func(v *ccs.Sound) (json.RawMessage, error) { return exportSound(ctx, blobs, v) })
}

// exportedVersions are the versions that calls run at present: older ones only
// say what happened to calls of the past.
func exportedVersions(ctx context.Context, t *store.Tables) ([]json.RawMessage, error) {
	plans, _, err := t.Plans.List(ctx, store.Query{})
	if err != nil {
		return nil, err
	}
	var list []*ccs.PlanVersion
	for _, p := range plans {
		if p.Published == "" {
			continue
		}
		v, err := t.Versions.Get(ctx, p.Published)
		if err != nil {
			return nil, fmt.Errorf("plan %s: %w", p.ID, err)
		}
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b *ccs.PlanVersion) int { return strings.Compare(a.ID, b.ID) })
	return objects(list, func(v *ccs.PlanVersion) (json.RawMessage, error) { return object(v, storeOnly...) })
}
