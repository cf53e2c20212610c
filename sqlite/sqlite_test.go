package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/internal/leaks"
	"github.com/carillon-cc/carillon/store"
	"github.com/carillon-cc/carillon/store/storetest"
)

func TestMain(m *testing.M) { leaks.Verify(m) }

func openFile(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		return openFile(t, filepath.Join(t.TempDir(), "carillon.db"))
	})
}

func TestFileIsPrivate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "data", "carillon.db")
	s := openFile(t, path)
	if err := s.Ensure(t.Context(), store.Schema{Table: "things"}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600, filepath.Dir(path): 0o700} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has rights %v, want %v", filepath.Base(name), got, want)
		}
	}
	// A file that others could read no longer is when it is opened.
	loose := filepath.Join(dir, "loose.db")
	if err := os.WriteFile(loose, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	openFile(t, loose)
	if info, err := os.Stat(loose); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("an older file has rights %v, %v", info.Mode().Perm(), err)
	}
}

func TestPathsWithOddCharacters(t *testing.T) {
	for _, name := range []string{"a b.db", "50%.db", "what?.db", "x#y.db", "é'\".db", "a&b=c.db"} {
		path := filepath.Join(t.TempDir(), name)
		s := openFile(t, path)
		if err := s.Ensure(t.Context(), store.Schema{Table: "things"}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%s: the data is elsewhere: %v", name, err)
		}
	}
	if _, err := Open(t.Context(), ""); err == nil {
		t.Error("a store without a path was opened")
	}
	if _, err := Open(t.Context(), t.TempDir()); err == nil {
		t.Error("a folder was opened as a store")
	}
}

func TestSettings(t *testing.T) {
	s := openFile(t, filepath.Join(t.TempDir(), "carillon.db"))
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "1", "busy_timeout": "10000"} {
		var got string
		if err := s.write.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s, %v, want %s", pragma, got, err, want)
		}
	}
	if _, err := s.read.ExecContext(t.Context(), "CREATE TABLE x (y)"); err == nil {
		t.Error("a reader can write")
	}
}

// What one process leaves, and what two of them do at once.
func TestFileIsShared(t *testing.T) {
	path := filepath.Join(t.TempDir(), "carillon.db")
	schema := store.Schema{Table: "things", Fields: []string{"login"}, Unique: []string{"login"}}
	one, two := openFile(t, path), openFile(t, path)
	for _, s := range []*Store{one, two} {
		if err := s.Ensure(t.Context(), schema); err != nil {
			t.Fatal(err)
		}
	}
	doc := store.Document{ID: "a", Data: []byte(`{}`), Fields: map[string]string{"login": "ann"}}
	if _, err := one.Put(t.Context(), "things", doc); err != nil {
		t.Fatal(err)
	}
	if got, err := two.Get(t.Context(), "things", "a"); err != nil || got.Revision != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := two.Put(t.Context(), "things", doc); !errors.Is(err, store.ErrConflict) {
		t.Errorf("create in both: %v", err)
	}
	doc.ID = "b"
	if _, err := two.Put(t.Context(), "things", doc); !errors.Is(err, store.ErrDuplicate) {
		t.Errorf("duplicate in both: %v", err)
	}
	// Readers do not wait for a transaction that writes.
	err := one.change(t.Context(), func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(t.Context(), `DELETE FROM things`); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for _, s := range []*Store{one, two} {
			if _, err := s.Get(ctx, "things", "a"); err != nil {
				t.Errorf("read beside a writer: %v", err)
			}
		}
		return errors.New("undo")
	})
	if err == nil || err.Error() != "undo" {
		t.Fatal(err)
	}
	if _, err := two.Get(t.Context(), "things", "a"); err != nil {
		t.Errorf("after the transaction was undone: %v", err)
	}
}

// Chunks of a writer whose process died go when the file is opened a day later;
// those of one that may still write stay.
func TestAbandonedBlobsAreRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "carillon.db")
	s := openFile(t, path)
	for range 2 {
		w, err := s.Blobs().Create(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, store.ChunkSize)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.write.ExecContext(t.Context(), `UPDATE _blobs SET started = started - 90000 WHERE version = 1`); err != nil {
		t.Fatal(err)
	}
	if got := count(t, openFile(t, path), `_blob_chunks`); got != 1 {
		t.Errorf("%d chunks are left, want the 1 of the younger writer", got)
	}
}

func TestNoChunksAreLeft(t *testing.T) {
	s := openFile(t, filepath.Join(t.TempDir(), "carillon.db"))
	for range 3 {
		w, err := s.Blobs().Create(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, store.ChunkSize)); err != nil {
			t.Fatal(err)
		}
		if err := w.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	if got := count(t, s, `_blob_chunks`); got != 1 {
		t.Errorf("%d chunks after two replacements, want 1", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w, err := s.Blobs().Create(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, store.ChunkSize)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := w.Commit(); !errors.Is(err, context.Canceled) {
		t.Errorf("commit after cancel: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Errorf("close after cancel: %v", err)
	}
	if err := s.Blobs().Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if got := count(t, s, `_blob_chunks`) + count(t, s, `_blobs`); got != 0 {
		t.Errorf("%d rows are left of no blob", got)
	}
}

func count(t *testing.T, s *Store, table string) int {
	t.Helper()
	var n int
	if err := s.read.QueryRowContext(t.Context(), `SELECT count(*) FROM `+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Every list uses an index, for its order too.
func TestListsUseIndexes(t *testing.T) {
	s := openFile(t, filepath.Join(t.TempDir(), "carillon.db"))
	timed := store.Schema{Table: "timed", Fields: []string{"color"}, Time: "at"}
	plain := store.Schema{Table: "plain", Fields: []string{"color"}}
	for _, schema := range []store.Schema{timed, plain} {
		if err := s.Ensure(t.Context(), schema); err != nil {
			t.Fatal(err)
		}
	}
	red := map[string]string{"color": "red"}
	now := time.Now()
	after := store.Cursor{ID: "x"}.String()
	for _, c := range []struct {
		schema store.Schema
		query  store.Query
	}{
		{timed, store.Query{Limit: 10}},
		{timed, store.Query{Limit: 10, Equal: red, From: now, Descending: true}},
		{timed, store.Query{Limit: 10, From: now, To: now, After: after}},
		{plain, store.Query{Limit: 10, Equal: red}},
		{plain, store.Query{Limit: 10, After: after, Descending: true}},
	} {
		query, args, err := selection(c.schema, c.query)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := s.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var a, b, c int
			var detail string
			if err := rows.Scan(&a, &b, &c, &detail); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(detail, "USING INDEX") {
				t.Errorf("%s: %s", query, detail)
			}
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
