package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"
)

// MaxKey is the longest id of a document or blob, and the longest value of an
// indexed field, in bytes: engines keep both in their indexes.
const MaxKey = 1024

// name is what tables and fields may be called: it is safe as a name in SQL and
// as a part of a BSON path.
var name = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,62}$`)

// Check tells what is wrong with a schema. Engines call it in Ensure.
func (s Schema) Check() error {
	if !name.MatchString(s.Table) {
		return fmt.Errorf("schema: table name %q: want a letter, then letters, digits and _", s.Table)
	}
	for i, f := range s.Fields {
		if !name.MatchString(f) {
			return fmt.Errorf("schema %s: field name %q: want a letter, then letters, digits and _", s.Table, f)
		}
		if slices.Contains(s.Fields[:i], f) {
			return fmt.Errorf("schema %s: field %q is there twice", s.Table, f)
		}
	}
	for _, f := range s.Unique {
		if !slices.Contains(s.Fields, f) {
			return fmt.Errorf("schema %s: unique field %q is not one of its fields", s.Table, f)
		}
	}
	if s.Time != "" && !name.MatchString(s.Time) {
		return fmt.Errorf("schema %s: time field name %q: want a letter, then letters, digits and _", s.Table, s.Time)
	}
	return nil
}

// CheckID tells what is wrong with the id of a document or blob.
func CheckID(id string) error {
	if id == "" {
		return errors.New("id: is empty")
	}
	if err := checkText(id); err != nil {
		return fmt.Errorf("id: %w", err)
	}
	return nil
}

// checkText holds what every engine can keep in an index and compare alike.
func checkText(s string) error {
	switch {
	case len(s) > MaxKey:
		return fmt.Errorf("has %d bytes, at most %d are allowed", len(s), MaxKey)
	case !utf8.ValidString(s):
		return errors.New("is not UTF-8")
	case slices.Contains([]byte(s), 0):
		return errors.New("has a NUL character")
	}
	return nil
}

// CheckDocument tells what is wrong with a document of this schema. Engines
// call it in Put.
func (s Schema) CheckDocument(doc Document) error {
	if err := CheckID(doc.ID); err != nil {
		return err
	}
	if doc.Revision < 0 {
		return fmt.Errorf("revision: %d is below 0", doc.Revision)
	}
	for f, v := range doc.Fields {
		if !slices.Contains(s.Fields, f) {
			return fmt.Errorf("field %q: table %s has no such field", f, s.Table)
		}
		if err := checkText(v); err != nil {
			return fmt.Errorf("field %q: %w", f, err)
		}
	}
	if s.Time == "" && !doc.Time.IsZero() {
		return fmt.Errorf("time: table %s has no time field", s.Table)
	}
	if !doc.Time.IsZero() && !FromOrderKey(OrderKey(doc.Time)).Equal(doc.Time) {
		return fmt.Errorf("time: %v is not between 1678 and 2262", doc.Time)
	}
	if !isObject(doc.Data) {
		return errors.New("data: is not a JSON object")
	}
	return nil
}

// CheckRestore is CheckDocument for Restore.
func (s Schema) CheckRestore(doc Document) error {
	if doc.Revision == 0 {
		return errors.New("revision: a document to restore has one")
	}
	return s.CheckDocument(doc)
}

// CheckListing tells what is wrong with the arguments of Blobs.List.
func CheckListing(after string, limit int) error {
	if limit < 1 {
		return fmt.Errorf("list blobs: limit: %d is below 1", limit)
	}
	if after == "" {
		return nil
	}
	if err := CheckID(after); err != nil {
		return fmt.Errorf("list blobs: after: %w", err)
	}
	return nil
}

func isObject(data []byte) bool {
	for _, c := range data {
		switch c {
		case ' ', '\t', '\r', '\n':
		case '{':
			return json.Valid(data)
		default:
			return false
		}
	}
	return false
}

// CheckQuery tells what is wrong with a query of this schema. Engines call it
// in List.
func (s Schema) CheckQuery(q Query) error {
	for f := range q.Equal {
		if !slices.Contains(s.Fields, f) {
			return fmt.Errorf("query: table %s has no index for field %q", s.Table, f)
		}
	}
	if s.Time == "" && (!q.From.IsZero() || !q.To.IsZero()) {
		return fmt.Errorf("query: from, to: table %s has no time field", s.Table)
	}
	if q.Limit < 0 {
		return fmt.Errorf("query: limit: %d is below 0", q.Limit)
	}
	return nil
}

// IndexedValue returns what a document's data has for the schema's field: the
// string of that name at its top level, "" for anything else. Ensure uses it to
// index documents that are older than the index.
func IndexedValue(data map[string]any, field string) string {
	v, _ := data[field].(string)
	if checkText(v) != nil {
		return ""
	}
	return v
}

// IndexedTime is IndexedValue for the schema's time field: an RFC 3339 string.
func IndexedTime(data map[string]any, field string) time.Time {
	v, _ := data[field].(string)
	t, err := time.Parse(time.RFC3339Nano, v)
	if err != nil {
		return time.Time{}
	}
	return t
}
