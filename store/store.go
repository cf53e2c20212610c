// Package store is the contract with the databases that keep Carillon's
// objects: typed tables with revision checks, and blobs for sound. Package
// storetest holds the suite that every engine passes.
package store

import (
	"context"
	"errors"
	"io"
	"time"
)

// The errors that callers act on; engines wrap them with what was being done.
var (
	// ErrNotFound: there is no object of this id.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the object was changed, deleted or created by somebody else
	// since it was read; nothing was written.
	ErrConflict = errors.New("changed by somebody else")
	// ErrDuplicate: another object has this value of a unique index.
	ErrDuplicate = errors.New("already exists")
)

// Store is one database. It is safe for concurrent use, and several processes
// may share one: nothing relies on this process being the only one.
type Store interface {
	// Ensure makes a table and its indexes ready; it may be called again.
	Ensure(ctx context.Context, schema Schema) error
	// Get returns ErrNotFound where there is no such document.
	Get(ctx context.Context, table, id string) (Document, error)
	// List returns documents in the order of the query.
	List(ctx context.Context, table string, q Query) (Page, error)
	// Put writes a document. doc.Revision is the one that was read, 0 to
	// create; it returns the new revision (the old one plus 1), or ErrConflict.
	Put(ctx context.Context, table string, doc Document) (int64, error)
	// Delete removes the document if it still has this revision; revision 0
	// removes any. It returns ErrNotFound or ErrConflict.
	Delete(ctx context.Context, table, id string, revision int64) error
	// Blobs are the large objects of the same database.
	Blobs() Blobs
	// Ping tells whether the database answers.
	Ping(ctx context.Context) error
	Close() error
}

// Schema says how a table is looked through. Only indexed fields can be
// queried.
type Schema struct {
	Table  string
	Fields []string // indexed for equality
	Unique []string // of Fields: no two documents share a non-empty value
	Time   string   // the time field that orders the table, "" where the id does
}

// Document is an object as an engine keeps it: JSON, plus what it needs to find
// it again. Data does not contain the revision that counts; Revision does.
type Document struct {
	ID       string
	Revision int64
	Data     []byte            // JSON object
	Fields   map[string]string // values of Schema.Fields
	Time     time.Time         // value of Schema.Time
}

// Query selects documents: all conditions must hold.
type Query struct {
	Equal      map[string]string // indexed field → value
	From       time.Time         // Schema.Time ≥ From, when set
	To         time.Time         // Schema.Time < To, when set
	Descending bool              // newest (or highest id) first
	Limit      int               // at most so many; 0 is all
	After      string            // Page.Next of the page before
}

// Page is a part of a list. Next is "" on the last page.
type Page struct {
	Documents []Document
	Next      string
}

// Blobs keeps large immutable objects by id.
type Blobs interface {
	// Create starts a blob. Nothing is visible before Commit; Close without
	// Commit drops what was written.
	Create(ctx context.Context, id string) (BlobWriter, error)
	// Open returns the blob for reading from any offset, or ErrNotFound.
	Open(ctx context.Context, id string) (Blob, error)
	// Delete removes the blob; one that does not exist is not an error.
	Delete(ctx context.Context, id string) error
}

// BlobWriter takes a blob's bytes in order.
type BlobWriter interface {
	io.Writer
	// Commit makes the blob visible, replacing an older one of the same id.
	Commit() error
	// Close frees the writer; after Commit it does nothing.
	Close() error
}

// Blob is an open blob.
type Blob interface {
	io.ReadSeekCloser
	Size() int64
}
