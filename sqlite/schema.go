package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/carillon-cc/carillon/store"
)

// column is the name of an indexed field's column: the prefix keeps it apart
// from the table's own (id, revision, at, data).
func column(field string) string { return quote("f_" + field) }

// quote makes a name of SQL; names hold no quotes (store.Schema.Check).
func quote(name string) string { return `"` + name + `"` }

// Ensure makes the table, its columns and its indexes. A column that is new is
// NULL in the rows that are older, which are then filled from their data.
func (s *Store) Ensure(ctx context.Context, schema store.Schema) error {
	if err := schema.Check(); err != nil {
		return err
	}
	err := s.change(ctx, func(tx *sql.Tx) error { return ensure(ctx, tx, schema) })
	if err != nil {
		if duplicate(err) {
			err = fmt.Errorf("%w: %w", store.ErrDuplicate, err)
		}
		return fmt.Errorf("ensure table %s: %w", schema.Table, err)
	}
	schema.Fields, schema.Unique = slices.Clone(schema.Fields), slices.Clone(schema.Unique)
	s.mu.Lock()
	s.tables[schema.Table] = schema
	s.mu.Unlock()
	return nil
}

func ensure(ctx context.Context, tx *sql.Tx, schema store.Schema) error {
	table := quote(schema.Table)
	statements := []string{`CREATE TABLE IF NOT EXISTS ` + table + ` (
		id TEXT NOT NULL PRIMARY KEY,
		revision INTEGER NOT NULL,
		at INTEGER,
		data TEXT NOT NULL)`}
	var have []string
	rows, err := tx.QueryContext(ctx, `SELECT name FROM pragma_table_info(?)`, schema.Table)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		have = append(have, name)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	order, kind := "id", "_id"
	if schema.Time != "" {
		order, kind = "at, id", "_at"
	}
	for _, f := range schema.Fields {
		if !slices.Contains(have, "f_"+f) {
			statements = append(statements, `ALTER TABLE `+table+` ADD COLUMN `+column(f)+` TEXT`)
		}
		statements = append(statements, `CREATE INDEX IF NOT EXISTS `+quote(schema.Table+"_"+f+kind)+
			` ON `+table+` (`+column(f)+`, `+order+`)`)
	}
	if schema.Time != "" {
		statements = append(statements, `CREATE INDEX IF NOT EXISTS `+quote(schema.Table+kind)+` ON `+table+` (at, id)`)
	}
	for _, q := range statements {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	if err := fill(ctx, tx, schema); err != nil {
		return err
	}
	// After filling: only now does the table show whether it allows them.
	for _, f := range schema.Unique {
		if _, err := tx.ExecContext(ctx, `CREATE UNIQUE INDEX IF NOT EXISTS `+quote(schema.Table+"_"+f+"_unique")+
			` ON `+table+` (`+column(f)+`) WHERE `+column(f)+` <> ''`); err != nil {
			return err
		}
	}
	return nil
}

// fill gives the rows that are older than a column its value.
func fill(ctx context.Context, tx *sql.Tx, schema store.Schema) error {
	var missing, set []string
	for _, f := range schema.Fields {
		missing = append(missing, column(f)+" IS NULL")
		set = append(set, column(f)+" = coalesce("+column(f)+", ?)")
	}
	if schema.Time != "" {
		missing = append(missing, "at IS NULL")
		set = append(set, "at = coalesce(at, ?)")
	}
	if len(missing) == 0 {
		return nil
	}
	old := `SELECT rowid, data FROM ` + quote(schema.Table) + ` WHERE ` + strings.Join(missing, " OR ") + ` LIMIT 500`
	update := `UPDATE ` + quote(schema.Table) + ` SET ` + strings.Join(set, ", ") + ` WHERE rowid = ?`
	for {
		batch, err := oldRows(ctx, tx, old)
		if err != nil || len(batch) == 0 {
			return err
		}
		for rowid, data := range batch {
			var values map[string]any
			if err := json.Unmarshal(data, &values); err != nil {
				return fmt.Errorf("row %d: %w", rowid, err)
			}
			var args []any
			for _, f := range schema.Fields {
				args = append(args, store.IndexedValue(values, f))
			}
			if schema.Time != "" {
				args = append(args, store.OrderKey(store.IndexedTime(values, schema.Time)))
			}
			if _, err := tx.ExecContext(ctx, update, append(args, rowid)...); err != nil {
				return err
			}
		}
	}
}

func oldRows(ctx context.Context, tx *sql.Tx, query string) (map[int64][]byte, error) {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err below tells
	batch := make(map[int64][]byte)
	for rows.Next() {
		var id int64
		var data []byte
		if err := rows.Scan(&id, &data); err != nil {
			return nil, err
		}
		batch[id] = data
	}
	return batch, rows.Err()
}
