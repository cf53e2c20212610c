package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/carillon-cc/carillon/ccs"
)

// Object is what a table's type must be: a pointer to a struct with ccs.Meta.
type Object[T any] interface {
	*T
	GetMeta() *ccs.Meta
}

// Table gives typed access to one table of a Store. T is a struct that embeds
// ccs.Meta.
type Table[T any, P Object[T]] struct {
	store  Store
	schema Schema
	index  func(*T) (fields map[string]string, at time.Time)
}

// NewTable binds a table to a store. index returns the values of the schema's
// Fields and Time; it may be nil where there are none.
func NewTable[T any, P Object[T]](s Store, schema Schema, index func(*T) (map[string]string, time.Time)) *Table[T, P] {
	return &Table[T, P]{store: s, schema: schema, index: index}
}

// Ensure makes the table ready in the store.
func (t *Table[T, P]) Ensure(ctx context.Context) error {
	if err := t.store.Ensure(ctx, t.schema); err != nil {
		return fmt.Errorf("prepare table %s: %w", t.schema.Table, err)
	}
	return nil
}

// Get returns the object of this id, or ErrNotFound.
func (t *Table[T, P]) Get(ctx context.Context, id string) (*T, error) {
	doc, err := t.store.Get(ctx, t.schema.Table, id)
	if err != nil {
		return nil, fmt.Errorf("get %s %s: %w", t.schema.Table, id, err)
	}
	return t.decode(doc)
}

// List returns the objects that q selects and the cursor of the next page, ""
// on the last.
func (t *Table[T, P]) List(ctx context.Context, q Query) ([]*T, string, error) {
	page, err := t.store.List(ctx, t.schema.Table, q)
	if err != nil {
		return nil, "", fmt.Errorf("list %s: %w", t.schema.Table, err)
	}
	list := make([]*T, 0, len(page.Documents))
	for _, doc := range page.Documents {
		v, err := t.decode(doc)
		if err != nil {
			return nil, "", err
		}
		list = append(list, v)
	}
	return list, page.Next, nil
}

// Find returns the only object whose unique field has this value, or
// ErrNotFound; that is what an empty value gets, which is never unique.
func (t *Table[T, P]) Find(ctx context.Context, field, value string) (*T, error) {
	if value == "" {
		return nil, fmt.Errorf("find %s by an empty %s: %w", t.schema.Table, field, ErrNotFound)
	}
	list, _, err := t.List(ctx, Query{Equal: map[string]string{field: value}, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("find %s by %s: %w", t.schema.Table, field, ErrNotFound)
	}
	return list[0], nil
}

// Put creates v (revision 0; an empty id gets a new ULID) or replaces the
// revision that v was read as. On success v carries the new revision and times;
// on error, ErrConflict among them, v is as it was.
func (t *Table[T, P]) Put(ctx context.Context, v *T) error {
	meta := P(v).GetMeta()
	before := *meta
	if meta.ID == "" {
		meta.ID = ulid.Make().String()
	}
	meta.Updated = time.Now().UTC().Truncate(time.Millisecond)
	if meta.Revision == 0 && meta.Created.IsZero() {
		meta.Created = meta.Updated
	}
	doc, err := t.encode(v)
	if err == nil {
		meta.Revision, err = t.store.Put(ctx, t.schema.Table, doc)
	}
	if err != nil {
		id := meta.ID
		*meta = before
		return fmt.Errorf("put %s %s: %w", t.schema.Table, id, err)
	}
	return nil
}

// Delete removes v if nobody has changed it since it was read.
func (t *Table[T, P]) Delete(ctx context.Context, v *T) error {
	meta := P(v).GetMeta()
	if err := t.store.Delete(ctx, t.schema.Table, meta.ID, meta.Revision); err != nil {
		return fmt.Errorf("delete %s %s: %w", t.schema.Table, meta.ID, err)
	}
	return nil
}

// Schema tells the table's name and indexes.
func (t *Table[T, P]) Schema() Schema { return t.schema }

// Document is what the table keeps of an object whose JSON this is, with the
// fields and the time by which this program finds it. Its error says why data
// is no object of the table.
func (t *Table[T, P]) Document(revision int64, data []byte) (Document, error) {
	v := new(T)
	if err := json.Unmarshal(data, v); err != nil {
		return Document{}, fmt.Errorf("decode an object of %s: %w", t.schema.Table, err)
	}
	doc := Document{ID: P(v).GetMeta().ID, Revision: revision, Data: data}
	if t.index != nil {
		doc.Fields, doc.Time = t.index(v)
	}
	if err := t.schema.CheckDocument(doc); err != nil {
		return Document{}, fmt.Errorf("object %q of %s: %w", doc.ID, t.schema.Table, err)
	}
	return doc, nil
}

func (t *Table[T, P]) encode(v *T) (Document, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return Document{}, fmt.Errorf("encode: %w", err)
	}
	meta := P(v).GetMeta()
	doc := Document{ID: meta.ID, Revision: meta.Revision, Data: data}
	if t.index != nil {
		doc.Fields, doc.Time = t.index(v)
	}
	return doc, nil
}

func (t *Table[T, P]) decode(doc Document) (*T, error) {
	v := new(T)
	if err := json.Unmarshal(doc.Data, v); err != nil {
		return nil, fmt.Errorf("decode %s %s: %w", t.schema.Table, doc.ID, err)
	}
	P(v).GetMeta().Revision = doc.Revision
	return v, nil
}
