package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/carillon-cc/carillon/store"
)

const (
	// abandoned is the age at which a blob that was never finished is taken for
	// one whose process died.
	abandoned = 24 * time.Hour
	// dropTimeout is how long removing what nobody wants may take when its
	// caller's context has ended.
	dropTimeout = 10 * time.Second
	// swapTries bounds how often a blob's first commit meets another's.
	swapTries = 10
)

// A blob is a GridFS file of the bucket "blobs", which tools like mongofiles
// read. GridFS has several files of one name; which one is the blob's is a
// document in blobs.current, so that a blob is replaced by one change. Files
// that are no blob's, not yet or no longer, are noted in blobs.loose until they
// are committed or removed.
//
// The driver's own upload stream is not used: its lifetime as a whole would end
// with the timeout of an operation, but a blob may be written as long as a call
// lasts.
type blobs struct{ files, chunks, current, loose *driver.Collection }

// Blobs are in the same database. Names with a dot are no store table's.
func (s *Store) Blobs() store.Blobs { return s.blobs() }

func (s *Store) blobs() blobs {
	return blobs{
		files: s.db.Collection("blobs.files"), chunks: s.db.Collection("blobs.chunks"),
		current: s.db.Collection("blobs.current"), loose: s.db.Collection("blobs.loose"),
	}
}

// currentBlob says which file is a blob's.
type currentBlob struct {
	File      bson.ObjectID `bson:"file"`
	Size      int64         `bson:"length"`
	ChunkSize int           `bson:"chunkSize"`
}

func (s *Store) prepareBlobs(ctx context.Context) error {
	b := s.blobs()
	// The indexes that GridFS prescribes.
	if err := createIndexes(ctx, b.files, []driver.IndexModel{{
		Keys: bson.D{{Key: "filename", Value: 1}, {Key: "uploadDate", Value: 1}},
	}}); err != nil {
		return fmt.Errorf("prepare blobs: %w", err)
	}
	if err := createIndexes(ctx, b.chunks, []driver.IndexModel{{
		Keys: bson.D{{Key: "files_id", Value: 1}, {Key: "n", Value: 1}}, Options: options.Index().SetUnique(true),
	}}); err != nil {
		return fmt.Errorf("prepare blobs: %w", err)
	}
	if err := b.sweep(ctx); err != nil {
		return fmt.Errorf("remove abandoned blobs: %w", err)
	}
	return nil
}

// sweep removes the files of processes that died.
func (b blobs) sweep(ctx context.Context) error {
	cursor, err := b.loose.Find(ctx, bson.D{{Key: "since", Value: bson.D{{Key: "$lt", Value: time.Now().Add(-abandoned)}}}})
	if err != nil {
		return err
	}
	var old []struct {
		File bson.ObjectID `bson:"_id"`
	}
	if err := cursor.All(ctx, &old); err != nil {
		return err
	}
	for _, o := range old {
		// The process may have died just after its file became a blob.
		err := b.current.FindOne(ctx, bson.D{{Key: "file", Value: o.File}}).Err()
		switch {
		case errors.Is(err, driver.ErrNoDocuments):
			err = b.remove(ctx, o.File)
		case err == nil:
			_, err = b.loose.DeleteOne(ctx, byID(o.File))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// remove deletes a file that is no blob's, and the note of it last.
func (b blobs) remove(ctx context.Context, file bson.ObjectID) error {
	if _, err := b.files.DeleteOne(ctx, byID(file)); err != nil {
		return err
	}
	if _, err := b.chunks.DeleteMany(ctx, bson.D{{Key: "files_id", Value: file}}); err != nil {
		return err
	}
	_, err := b.loose.DeleteOne(ctx, byID(file))
	return err
}

func (b blobs) note(ctx context.Context, file bson.ObjectID) error {
	_, err := b.loose.InsertOne(ctx, bson.D{{Key: "_id", Value: file}, {Key: "since", Value: time.Now()}})
	return err
}

func (b blobs) Create(ctx context.Context, id string) (store.BlobWriter, error) {
	if err := store.CheckID(id); err != nil {
		return nil, fmt.Errorf("create blob: %w", err)
	}
	k := &sink{blobs: b, ctx: ctx, id: id, file: bson.NewObjectID()}
	if err := b.note(ctx, k.file); err != nil {
		return nil, fmt.Errorf("create blob %s: %w", id, err)
	}
	return store.NewBlobWriter(k), nil
}

func (b blobs) Open(ctx context.Context, id string) (store.Blob, error) {
	if err := store.CheckID(id); err != nil {
		return nil, fmt.Errorf("open blob: %w", err)
	}
	var c currentBlob
	if err := notFound(b.current.FindOne(ctx, byID(id)).Decode(&c)); err != nil {
		return nil, fmt.Errorf("open blob %s: %w", id, err)
	}
	return store.NewBlob(c.Size, c.ChunkSize, func(n int64) ([]byte, error) {
		var chunk struct {
			Data bson.Binary `bson:"data"`
		}
		filter := bson.D{{Key: "files_id", Value: c.File}, {Key: "n", Value: n}}
		if err := notFound(b.chunks.FindOne(ctx, filter).Decode(&chunk)); err != nil {
			return nil, fmt.Errorf("read blob %s: %w", id, err)
		}
		return chunk.Data.Data, nil
	}), nil
}

func (b blobs) List(ctx context.Context, after string, limit int) ([]string, error) {
	if err := store.CheckListing(after, limit); err != nil {
		return nil, err
	}
	var list []struct {
		ID string `bson:"_id"`
	}
	cursor, err := b.current.Find(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: after}}}},
		options.Find().SetSort(byID(1)).SetLimit(int64(limit)).SetProjection(byID(1)))
	if err == nil {
		err = cursor.All(ctx, &list)
	}
	if err != nil {
		return nil, fmt.Errorf("list blobs: %w", err)
	}
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	return ids, nil
}

func notFound(err error) error {
	if errors.Is(err, driver.ErrNoDocuments) {
		return store.ErrNotFound
	}
	return err
}

func (b blobs) Delete(ctx context.Context, id string) error {
	if err := store.CheckID(id); err != nil {
		return fmt.Errorf("delete blob: %w", err)
	}
	var old currentBlob
	err := b.current.FindOneAndDelete(ctx, byID(id)).Decode(&old)
	if errors.Is(err, driver.ErrNoDocuments) {
		return nil
	}
	if err == nil {
		err = b.discard(ctx, old.File)
	}
	if err != nil {
		return fmt.Errorf("delete blob %s: %w", id, err)
	}
	return nil
}

// discard removes what was a blob's file, even if ctx has ended meanwhile; the
// note has somebody else do it should this process die.
func (b blobs) discard(ctx context.Context, file bson.ObjectID) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTimeout)
	defer cancel()
	return errors.Join(b.note(ctx, file), b.remove(ctx, file))
}

// sink takes the chunks of one file.
type sink struct {
	blobs
	ctx  context.Context //nolint:containedctx // store.Blobs.Create: it governs the writer
	id   string
	file bson.ObjectID
}

func (k *sink) Chunk(n int64, data []byte) error {
	_, err := k.chunks.InsertOne(k.ctx, bson.D{
		{Key: "_id", Value: bson.NewObjectID()},
		{Key: "files_id", Value: k.file},
		{Key: "n", Value: int32(n)}, //nolint:gosec // 2^31 chunks are more than any sound
		{Key: "data", Value: bson.Binary{Data: data}},
	})
	if err != nil {
		return fmt.Errorf("write blob %s: %w", k.id, err)
	}
	return nil
}

func (k *sink) Commit(size int64) error {
	if err := k.commit(size); err != nil {
		return fmt.Errorf("commit blob %s: %w", k.id, err)
	}
	return nil
}

func (k *sink) commit(size int64) error {
	err := k.loose.FindOne(k.ctx, byID(k.file)).Err()
	if errors.Is(err, driver.ErrNoDocuments) {
		return errors.New("it was taken for abandoned")
	}
	if err != nil {
		return err
	}
	_, err = k.files.InsertOne(k.ctx, bson.D{
		{Key: "_id", Value: k.file},
		{Key: "length", Value: size},
		{Key: "chunkSize", Value: int32(store.ChunkSize)},
		{Key: "uploadDate", Value: time.Now()},
		{Key: "filename", Value: k.id},
	})
	if err != nil {
		return err
	}
	old, replaced, err := k.swap(currentBlob{File: k.file, Size: size, ChunkSize: store.ChunkSize})
	if err != nil {
		return err
	}
	// From here on the blob is there; what is left is tidying, which the sweep
	// does when it fails now.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(k.ctx), dropTimeout)
	defer cancel()
	_, _ = k.loose.DeleteOne(ctx, byID(k.file))
	if replaced {
		_ = k.discard(ctx, old.File)
	}
	return nil
}

// swap makes c the blob and returns what it was before.
func (k *sink) swap(c currentBlob) (old currentBlob, replaced bool, err error) {
	for range swapTries {
		err = k.current.FindOneAndUpdate(k.ctx, byID(k.id), bson.D{{Key: "$set", Value: c}},
			options.FindOneAndUpdate().SetUpsert(true).SetReturnDocument(options.Before)).Decode(&old)
		switch {
		case err == nil:
			return old, true, nil
		case errors.Is(err, driver.ErrNoDocuments):
			return old, false, nil
		case !driver.IsDuplicateKeyError(err):
			return old, false, err
		}
		// Another commit made the document first: now there is one to replace.
	}
	return old, false, err
}

func (k *sink) Drop() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(k.ctx), dropTimeout)
	defer cancel()
	if err := k.remove(ctx, k.file); err != nil {
		return fmt.Errorf("drop blob %s: %w", k.id, err)
	}
	return nil
}
