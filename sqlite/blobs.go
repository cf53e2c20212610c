package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/carillon-cc/carillon/store"
)

// abandoned is the age at which a blob that was never finished is taken for one
// whose process died.
const abandoned = 24 * time.Hour

// A blob is a row of _blobs and its chunks. Writing one never holds a
// transaction open while the writer waits: each chunk is a change of its own,
// under a version that nobody sees until Commit makes it the blob's. Names with
// an underscore are no store table's.
const blobTables = `
CREATE TABLE IF NOT EXISTS _blobs (
	version INTEGER PRIMARY KEY AUTOINCREMENT,
	id      TEXT NOT NULL,
	size    INTEGER,          -- bytes; NULL while it is being written
	started INTEGER NOT NULL  -- seconds since 1970
);
CREATE UNIQUE INDEX IF NOT EXISTS _blobs_id ON _blobs (id) WHERE size IS NOT NULL;
CREATE TABLE IF NOT EXISTS _blob_chunks (
	version INTEGER NOT NULL,
	n       INTEGER NOT NULL,
	data    BLOB NOT NULL,
	UNIQUE (version, n)
);`

func (s *Store) prepareBlobs(ctx context.Context) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, blobTables); err != nil {
			return fmt.Errorf("prepare blobs: %w", err)
		}
		if err := dropVersions(ctx, tx, `size IS NULL AND started < ?`, time.Now().Add(-abandoned).Unix()); err != nil {
			return fmt.Errorf("remove abandoned blobs: %w", err)
		}
		return nil
	})
}

func dropVersions(ctx context.Context, tx *sql.Tx, where string, args ...any) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM _blob_chunks WHERE version IN (SELECT version FROM _blobs WHERE `+where+`)`, args...); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM _blobs WHERE `+where, args...)
	return err
}

// Blobs are in the same file.
func (s *Store) Blobs() store.Blobs { return blobs{s} }

type blobs struct{ s *Store }

func (b blobs) Create(ctx context.Context, id string) (store.BlobWriter, error) {
	if err := store.CheckID(id); err != nil {
		return nil, fmt.Errorf("create blob: %w", err)
	}
	result, err := b.s.write.ExecContext(ctx, `INSERT INTO _blobs (id, started) VALUES (?, ?)`, id, time.Now().Unix())
	if err != nil {
		return nil, fmt.Errorf("create blob %s: %w", id, reason(ctx, err))
	}
	version, err := result.LastInsertId()
	if err != nil {
		return nil, fmt.Errorf("create blob %s: %w", id, err)
	}
	return store.NewBlobWriter(&sink{s: b.s, ctx: ctx, id: id, version: version}), nil
}

func (b blobs) Open(ctx context.Context, id string) (store.Blob, error) {
	if err := store.CheckID(id); err != nil {
		return nil, fmt.Errorf("open blob: %w", err)
	}
	var version, size int64
	err := b.s.read.QueryRowContext(ctx, `SELECT version, size FROM _blobs WHERE id = ? AND size IS NOT NULL`, id).Scan(&version, &size)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("open blob %s: %w", id, reason(ctx, err))
	}
	return store.NewBlob(size, store.ChunkSize, func(n int64) ([]byte, error) {
		var data []byte
		err := b.s.read.QueryRowContext(ctx, `SELECT data FROM _blob_chunks WHERE version = ? AND n = ?`, version, n).Scan(&data)
		if errors.Is(err, sql.ErrNoRows) {
			err = store.ErrNotFound
		}
		if err != nil {
			return nil, fmt.Errorf("read blob %s: %w", id, reason(ctx, err))
		}
		return data, nil
	}), nil
}

func (b blobs) List(ctx context.Context, after string, limit int) ([]string, error) {
	if err := store.CheckListing(after, limit); err != nil {
		return nil, err
	}
	ids, err := b.ids(ctx, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list blobs: %w", reason(ctx, err))
	}
	return ids, nil
}

func (b blobs) ids(ctx context.Context, after string, limit int) ([]string, error) {
	rows, err := b.s.read.QueryContext(ctx, `SELECT id FROM _blobs WHERE size IS NOT NULL AND id > ? ORDER BY id LIMIT ?`, after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err below tells
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

func (b blobs) Delete(ctx context.Context, id string) error {
	if err := store.CheckID(id); err != nil {
		return fmt.Errorf("delete blob: %w", err)
	}
	err := b.s.change(ctx, func(tx *sql.Tx) error { return dropVersions(ctx, tx, `id = ? AND size IS NOT NULL`, id) })
	if err != nil {
		return fmt.Errorf("delete blob %s: %w", id, err)
	}
	return nil
}

// sink takes the chunks of one version of a blob.
type sink struct {
	s       *Store
	ctx     context.Context //nolint:containedctx // store.Blobs.Create: it governs the writer
	id      string
	version int64
}

func (k *sink) Chunk(n int64, data []byte) error {
	_, err := k.s.write.ExecContext(k.ctx, `INSERT INTO _blob_chunks (version, n, data) VALUES (?, ?, ?)`, k.version, n, data)
	if err != nil {
		return fmt.Errorf("write blob %s: %w", k.id, reason(k.ctx, err))
	}
	return nil
}

func (k *sink) Commit(size int64) error {
	err := k.s.change(k.ctx, func(tx *sql.Tx) error {
		if err := dropVersions(k.ctx, tx, `id = ? AND size IS NOT NULL`, k.id); err != nil {
			return err
		}
		result, err := tx.ExecContext(k.ctx, `UPDATE _blobs SET size = ? WHERE version = ?`, size, k.version)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return errors.New("it was taken for abandoned")
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("commit blob %s: %w", k.id, err)
	}
	return nil
}

func (k *sink) Drop() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(k.ctx), dropTimeout)
	defer cancel()
	err := k.s.change(ctx, func(tx *sql.Tx) error { return dropVersions(ctx, tx, `version = ? AND size IS NULL`, k.version) })
	if err != nil {
		return fmt.Errorf("drop blob %s: %w", k.id, err)
	}
	return nil
}
