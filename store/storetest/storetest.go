// Package storetest is the conformance suite of store.Store: an engine is one
// that passes it.
package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/store"
)

// Run tests an engine. open returns a store over a new empty database, which it
// closes and removes when the test ends.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, s store.Store)
	}{
		{"create", testCreate},
		{"update", testUpdate},
		{"delete", testDelete},
		{"restore", testRestore},
		{"compare and swap", testCompareAndSwap},
		{"bad input", testBadInput},
		{"data survives", testData},
		{"large document", testLargeDocument},
		{"odd ids", testOddIDs},
		{"unique", testUnique},
		{"unique under contention", testUniqueContention},
		{"times are exact", testTimes},
		{"list", testList},
		{"list of nothing", testListEmpty},
		{"list by time", testListByTime},
		{"paging", testPaging},
		{"paging while others write", testPagingWhileWriting},
		{"ensure twice", testEnsureTwice},
		{"ensure fills new fields", testEnsureNewFields},
		{"ensure fills a new time", testEnsureNewTime},
		{"ensure refuses duplicates", testEnsureDuplicates},
		{"tables are apart", testTablesApart},
		{"blob", testBlob},
		{"blob abort", testBlobAbort},
		{"blob replace and delete", testBlobReplace},
		{"blob list", testBlobList},
		{"blob seek", testBlobSeek},
		{"blob of 10 MB", testBlobLarge},
		{"blobs at once", testBlobConcurrent},
		{"blob writer waits", testBlobWriterWaits},
		{"typed table", testTypedTable},
		{"all tables", testAllTables},
		{"context", testContext},
		{"ping", testPing},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// schema of the table that most tests use.
var schema = store.Schema{Table: "things", Fields: []string{"color", "shape", "login"}, Unique: []string{"login"}, Time: "started"}

// plain has no time: ids order it.
var plain = store.Schema{Table: "plain", Fields: []string{"color"}}

var noon = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)

func ensure(t *testing.T, s store.Store, schemas ...store.Schema) {
	t.Helper()
	for _, schema := range schemas {
		if err := s.Ensure(t.Context(), schema); err != nil {
			t.Fatal(err)
		}
	}
}

// put writes a document that must go through and returns it as it is then.
func put(t *testing.T, s store.Store, table string, doc store.Document) store.Document {
	t.Helper()
	if doc.Data == nil {
		doc.Data = []byte(`{}`)
	}
	rev, err := s.Put(t.Context(), table, doc)
	if err != nil {
		t.Fatalf("put %s: %v", doc.ID, err)
	}
	if rev != doc.Revision+1 {
		t.Fatalf("put %s of revision %d returned revision %d", doc.ID, doc.Revision, rev)
	}
	doc.Revision = rev
	return doc
}

// holds tells that the store has exactly this document.
func holds(t *testing.T, s store.Store, table string, want store.Document) {
	t.Helper()
	got, err := s.Get(t.Context(), table, want.ID)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, want)
}

func same(t *testing.T, got, want store.Document) {
	t.Helper()
	if got.ID != want.ID || got.Revision != want.Revision {
		t.Errorf("got id %q revision %d, want %q %d", got.ID, got.Revision, want.ID, want.Revision)
	}
	if !got.Time.Equal(want.Time) || got.Time.Location() != time.UTC {
		t.Errorf("%q: got time %v, want %v in UTC", want.ID, got.Time, want.Time)
	}
	for f, v := range got.Fields {
		if v != want.Fields[f] {
			t.Errorf("%q: field %s is %q, want %q", want.ID, f, v, want.Fields[f])
		}
	}
	for f, v := range want.Fields {
		if v != got.Fields[f] {
			t.Errorf("%q: field %s is %q, want %q", want.ID, f, got.Fields[f], v)
		}
	}
	if g, w := values(t, got.Data), values(t, want.Data); !reflect.DeepEqual(g, w) {
		t.Errorf("%q: data is %.200s, want %.200s", want.ID, got.Data, want.Data)
	}
}

func values(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("data %.200q: %v", data, err)
	}
	return v
}

// ids lists what q selects.
func ids(t *testing.T, s store.Store, table string, q store.Query) []string {
	t.Helper()
	page, err := s.List(t.Context(), table, q)
	if err != nil {
		t.Fatal(err)
	}
	return idsOf(page)
}

func idsOf(page store.Page) []string {
	list := []string{}
	for _, doc := range page.Documents {
		list = append(list, doc.ID)
	}
	return list
}

// pages walks through all pages of a query, calling between after each.
func pages(t *testing.T, s store.Store, table string, q store.Query, between func(page int)) []string {
	t.Helper()
	list := []string{}
	for n := 1; ; n++ {
		page, err := s.List(t.Context(), table, q)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Documents) > q.Limit {
			t.Fatalf("page %d has %d documents, the limit is %d", n, len(page.Documents), q.Limit)
		}
		list = append(list, idsOf(page)...)
		if page.Next == "" {
			return list
		}
		if n > 1000 {
			t.Fatal("the pages do not end")
		}
		if between != nil {
			between(n)
		}
		q.After = page.Next
	}
}

func equal(t *testing.T, got, want []string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// short bounds what must not wait.
func short(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}
