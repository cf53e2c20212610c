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
//
// Bad input (a name, id, cursor or field that cannot be) gets an error that says
// so and changes nothing. When a call fails for another reason than the errors
// above, its caller does not know whether it was done: a Put that is tried again
// may find ErrConflict.
type Store interface {
	// Ensure makes a table and its indexes ready; every process does so before
	// it uses the table, and may do so again. Fields, unique indexes and a time
	// that the schema did not have before are added, and filled from the
	// top-level strings of the same names in the data that is there. Nothing is
	// ever taken away. It returns ErrDuplicate where what is there does not
	// allow a unique index.
	Ensure(ctx context.Context, schema Schema) error
	// Get returns ErrNotFound where there is no such document.
	Get(ctx context.Context, table, id string) (Document, error)
	// List returns documents in the order of the query.
	List(ctx context.Context, table string, q Query) (Page, error)
	// Put writes a document. doc.Revision is the one that was read, 0 to
	// create; it returns the new revision (the old one plus 1). ErrConflict
	// tells that the revision is not that one, or that a document to create is
	// there already; ErrDuplicate that another document has a unique value.
	Put(ctx context.Context, table string, doc Document) (int64, error)
	// Restore creates a document that has doc.Revision, 1 or more, from the
	// start: what a backup has of it. ErrConflict and ErrDuplicate are as in Put.
	Restore(ctx context.Context, table string, doc Document) error
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
	ID       string // UTF-8 without NUL, 1 to MaxKey bytes
	Revision int64
	// Data is a JSON object. An engine gives back the same values in the same
	// order, but not the same spaces and escapes; every int64 survives.
	Data []byte
	// Fields are the values of Schema.Fields, at most MaxKey bytes each; one
	// that is missing is "".
	Fields map[string]string
	// Time is the value of Schema.Time: exact to the nanosecond, given back in
	// UTC. The zero time comes before all others.
	Time time.Time
}

// Query selects documents: all conditions must hold. They come in the order of
// Schema.Time and of ids where times are equal; of ids alone (by bytes) in a
// table without a time.
type Query struct {
	Equal      map[string]string // indexed field → value; "" finds where there is none
	From       time.Time         // Schema.Time ≥ From, when set
	To         time.Time         // Schema.Time < To, when set
	Descending bool              // newest (or highest id) first
	Limit      int               // at most so many; 0 is all
	After      string            // Page.Next of the page before, of the same query
}

// Page is a part of a list. Next is "" on the last page.
//
// A document that is there all the while, with the same time, is on exactly one
// page, whatever is created and deleted between them.
type Page struct {
	Documents []Document
	Next      string
}

// Blobs keeps large immutable objects by id, which is as a document's.
type Blobs interface {
	// Create starts a blob. Nothing is visible before Commit; Close without
	// Commit drops what was written. ctx governs all that the writer does but
	// the dropping.
	Create(ctx context.Context, id string) (BlobWriter, error)
	// Open returns the blob for reading from any offset, or ErrNotFound. ctx
	// governs the reading too. Reading on in a blob that was deleted or replaced
	// meanwhile returns ErrNotFound, never bytes of another blob.
	Open(ctx context.Context, id string) (Blob, error)
	// List returns the ids of blobs that come after one, by bytes ("" begins),
	// at most limit, which is 1 or more. A blob that is there all the while is
	// found by asking on until nothing comes.
	List(ctx context.Context, after string, limit int) ([]string, error)
	// Delete removes the blob; one that does not exist is not an error.
	Delete(ctx context.Context, id string) error
}

// BlobWriter takes a blob's bytes in order, from one goroutine at a time.
type BlobWriter interface {
	io.Writer
	// Commit makes the blob visible, replacing an older one of the same id.
	Commit() error
	// Close frees the writer; after Commit it does nothing.
	Close() error
}

// Blob is an open blob, for one goroutine at a time.
type Blob interface {
	io.ReadSeekCloser
	Size() int64 // bytes
}
