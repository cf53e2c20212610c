package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/carillon-cc/carillon/store"
)

// columns are what a document is read from, in the order that scan wants.
func columns(schema store.Schema) string {
	list := []string{"id", "revision", "at", "data"}
	for _, f := range schema.Fields {
		list = append(list, column(f))
	}
	return strings.Join(list, ", ")
}

func scan(schema store.Schema, row interface{ Scan(...any) error }) (store.Document, error) {
	var doc store.Document
	var at sql.NullInt64
	fields := make([]sql.NullString, len(schema.Fields))
	into := []any{&doc.ID, &doc.Revision, &at, &doc.Data}
	for i := range fields {
		into = append(into, &fields[i])
	}
	if err := row.Scan(into...); err != nil {
		return doc, err
	}
	if schema.Time != "" && at.Valid {
		doc.Time = store.FromOrderKey(at.Int64)
	}
	doc.Fields = make(map[string]string, len(fields))
	for i, f := range schema.Fields {
		doc.Fields[f] = fields[i].String
	}
	return doc, nil
}

// Get reads one row.
func (s *Store) Get(ctx context.Context, table, id string) (store.Document, error) {
	schema, err := s.schema(table)
	if err == nil {
		err = store.CheckID(id)
	}
	if err != nil {
		return store.Document{}, err
	}
	row := s.read.QueryRowContext(ctx, `SELECT `+columns(schema)+` FROM `+quote(table)+` WHERE id = ?`, id)
	doc, err := scan(schema, row)
	if errors.Is(err, sql.ErrNoRows) {
		return store.Document{}, store.ErrNotFound
	}
	if err != nil {
		return store.Document{}, fmt.Errorf("sqlite: %w", reason(ctx, err))
	}
	return doc, nil
}

// List reads one row more than asked for, which tells whether there is another
// page.
func (s *Store) List(ctx context.Context, table string, q store.Query) (store.Page, error) {
	schema, err := s.schema(table)
	if err == nil {
		err = schema.CheckQuery(q)
	}
	if err != nil {
		return store.Page{}, err
	}
	query, args, err := selection(schema, q)
	if err != nil {
		return store.Page{}, err
	}
	page, err := s.page(ctx, schema, q.Limit, query, args)
	if err != nil {
		return store.Page{}, fmt.Errorf("sqlite: %w", reason(ctx, err))
	}
	return page, nil
}

func selection(schema store.Schema, q store.Query) (string, []any, error) {
	var where []string
	var args []any
	for f, v := range q.Equal {
		where = append(where, column(f)+" = ?")
		args = append(args, v)
	}
	if !q.From.IsZero() {
		where = append(where, "at >= ?")
		args = append(args, store.OrderKey(q.From))
	}
	if !q.To.IsZero() {
		where = append(where, "at < ?")
		args = append(args, store.OrderKey(q.To))
	}
	beyond, direction := ">", ""
	if q.Descending {
		beyond, direction = "<", " DESC"
	}
	order := "id" + direction
	if schema.Time != "" {
		order = "at" + direction + ", " + order
	}
	if q.After != "" {
		c, err := store.ParseCursor(q.After)
		if err != nil {
			return "", nil, err
		}
		if schema.Time != "" {
			where = append(where, "(at, id) "+beyond+" (?, ?)")
			args = append(args, c.Key, c.ID)
		} else {
			where = append(where, "id "+beyond+" ?")
			args = append(args, c.ID)
		}
	}
	query := `SELECT ` + columns(schema) + ` FROM ` + quote(schema.Table)
	if len(where) > 0 {
		query += ` WHERE ` + strings.Join(where, " AND ")
	}
	query += ` ORDER BY ` + order
	if q.Limit > 0 {
		query += ` LIMIT ?`
		args = append(args, q.Limit+1)
	}
	return query, args, nil
}

func (s *Store) page(ctx context.Context, schema store.Schema, limit int, query string, args []any) (store.Page, error) {
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return store.Page{}, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err below tells
	var page store.Page
	for rows.Next() {
		doc, err := scan(schema, rows)
		if err != nil {
			return store.Page{}, err
		}
		page.Documents = append(page.Documents, doc)
	}
	if err := rows.Err(); err != nil {
		return store.Page{}, err
	}
	if limit > 0 && len(page.Documents) > limit {
		page.Documents = page.Documents[:limit]
		last := page.Documents[limit-1]
		c := store.Cursor{ID: last.ID}
		if schema.Time != "" {
			c.Key = store.OrderKey(last.Time)
		}
		page.Next = c.String()
	}
	return page, nil
}

// Put is one statement: a row that is not there, or not of this revision, is
// not touched.
func (s *Store) Put(ctx context.Context, table string, doc store.Document) (int64, error) {
	schema, err := s.schema(table)
	if err == nil {
		err = schema.CheckDocument(doc)
	}
	if err != nil {
		return 0, err
	}
	if doc.Revision == 0 {
		err = s.insert(ctx, schema, doc, 1)
	} else {
		names, args := assignments(schema, doc, doc.Revision+1)
		query := `UPDATE ` + quote(table) + ` SET ` + strings.Join(names, " = ?, ") + ` = ? WHERE id = ? AND revision = ?`
		err = s.touchOne(ctx, query, append(args, doc.ID, doc.Revision))
	}
	if err != nil {
		return 0, err
	}
	return doc.Revision + 1, nil
}

// Restore is one statement too.
func (s *Store) Restore(ctx context.Context, table string, doc store.Document) error {
	schema, err := s.schema(table)
	if err == nil {
		err = schema.CheckRestore(doc)
	}
	if err != nil {
		return err
	}
	return s.insert(ctx, schema, doc, doc.Revision)
}

func (s *Store) insert(ctx context.Context, schema store.Schema, doc store.Document, revision int64) error {
	names, args := assignments(schema, doc, revision)
	// The condition has a document that is there count as a conflict even
	// where a unique index would refuse it first.
	query := `INSERT INTO ` + quote(schema.Table) + ` (` + strings.Join(names, ", ") + `, id) SELECT ` +
		strings.Join(slices.Repeat([]string{"?"}, len(names)+1), ", ") +
		` WHERE NOT EXISTS (SELECT 1 FROM ` + quote(schema.Table) + ` WHERE id = ?)`
	return s.touchOne(ctx, query, append(args, doc.ID, doc.ID))
}

// assignments are the columns that a change writes, without the id.
func assignments(schema store.Schema, doc store.Document, revision int64) (names []string, args []any) {
	names = []string{"revision", "at", "data"}
	args = []any{revision, at(schema, doc.Time), string(doc.Data)}
	for _, f := range schema.Fields {
		names = append(names, column(f))
		args = append(args, doc.Fields[f])
	}
	return names, args
}

// touchOne runs a statement that changes one row; none is a conflict.
func (s *Store) touchOne(ctx context.Context, query string, args []any) error {
	result, err := s.write.ExecContext(ctx, query, args...)
	if duplicate(err) {
		return fmt.Errorf("%w: %w", store.ErrDuplicate, err)
	}
	if err != nil {
		return fmt.Errorf("sqlite: %w", reason(ctx, err))
	}
	if n, err := result.RowsAffected(); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	} else if n == 0 {
		return store.ErrConflict
	}
	return nil
}

// at is NULL in a table without a time, so that Ensure sees which rows to fill
// when the table gets one.
func at(schema store.Schema, t time.Time) any {
	if schema.Time == "" {
		return nil
	}
	return store.OrderKey(t)
}

// Delete removes one row.
func (s *Store) Delete(ctx context.Context, table, id string, revision int64) error {
	if _, err := s.schema(table); err != nil {
		return err
	}
	if err := store.CheckID(id); err != nil {
		return err
	}
	return s.change(ctx, func(tx *sql.Tx) error {
		var have int64
		err := tx.QueryRowContext(ctx, `SELECT revision FROM `+quote(table)+` WHERE id = ?`, id).Scan(&have)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return store.ErrNotFound
		case err != nil:
			return fmt.Errorf("sqlite: %w", err)
		case revision != 0 && revision != have:
			return store.ErrConflict
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+quote(table)+` WHERE id = ?`, id); err != nil {
			return fmt.Errorf("sqlite: %w", err)
		}
		return nil
	})
}
