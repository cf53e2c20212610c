// Package sqlite is the embedded store: one file, which several processes of
// one machine may share.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/carillon-cc/carillon/store"
)

// busyTimeout is how long a writer waits for another process, in milliseconds.
const busyTimeout = 10_000

// Store is a store.Store in a file. Readers never wait for a writer (WAL);
// writers of this process line up for the only connection that writes.
type Store struct {
	write *sql.DB
	read  *sql.DB

	mu     sync.RWMutex
	tables map[string]store.Schema
}

var _ store.Store = (*Store)(nil)

// Open opens the database file of this path, and makes it and its folder if
// there is none. Nobody but the user may read them. The caller closes the store.
func Open(ctx context.Context, path string) (*Store, error) {
	if path == "" {
		return nil, errors.New("open sqlite store: path is empty")
	}
	s, err := open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("open sqlite store %s: %w", path, err)
	}
	return s, nil
}

func open(ctx context.Context, path string) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := private(path); err != nil {
		return nil, err
	}
	s := &Store{tables: make(map[string]store.Schema)}
	if s.write, err = sql.Open("sqlite", dsn(path, false)); err != nil {
		return nil, err
	}
	s.write.SetMaxOpenConns(1)
	if s.read, err = sql.Open("sqlite", dsn(path, true)); err != nil {
		return nil, errors.Join(err, s.write.Close())
	}
	readers := max(4, runtime.GOMAXPROCS(0))
	s.read.SetMaxOpenConns(readers)
	s.read.SetMaxIdleConns(readers)
	if err := s.prepareBlobs(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// private makes the file and its folder, or takes others' rights from the file:
// SQLite gives its companions (-wal, -shm) the rights of the file.
func private(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		if err := os.Chmod(name, 0o600); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func dsn(path string, readOnly bool) string {
	q := url.Values{"_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busyTimeout),
		"journal_mode(WAL)",
		"synchronous(NORMAL)",
		"journal_size_limit(67108864)", // bytes: a WAL that grew does not stay so
	}}
	if readOnly {
		q.Add("_pragma", "query_only(1)")
	} else {
		q.Set("_txlock", "immediate") // never turn from reader to writer halfway
	}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String()
}

// Ping reads from the file.
func (s *Store) Ping(ctx context.Context) error {
	var n int
	if err := s.read.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&n); err != nil {
		return fmt.Errorf("ping sqlite store: %w", reason(ctx, err))
	}
	return nil
}

// Close waits for what is going on.
func (s *Store) Close() error {
	// The writer last: the last connection to close tidies the WAL away, which
	// one that may only read cannot.
	return errors.Join(s.read.Close(), s.write.Close())
}

// schema returns what Ensure was told of the table.
func (s *Store) schema(table string) (store.Schema, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	schema, ok := s.tables[table]
	if !ok {
		return store.Schema{}, fmt.Errorf("table %q is not prepared", table)
	}
	return schema, nil
}

// change runs f in a transaction of the writer.
func (s *Store) change(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return reason(ctx, err)
	}
	if err := f(tx); err != nil {
		rollback := tx.Rollback()
		if errors.Is(rollback, sql.ErrTxDone) {
			rollback = nil // the end of ctx did it
		}
		return errors.Join(reason(ctx, err), rollback)
	}
	return reason(ctx, tx.Commit())
}

// reason has the end of ctx show in an error: SQLite says "interrupted".
func reason(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// duplicate tells whether a unique index refused a change.
func duplicate(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code() == lib.SQLITE_CONSTRAINT_UNIQUE
}

// dropTimeout is how long removing what nobody wants may take when its caller's
// context has ended.
const dropTimeout = 10 * time.Second
