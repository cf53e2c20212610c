package mongo

import (
	"context"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/carillon-cc/carillon/store"
)

// fillBatch is how many older documents are indexed at once.
const fillBatch = 500

// Ensure makes the collection's indexes and gives the documents that are older
// than an indexed field its value.
func (s *Store) Ensure(ctx context.Context, schema store.Schema) error {
	if err := schema.Check(); err != nil {
		return err
	}
	if err := ensure(ctx, s.db.Collection(schema.Table), schema); err != nil {
		return fmt.Errorf("ensure table %s: %w", schema.Table, err)
	}
	schema.Fields, schema.Unique = slices.Clone(schema.Fields), slices.Clone(schema.Unique)
	s.mu.Lock()
	s.tables[schema.Table] = schema
	s.mu.Unlock()
	return nil
}

func ensure(ctx context.Context, c *driver.Collection, schema store.Schema) error {
	order, kind := bson.D{{Key: "_id", Value: 1}}, "_id"
	var indexes, unique []driver.IndexModel
	if schema.Time != "" {
		order, kind = append(bson.D{{Key: "at", Value: 1}}, order...), "_at"
		indexes = append(indexes, driver.IndexModel{Keys: order, Options: options.Index().SetName("at")})
	}
	for _, f := range schema.Fields {
		indexes = append(indexes, driver.IndexModel{
			Keys:    append(bson.D{{Key: "fields." + f, Value: 1}}, order...),
			Options: options.Index().SetName(f + kind),
		})
	}
	for _, f := range schema.Unique {
		unique = append(unique, driver.IndexModel{
			Keys: bson.D{{Key: "fields." + f, Value: 1}},
			Options: options.Index().SetName(f + "_unique").SetUnique(true).
				SetPartialFilterExpression(bson.D{{Key: "fields." + f, Value: bson.D{{Key: "$gt", Value: ""}}}}),
		})
	}
	if err := createIndexes(ctx, c, indexes); err != nil {
		return err
	}
	if err := fill(ctx, c, schema); err != nil {
		return err
	}
	// After filling: only now does the collection show whether it allows them.
	err := createIndexes(ctx, c, unique)
	if err != nil && hasDuplicates(ctx, c, schema.Unique) {
		return fmt.Errorf("%w: %w", store.ErrDuplicate, err)
	}
	return err
}

// hasDuplicates tells why a unique index could not be made: not all servers say
// so in their error.
func hasDuplicates(ctx context.Context, c *driver.Collection, fields []string) bool {
	for _, f := range fields {
		cursor, err := c.Aggregate(ctx, driver.Pipeline{
			bson.D{{Key: "$match", Value: bson.D{{Key: "fields." + f, Value: bson.D{{Key: "$gt", Value: ""}}}}}},
			bson.D{{Key: "$group", Value: bson.D{{Key: "_id", Value: "$fields." + f}, {Key: "n", Value: bson.D{{Key: "$sum", Value: 1}}}}}},
			bson.D{{Key: "$match", Value: bson.D{{Key: "n", Value: bson.D{{Key: "$gt", Value: 1}}}}}},
			bson.D{{Key: "$limit", Value: 1}},
		})
		if err != nil {
			return false
		}
		var found []bson.Raw
		if err := cursor.All(ctx, &found); err == nil && len(found) > 0 {
			return true
		}
	}
	return false
}

func createIndexes(ctx context.Context, c *driver.Collection, indexes []driver.IndexModel) error {
	if len(indexes) == 0 {
		return nil
	}
	if _, err := c.Indexes().CreateMany(ctx, indexes); err != nil {
		return fmt.Errorf("create indexes: %w", err)
	}
	return nil
}

// fill gives the documents that are older than an indexed field its value from
// their data. A document that somebody writes meanwhile gets its values there,
// so each update asks again that there is none.
func fill(ctx context.Context, c *driver.Collection, schema store.Schema) error {
	paths := map[string]func(data map[string]any) any{}
	for _, f := range schema.Fields {
		paths["fields."+f] = func(data map[string]any) any { return store.IndexedValue(data, f) }
	}
	if schema.Time != "" {
		paths["at"] = func(data map[string]any) any { return store.OrderKey(store.IndexedTime(data, schema.Time)) }
	}
	if len(paths) == 0 {
		return nil
	}
	var missing bson.A
	for path := range paths {
		missing = append(missing, lacks(path))
	}
	filter := bson.D{{Key: "$or", Value: missing}}
	for {
		cursor, err := c.Find(ctx, filter, options.Find().SetLimit(fillBatch))
		if err != nil {
			return fmt.Errorf("find documents to index: %w", err)
		}
		var old []row
		if err := cursor.All(ctx, &old); err != nil {
			return fmt.Errorf("find documents to index: %w", err)
		}
		if len(old) == 0 {
			return nil
		}
		var updates []driver.WriteModel
		for _, r := range old {
			data, err := topStrings(r.Data)
			if err != nil {
				return fmt.Errorf("index document %s: %w", r.ID, err)
			}
			for path, value := range paths {
				updates = append(updates, driver.NewUpdateOneModel().
					SetFilter(append(byID(r.ID), lacks(path)...)).
					SetUpdate(bson.D{{Key: "$set", Value: bson.D{{Key: path, Value: value(data)}}}}))
			}
		}
		if _, err := c.BulkWrite(ctx, updates, options.BulkWrite().SetOrdered(false)); err != nil {
			return fmt.Errorf("index documents: %w", err)
		}
	}
}

func lacks(path string) bson.D {
	return bson.D{{Key: path, Value: bson.D{{Key: "$exists", Value: false}}}}
}

// topStrings is what store.IndexedValue looks at.
func topStrings(data bson.Raw) (map[string]any, error) {
	elements, err := data.Elements()
	if err != nil {
		return nil, err
	}
	values := make(map[string]any)
	for _, e := range elements {
		if s, ok := e.Value().StringValueOK(); ok {
			values[e.Key()] = s
		}
	}
	return values, nil
}
