package mongo

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/carillon-cc/carillon/store"
)

// row is a document as the server keeps it.
type row struct {
	ID       string `bson:"_id"`
	Revision int64  `bson:"revision"`
	// At is the order key in nanoseconds, which a BSON date (milliseconds)
	// could not hold; absent in a table without a time.
	At     *int64            `bson:"at,omitempty"`
	Fields map[string]string `bson:"fields,omitempty"`
	Data   bson.Raw          `bson:"data"` // queryable, for operators
}

func (r *row) document(schema store.Schema) (store.Document, error) {
	data, err := toJSON(r.Data)
	if err != nil {
		return store.Document{}, fmt.Errorf("document %s: %w", r.ID, err)
	}
	doc := store.Document{ID: r.ID, Revision: r.Revision, Data: data, Fields: make(map[string]string, len(schema.Fields))}
	for _, f := range schema.Fields {
		doc.Fields[f] = r.Fields[f]
	}
	if schema.Time != "" && r.At != nil {
		doc.Time = store.FromOrderKey(*r.At)
	}
	return doc, nil
}

func newRow(schema store.Schema, doc store.Document, revision int64) (*row, error) {
	data, err := fromJSON(doc.Data)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	r := &row{ID: doc.ID, Revision: revision, Data: data, Fields: make(map[string]string, len(schema.Fields))}
	for _, f := range schema.Fields {
		r.Fields[f] = doc.Fields[f]
	}
	if schema.Time != "" {
		key := store.OrderKey(doc.Time)
		r.At = &key
	}
	return r, nil
}

// Get reads one document.
func (s *Store) Get(ctx context.Context, table, id string) (store.Document, error) {
	schema, err := s.schema(table)
	if err == nil {
		err = store.CheckID(id)
	}
	if err != nil {
		return store.Document{}, err
	}
	var r row
	err = s.db.Collection(table).FindOne(ctx, byID(id)).Decode(&r)
	if errors.Is(err, driver.ErrNoDocuments) {
		return store.Document{}, store.ErrNotFound
	}
	if err != nil {
		return store.Document{}, fmt.Errorf("mongo: %w", err)
	}
	return r.document(schema)
}

// List reads one document more than asked for, which tells whether there is
// another page.
func (s *Store) List(ctx context.Context, table string, q store.Query) (store.Page, error) {
	schema, err := s.schema(table)
	if err == nil {
		err = schema.CheckQuery(q)
	}
	if err != nil {
		return store.Page{}, err
	}
	filter, sort, err := selection(schema, q)
	if err != nil {
		return store.Page{}, err
	}
	find := options.Find().SetSort(sort)
	if q.Limit > 0 {
		find.SetLimit(int64(q.Limit) + 1)
	}
	cursor, err := s.db.Collection(table).Find(ctx, filter, find)
	if err != nil {
		return store.Page{}, fmt.Errorf("mongo: %w", err)
	}
	var rows []row
	if err := cursor.All(ctx, &rows); err != nil {
		return store.Page{}, fmt.Errorf("mongo: %w", err)
	}
	var page store.Page
	for i := range rows {
		if q.Limit > 0 && i == q.Limit {
			last := page.Documents[i-1]
			c := store.Cursor{ID: last.ID}
			if schema.Time != "" {
				c.Key = store.OrderKey(last.Time)
			}
			page.Next = c.String()
			break
		}
		doc, err := rows[i].document(schema)
		if err != nil {
			return store.Page{}, err
		}
		page.Documents = append(page.Documents, doc)
	}
	return page, nil
}

func selection(schema store.Schema, q store.Query) (filter, sort bson.D, err error) {
	all := bson.A{}
	must := func(path, operator string, value any) {
		all = append(all, bson.D{{Key: path, Value: bson.D{{Key: operator, Value: value}}}})
	}
	for f, v := range q.Equal {
		must("fields."+f, "$eq", v)
	}
	if !q.From.IsZero() {
		must("at", "$gte", store.OrderKey(q.From))
	}
	if !q.To.IsZero() {
		must("at", "$lt", store.OrderKey(q.To))
	}
	beyond, direction := "$gt", 1
	if q.Descending {
		beyond, direction = "$lt", -1
	}
	if schema.Time != "" {
		sort = append(sort, bson.E{Key: "at", Value: direction})
	}
	sort = append(sort, bson.E{Key: "_id", Value: direction})
	if q.After != "" {
		c, err := store.ParseCursor(q.After)
		if err != nil {
			return nil, nil, err
		}
		if schema.Time == "" {
			must("_id", beyond, c.ID)
		} else {
			// The first condition says nothing new; an index can use it.
			must("at", beyond+"e", c.Key)
			all = append(all, bson.D{{Key: "$or", Value: bson.A{
				bson.D{{Key: "at", Value: bson.D{{Key: beyond, Value: c.Key}}}},
				bson.D{{Key: "at", Value: c.Key}, {Key: "_id", Value: bson.D{{Key: beyond, Value: c.ID}}}},
			}}})
		}
	}
	if len(all) == 0 {
		return bson.D{}, sort, nil
	}
	return bson.D{{Key: "$and", Value: all}}, sort, nil
}

// takeTurn has this process write to tables with unique values one document at a
// time. PostgreSQL, under FerretDB, locks many writers of one value against each
// other and takes a second to undo each deadlock. Such tables hold what
// administrators set up, which is written seldom.
func (s *Store) takeTurn(ctx context.Context, schema store.Schema) (release func(), err error) {
	if len(schema.Unique) == 0 {
		return func() {}, nil
	}
	select {
	case s.turn <- struct{}{}:
		return func() { <-s.turn }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("mongo: %w", ctx.Err())
	}
}

// Put is one command, whose filter is the comparison of compare-and-swap.
func (s *Store) Put(ctx context.Context, table string, doc store.Document) (int64, error) {
	schema, err := s.schema(table)
	if err == nil {
		err = schema.CheckDocument(doc)
	}
	if err != nil {
		return 0, err
	}
	r, err := newRow(schema, doc, doc.Revision+1)
	if err != nil {
		return 0, err
	}
	release, err := s.takeTurn(ctx, schema)
	if err != nil {
		return 0, err
	}
	defer release()
	c := s.db.Collection(table)
	if doc.Revision == 0 {
		if err := insert(ctx, c, r); err != nil {
			return 0, err
		}
		return r.Revision, nil
	}
	result, err := untangled(func() (*driver.UpdateResult, error) {
		return c.ReplaceOne(ctx, append(byID(doc.ID), bson.E{Key: "revision", Value: doc.Revision}), r)
	})
	switch {
	case driver.IsDuplicateKeyError(err):
		return 0, fmt.Errorf("%w: %w", store.ErrDuplicate, err)
	case err != nil:
		return 0, fmt.Errorf("mongo: %w", err)
	case result.MatchedCount == 0:
		return 0, store.ErrConflict
	}
	return r.Revision, nil
}

// Restore is one command too.
func (s *Store) Restore(ctx context.Context, table string, doc store.Document) error {
	schema, err := s.schema(table)
	if err == nil {
		err = schema.CheckRestore(doc)
	}
	if err != nil {
		return err
	}
	r, err := newRow(schema, doc, doc.Revision)
	if err != nil {
		return err
	}
	release, err := s.takeTurn(ctx, schema)
	if err != nil {
		return err
	}
	defer release()
	return insert(ctx, s.db.Collection(table), r)
}

// deadlockDetected is how FerretDB tells of PostgreSQL's error 40P01: writers of
// the same values waited for each other, and this one was sent away.
const deadlockDetected = 16908292

// untangled writes again where a deadlock was the reason that nothing was
// written. The others have gone on by then, so few times will do.
func untangled[T any](write func() (T, error)) (result T, err error) {
	for range 5 {
		var refused driver.ServerError
		if result, err = write(); !errors.As(err, &refused) || !refused.HasErrorCode(deadlockDetected) {
			break
		}
	}
	return result, err
}

func insert(ctx context.Context, c *driver.Collection, r *row) error {
	_, err := untangled(func() (*driver.InsertOneResult, error) { return c.InsertOne(ctx, r) })
	if driver.IsDuplicateKeyError(err) {
		// Which index it was does not show alike on all servers; and that
		// the document is there counts more than that its values are taken.
		return whyNotCreated(ctx, c, r.ID, err)
	}
	if err != nil {
		return fmt.Errorf("mongo: %w", err)
	}
	return nil
}

func whyNotCreated(ctx context.Context, c *driver.Collection, id string, cause error) error {
	switch there, err := exists(ctx, c, id); {
	case err != nil:
		return err
	case there:
		return store.ErrConflict
	}
	return fmt.Errorf("%w: %w", store.ErrDuplicate, cause)
}

func exists(ctx context.Context, c *driver.Collection, id string) (bool, error) {
	err := c.FindOne(ctx, byID(id), options.FindOne().SetProjection(byID(1))).Err()
	if errors.Is(err, driver.ErrNoDocuments) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("mongo: %w", err)
	}
	return true, nil
}

// Delete is one command; only when it found nothing another one asks why.
func (s *Store) Delete(ctx context.Context, table, id string, revision int64) error {
	if _, err := s.schema(table); err != nil {
		return err
	}
	if err := store.CheckID(id); err != nil {
		return err
	}
	c := s.db.Collection(table)
	filter := byID(id)
	if revision != 0 {
		filter = append(filter, bson.E{Key: "revision", Value: revision})
	}
	result, err := c.DeleteOne(ctx, filter)
	if err != nil {
		return fmt.Errorf("mongo: %w", err)
	}
	if result.DeletedCount > 0 {
		return nil
	}
	if revision != 0 {
		there, err := exists(ctx, c, id)
		if err != nil {
			return err
		}
		if there {
			return store.ErrConflict
		}
	}
	return store.ErrNotFound
}
