package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/carillon-cc/carillon/store"
)

// Restore fills an empty store from a backup. It reads the backup twice: before
// the first change to the store all of it was checked. Objects keep their ids
// and revisions. ErrNotEmpty tells that the store has something in it;
// ErrUnfinished, that some of the backup is in the store and that no server
// starts on it until a Restore has gone through.
func Restore(ctx context.Context, db store.Store, backup io.ReadSeeker) (Manifest, Summary, error) {
	tables := store.NewTables(db)
	if err := tables.Ensure(ctx); err != nil {
		return Manifest{}, Summary{}, err
	}
	leftovers, err := begun(ctx, db)
	if err == nil && !leftovers {
		err = checkEmpty(ctx, db, tables)
	}
	if err != nil {
		return Manifest{}, Summary{}, err
	}
	_, byName := kept(tables)
	manifest, last, err := read(ctx, backup, byName, looker{})
	if err == nil {
		_, err = backup.Seek(0, io.SeekStart)
	}
	if err != nil {
		return manifest, Summary{}, fmt.Errorf("check the backup: %w; nothing was restored", err)
	}
	if leftovers {
		err = empty(ctx, db, tables)
	} else {
		err = begin(ctx, db)
	}
	if err == nil {
		f := &filler{db: db, gone: last.Gone, calls: tables.Calls}
		_, _, err = read(ctx, backup, byName, f)
	}
	if err == nil {
		err = finish(ctx, db)
	}
	if err != nil {
		return manifest, Summary{}, fmt.Errorf("restore: %w: %w", err, ErrUnfinished)
	}
	return manifest, last.Summary, nil
}

// looker only has the backup checked.
type looker struct{}

func (looker) document(context.Context, store.AnyTable, store.Document) error { return nil }
func (looker) blob(context.Context, string, io.Reader) error                  { return nil }

// filler writes into the store.
type filler struct {
	db    store.Store
	gone  []string
	calls store.AnyTable
}

func (f *filler) document(ctx context.Context, table store.AnyTable, doc store.Document) error {
	if table == f.calls {
		var err error
		if doc, err = cutOff(table, doc); err != nil {
			return err
		}
	}
	return f.db.Restore(ctx, table.Schema().Table, doc)
}

func (f *filler) blob(ctx context.Context, id string, r io.Reader) error {
	if slices.Contains(f.gone, id) {
		return nil
	}
	w, err := f.db.Blobs().Create(ctx, id)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	if err == nil {
		err = w.Commit()
	}
	return errors.Join(err, w.Close())
}

// ErrNotEmpty is the refusal to restore over something.
var ErrNotEmpty = errors.New("the store is not empty")

func checkEmpty(ctx context.Context, db store.Store, tables *store.Tables) error {
	var there []string
	for _, table := range tables.All() {
		name := table.Schema().Table
		page, err := db.List(ctx, name, store.Query{Limit: 1})
		if err != nil {
			return err
		}
		if len(page.Documents) > 0 {
			there = append(there, name)
		}
	}
	ids, err := db.Blobs().List(ctx, "", 1)
	if err != nil {
		return err
	}
	if len(ids) > 0 {
		there = append(there, "blobs")
	}
	if len(there) > 0 {
		return fmt.Errorf("%w: it has %s. A backup goes only into an empty one: name another by --data or --store", ErrNotEmpty, strings.Join(there, ", "))
	}
	return nil
}

// empty removes what an earlier restore has left.
func empty(ctx context.Context, db store.Store, tables *store.Tables) error {
	for _, table := range tables.All() {
		name := table.Schema().Table
		for {
			page, err := db.List(ctx, name, store.Query{Limit: documentsPage})
			if err != nil {
				return err
			}
			for _, doc := range page.Documents {
				if err := db.Delete(ctx, name, doc.ID, 0); err != nil && !errors.Is(err, store.ErrNotFound) {
					return err
				}
			}
			if page.Next == "" {
				break
			}
		}
	}
	for {
		ids, err := db.Blobs().List(ctx, "", blobsPage)
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			if err := db.Blobs().Delete(ctx, id); err != nil {
				return err
			}
		}
	}
}
