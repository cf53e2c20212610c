package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/carillon-cc/carillon/store"
)

const (
	// documentsPage is how many objects are read at once, blobsPage how many
	// ids of blobs.
	documentsPage = 100
	blobsPage     = 1000
)

// Backup writes everything in the store to w. Calls may go on meanwhile: each
// object is as it was at the moment it was read. What refers to another object
// is read before it, so that whatever a backed-up object refers to is there
// too, unless it was deleted meanwhile. carillon is the program's version.
func Backup(ctx context.Context, db store.Store, w io.Writer, carillon string) (Summary, error) {
	zip, err := gzip.NewWriterLevel(w, gzip.BestSpeed) // sound hardly gets smaller with more effort
	if err != nil {
		return Summary{}, err
	}
	b := &backup{
		db: db, tar: tar.NewWriter(zip), sum: sha256.New(), now: time.Now().UTC().Truncate(time.Second),
		end: end{Summary: Summary{Documents: make(map[string]int64)}},
	}
	b.body = io.MultiWriter(b.tar, b.sum)
	if err := b.run(ctx, carillon); err != nil {
		return Summary{}, fmt.Errorf("back up: %w", err)
	}
	if err := errors.Join(b.tar.Close(), zip.Close()); err != nil {
		return Summary{}, fmt.Errorf("back up: %w", err)
	}
	return b.end.Summary, nil
}

type backup struct {
	db   store.Store
	tar  *tar.Writer
	sum  hash.Hash
	body io.Writer // both
	now  time.Time
	end  end
}

func (b *backup) run(ctx context.Context, carillon string) error {
	tables := store.NewTables(b.db)
	if err := tables.Ensure(ctx); err != nil {
		return err
	}
	if err := CheckWhole(ctx, b.db); err != nil {
		return err
	}
	err := b.own(manifestName, Manifest{Format: backupFormat, Version: backupVersion, Created: b.now, Carillon: carillon})
	if err != nil {
		return err
	}
	order, _ := kept(tables)
	for _, table := range order {
		if err := b.table(ctx, table.Schema()); err != nil {
			return err
		}
	}
	if err := b.blobs(ctx); err != nil {
		return err
	}
	b.end.SHA256 = hex.EncodeToString(b.sum.Sum(nil))
	return b.own(endName, b.end)
}

// header begins an entry.
func (b *backup) header(name string, size int64) error {
	sumUp(b.sum, name, size)
	return b.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: b.now})
}

// sumUp has the name and the size of an entry count in the sum.
func sumUp(sum hash.Hash, name string, size int64) { fmt.Fprintf(sum, "%q %d\n", name, size) }

func (b *backup) own(name string, content any) error {
	data, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return err
	}
	return b.whole(name, append(data, '\n'))
}

func (b *backup) whole(name string, data []byte) error {
	if err := b.header(name, int64(len(data))); err != nil {
		return err
	}
	_, err := b.body.Write(data)
	return err
}

func (b *backup) table(ctx context.Context, schema store.Schema) error {
	q := store.Query{Limit: documentsPage}
	if len(schema.Unique) > 0 {
		// Read at once: between two pages a unique value could pass from one
		// object to another, and could not be restored twice. Such tables are
		// small.
		q.Limit = 0
	}
	for n := 1; ; n++ {
		page, err := b.db.List(ctx, schema.Table, q)
		if err != nil {
			return fmt.Errorf("read table %s: %w", schema.Table, err)
		}
		var data bytes.Buffer
		for _, doc := range page.Documents {
			text, err := json.Marshal(line{Revision: doc.Revision, Data: doc.Data})
			if err != nil {
				return fmt.Errorf("read %s of table %s: %w", doc.ID, schema.Table, err)
			}
			data.Write(append(text, '\n'))
		}
		if data.Len() > 0 {
			if err := b.whole(fmt.Sprintf("%s%s/%06d.jsonl", tablesFolder, schema.Table, n), data.Bytes()); err != nil {
				return err
			}
		}
		b.end.Documents[schema.Table] += int64(len(page.Documents))
		if page.Next == "" {
			return nil
		}
		q.After = page.Next
	}
}

func (b *backup) blobs(ctx context.Context) error {
	for after := ""; ; {
		ids, err := b.db.Blobs().List(ctx, after, blobsPage)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return nil
		}
		for _, id := range ids {
			if err := b.blob(ctx, id); err != nil {
				return fmt.Errorf("blob %s: %w", id, err)
			}
		}
		after = ids[len(ids)-1]
	}
}

func (b *backup) blob(ctx context.Context, id string) error {
	blob, err := b.db.Blobs().Open(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil // deleted since it was listed
	}
	if err != nil {
		return err
	}
	defer blob.Close()
	if err := b.header(blobEntry(id), blob.Size()); err != nil {
		return err
	}
	n, err := io.Copy(b.body, blob)
	b.end.Blobs++
	b.end.Bytes += blob.Size()
	if errors.Is(err, store.ErrNotFound) {
		b.end.Gone = append(b.end.Gone, id)
		_, err = io.CopyN(b.body, zeros{}, blob.Size()-n)
	}
	return err
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
