package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/store"
)

func testCreate(t *testing.T, s store.Store) {
	ensure(t, s, schema)
	if _, err := s.Get(t.Context(), "things", "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("get of nothing: %v", err)
	}
	doc := put(t, s, "things", store.Document{
		ID: "a", Data: []byte(`{"id":"a","n":1}`), Time: noon,
		Fields: map[string]string{"color": "red", "login": "ann"},
	})
	holds(t, s, "things", doc)
	// Again, with the same unique value: that it is there already counts first.
	for _, fields := range []map[string]string{nil, {"login": "ann"}} {
		_, err := s.Put(t.Context(), "things", store.Document{ID: "a", Data: []byte(`{"n":2}`), Fields: fields})
		if !errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrDuplicate) {
			t.Errorf("create twice: %v, want ErrConflict", err)
		}
	}
	holds(t, s, "things", doc)
}

func testUpdate(t *testing.T, s store.Store) {
	ensure(t, s, schema)
	doc := put(t, s, "things", store.Document{ID: "a", Data: []byte(`{"n":1}`), Time: noon, Fields: map[string]string{"color": "red"}})
	old := doc
	doc.Data, doc.Time, doc.Fields = []byte(`{"n":2}`), noon.Add(time.Hour), map[string]string{"shape": "round"}
	doc = put(t, s, "things", doc)
	holds(t, s, "things", doc)
	equal(t, ids(t, s, "things", store.Query{Equal: map[string]string{"color": "red"}}), nil)
	equal(t, ids(t, s, "things", store.Query{Equal: map[string]string{"shape": "round"}}), []string{"a"})
	for _, rev := range []int64{old.Revision, doc.Revision + 1} {
		stale := doc
		stale.Revision, stale.Data = rev, []byte(`{"n":3}`)
		if _, err := s.Put(t.Context(), "things", stale); !errors.Is(err, store.ErrConflict) {
			t.Errorf("put of revision %d on %d: %v, want ErrConflict", rev, doc.Revision, err)
		}
	}
	holds(t, s, "things", doc)
	_, err := s.Put(t.Context(), "things", store.Document{ID: "gone", Revision: 1, Data: []byte(`{}`)})
	if !errors.Is(err, store.ErrConflict) {
		t.Errorf("update of a document that is not there: %v, want ErrConflict", err)
	}
	if _, err := s.Get(t.Context(), "things", "gone"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a refused update left something: %v", err)
	}
}

func testRestore(t *testing.T, s store.Store) {
	ensure(t, s, schema)
	doc := store.Document{
		ID: "a", Revision: 7, Data: []byte(`{"n":1}`), Time: noon, Fields: map[string]string{"color": "red", "login": "ann"},
	}
	if err := s.Restore(t.Context(), "things", doc); err != nil {
		t.Fatal(err)
	}
	holds(t, s, "things", doc)
	again := doc
	again.Revision, again.Data = 8, []byte(`{"n":2}`)
	if err := s.Restore(t.Context(), "things", again); !errors.Is(err, store.ErrConflict) {
		t.Errorf("restore over a document: %v, want ErrConflict", err)
	}
	other := again
	other.ID = "b"
	if err := s.Restore(t.Context(), "things", other); !errors.Is(err, store.ErrDuplicate) {
		t.Errorf("restore of a unique value that is taken: %v, want ErrDuplicate", err)
	}
	other.Fields, other.Revision = nil, 0
	if err := s.Restore(t.Context(), "things", other); err == nil {
		t.Error("a document without a revision was restored")
	}
	equal(t, ids(t, s, "things", store.Query{}), []string{"a"})
	holds(t, s, "things", doc)
	doc = put(t, s, "things", doc) // it goes on from its revision
	holds(t, s, "things", doc)
}

func testDelete(t *testing.T, s store.Store) {
	ensure(t, s, schema)
	if err := s.Delete(t.Context(), "things", "a", 0); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("delete of nothing: %v", err)
	}
	if err := s.Delete(t.Context(), "things", "a", 7); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("delete of nothing by revision: %v", err)
	}
	doc := put(t, s, "things", store.Document{ID: "a", Fields: map[string]string{"login": "ann"}})
	doc = put(t, s, "things", doc)
	if err := s.Delete(t.Context(), "things", "a", 1); !errors.Is(err, store.ErrConflict) {
		t.Errorf("delete of an old revision: %v", err)
	}
	holds(t, s, "things", doc)
	if err := s.Delete(t.Context(), "things", "a", 2); err != nil {
		t.Error(err)
	}
	if _, err := s.Get(t.Context(), "things", "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("get of what was deleted: %v", err)
	}
	// The id and the unique value are free again.
	put(t, s, "things", store.Document{ID: "a", Fields: map[string]string{"login": "ann"}})
	if err := s.Delete(t.Context(), "things", "a", 0); err != nil {
		t.Error(err)
	}
}

// Of many that change the same revision exactly one wins, each time.
func testCompareAndSwap(t *testing.T, s store.Store) {
	ensure(t, s, plain)
	const writers, rounds = 20, 10
	for round := range int64(rounds) {
		var wg sync.WaitGroup
		wins := make(chan int, writers)
		for i := range writers {
			wg.Go(func() {
				rev, err := s.Put(t.Context(), "plain", store.Document{
					ID: "a", Revision: round, Data: fmt.Appendf(nil, `{"by":%d}`, i),
				})
				switch {
				case err == nil && rev == round+1:
					wins <- i
				case err == nil:
					t.Errorf("round %d: revision %d", round, rev)
				case !errors.Is(err, store.ErrConflict):
					t.Errorf("round %d: %v, want ErrConflict", round, err)
				}
			})
		}
		wg.Wait()
		close(wins)
		if len(wins) != 1 {
			t.Fatalf("round %d: %d writers won", round, len(wins))
		}
		holds(t, s, "plain", store.Document{ID: "a", Revision: round + 1, Data: fmt.Appendf(nil, `{"by":%d}`, <-wins)})
	}
}

func testBadInput(t *testing.T, s store.Store) {
	for _, bad := range []store.Schema{
		{},
		{Table: "a b"},
		{Table: `x"; drop`},
		{Table: "_x"},
		{Table: "t", Fields: []string{"a.b"}},
		{Table: "t", Fields: []string{"a", "a"}},
		{Table: "t", Unique: []string{"a"}},
		{Table: "t", Time: "$now"},
	} {
		if err := s.Ensure(t.Context(), bad); err == nil {
			t.Errorf("ensure took %+v", bad)
		}
	}
	ensure(t, s, schema, plain)
	ok := store.Document{ID: "a", Data: []byte(`{}`)}
	for name, change := range map[string]func(*store.Document){
		"empty id":            func(d *store.Document) { d.ID = "" },
		"id of bytes":         func(d *store.Document) { d.ID = "a\xff" },
		"id with NUL":         func(d *store.Document) { d.ID = "a\x00b" },
		"long id":             func(d *store.Document) { d.ID = strings.Repeat("a", store.MaxKey+1) },
		"revision below 0":    func(d *store.Document) { d.Revision = -1 },
		"no data":             func(d *store.Document) { d.Data = nil },
		"broken data":         func(d *store.Document) { d.Data = []byte(`{"a":`) },
		"data that is a list": func(d *store.Document) { d.Data = []byte(`[]`) },
		"unknown field":       func(d *store.Document) { d.Fields = map[string]string{"size": "1"} },
		"long field":          func(d *store.Document) { d.Fields = map[string]string{"color": strings.Repeat("a", store.MaxKey+1)} },
		"time out of range":   func(d *store.Document) { d.Time = time.Date(1500, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		doc := ok
		change(&doc)
		_, err := s.Put(t.Context(), "things", doc)
		if err == nil || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrDuplicate) {
			t.Errorf("%s: put returned %v", name, err)
		}
	}
	if _, err := s.Put(t.Context(), "plain", store.Document{ID: "a", Data: []byte(`{}`), Time: noon}); err == nil {
		t.Error("put took a time in a table without one")
	}
	equal(t, ids(t, s, "things", store.Query{}), nil)
	for name, q := range map[string]store.Query{
		"unknown field":  {Equal: map[string]string{"size": "1"}},
		"negative limit": {Limit: -1},
		"broken cursor":  {After: "%%%"},
		"other cursor":   {After: "YWJj"},
	} {
		if _, err := s.List(t.Context(), "things", q); err == nil {
			t.Errorf("%s: list took it", name)
		}
	}
	if _, err := s.List(t.Context(), "plain", store.Query{From: noon}); err == nil {
		t.Error("list took a time in a table without one")
	}
	unknown := "nowhere"
	_, errGet := s.Get(t.Context(), unknown, "a")
	_, errList := s.List(t.Context(), unknown, store.Query{})
	_, errPut := s.Put(t.Context(), unknown, ok)
	errDelete := s.Delete(t.Context(), unknown, "a", 0)
	for call, err := range map[string]error{"get": errGet, "list": errList, "put": errPut, "delete": errDelete} {
		if err == nil || errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s of a table that was not prepared: %v", call, err)
		}
	}
}

func testData(t *testing.T, s store.Store) {
	ensure(t, s, plain)
	for i, data := range []string{
		`{}`,
		`{"s":"","n":0,"b":false,"x":null,"l":[],"o":{},"ll":[[],[1,[2]],{}]}`,
		`{"min":-9223372036854775808,"max":9223372036854775807,"safe":9007199254740993}`,
		`{"f":0.1,"big":1e300,"small":5e-324,"neg":-1.5,"third":0.3333333333333333}`,
		`{"unsigned":18446744073709551615}`,
		`{"t":"2025-03-01T12:00:00.123456789+01:00","zero":"0001-01-01T00:00:00Z","oid":"507f1f77bcf86cd799439011"}`,
		`{"text":"ça va ? 日本語 😀 <&> \" \\ \u2028 \n","é":"ключ","a key":{"":1}}`,
		`{"a.b":1,"$set":{"$gt":2},"in":{"a.b":{"$x":[{"$y.z":3}]}},"_id":4,"id":"x","$ref":"r"}`,
		`{"0":"a","1":"b","list":[null,true,1,1.5,"x",{"y":[]}]}`,
		`{"deep":` + strings.Repeat(`{"a":[`, 20) + `1` + strings.Repeat(`]}`, 20) + `}`,
	} {
		id := fmt.Sprint(i)
		put(t, s, "plain", store.Document{ID: id, Data: []byte(data)})
		got, err := s.Get(t.Context(), "plain", id)
		if err != nil {
			t.Fatal(err)
		}
		if g, w := tokens(t, got.Data), tokens(t, []byte(data)); !slices.Equal(g, w) {
			t.Errorf("data came back as\n%s\nwant\n%s", got.Data, data)
		}
	}
}

// tokens is JSON in its order with numbers as they are written.
func tokens(t *testing.T, data []byte) []string {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var list []string
	for {
		token, err := d.Token()
		if err != nil {
			return list
		}
		if n, ok := token.(json.Number); ok {
			if _, err := n.Int64(); err != nil && strings.ContainsAny(n.String(), ".eE") {
				f, err := n.Float64()
				if err != nil {
					t.Fatal(err)
				}
				token = f
			}
		}
		list = append(list, fmt.Sprintf("%T %v", token, token))
	}
}

func testLargeDocument(t *testing.T, s store.Store) {
	ensure(t, s, plain)
	data, err := json.Marshal(map[string]any{"text": strings.Repeat("0123456789abcdef", 1<<16), "end": 1})
	if err != nil {
		t.Fatal(err)
	}
	holds(t, s, "plain", put(t, s, "plain", store.Document{ID: "a", Data: data}))
	events := make([]map[string]any, 10_000)
	for i := range events {
		events[i] = map[string]any{"at": noon.Add(time.Duration(i) * time.Second), "kind": "event", "n": i}
	}
	if data, err = json.Marshal(map[string]any{"events": events}); err != nil {
		t.Fatal(err)
	}
	holds(t, s, "plain", put(t, s, "plain", store.Document{ID: "b", Data: data}))
}

func testOddIDs(t *testing.T, s store.Store) {
	ensure(t, s, plain, schema)
	// In the order of bytes.
	odd := []string{
		" ", " a", "$where", "%", "'; DROP TABLE plain; --", "*", "+33123456789", ".", "..", "/a/b", "A", "\\", "_", "a", "a\tb\n",
		"a.b", "aa", "sip:x@y;z=1", "é", "ключ", "日本", "\U0001F600", strings.Repeat("\uffff", store.MaxKey/3),
	}
	slices.Sort(odd)
	for _, i := range []int{3, 1, 2, 0} { // not in order
		for j := i; j < len(odd); j += 4 {
			put(t, s, "plain", store.Document{ID: odd[j], Data: fmt.Appendf(nil, `{"n":%d}`, j), Fields: map[string]string{"color": odd[j]}})
			put(t, s, "things", store.Document{ID: odd[j], Time: noon, Fields: map[string]string{"login": odd[j]}})
		}
	}
	for j, id := range odd {
		holds(t, s, "plain", store.Document{ID: id, Revision: 1, Data: fmt.Appendf(nil, `{"n":%d}`, j), Fields: map[string]string{"color": id}})
		equal(t, ids(t, s, "plain", store.Query{Equal: map[string]string{"color": id}}), []string{id})
	}
	equal(t, pages(t, s, "plain", store.Query{Limit: 3}, nil), odd)
	equal(t, pages(t, s, "things", store.Query{Limit: 4}, nil), odd)
	slices.Reverse(odd)
	equal(t, pages(t, s, "plain", store.Query{Limit: 3, Descending: true}, nil), odd)
	equal(t, pages(t, s, "things", store.Query{Limit: 4, Descending: true}, nil), odd)
	for _, id := range odd {
		if err := s.Delete(t.Context(), "plain", id, 1); err != nil {
			t.Errorf("delete %q: %v", id, err)
		}
	}
	equal(t, ids(t, s, "plain", store.Query{}), nil)
}

func testUnique(t *testing.T, s store.Store) {
	ensure(t, s, schema)
	ann := put(t, s, "things", store.Document{ID: "a", Fields: map[string]string{"login": "ann"}})
	bob := put(t, s, "things", store.Document{ID: "b", Fields: map[string]string{"login": "bob"}, Data: []byte(`{"n":1}`)})
	_, err := s.Put(t.Context(), "things", store.Document{ID: "c", Data: []byte(`{}`), Fields: map[string]string{"login": "ann", "color": "red"}})
	if !errors.Is(err, store.ErrDuplicate) || errors.Is(err, store.ErrConflict) {
		t.Errorf("create with a taken value: %v, want ErrDuplicate", err)
	}
	// Nothing half written.
	if _, err := s.Get(t.Context(), "things", "c"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a refused create left something: %v", err)
	}
	equal(t, ids(t, s, "things", store.Query{Equal: map[string]string{"color": "red"}}), nil)
	taken := bob
	taken.Fields, taken.Data = map[string]string{"login": "ann", "color": "red"}, []byte(`{"n":2}`)
	if _, err := s.Put(t.Context(), "things", taken); !errors.Is(err, store.ErrDuplicate) {
		t.Errorf("update to a taken value: %v, want ErrDuplicate", err)
	}
	holds(t, s, "things", bob)
	// Empty values, and those of other cases, are not the same.
	put(t, s, "things", store.Document{ID: "e1"})
	put(t, s, "things", store.Document{ID: "e2", Fields: map[string]string{"login": ""}})
	put(t, s, "things", store.Document{ID: "e3", Fields: map[string]string{"login": "Ann"}})
	// One's own value is no duplicate, and what one gives up is free.
	ann = put(t, s, "things", ann)
	ann.Fields = map[string]string{"login": ""}
	put(t, s, "things", ann)
	bob.Fields = map[string]string{"login": "ann"}
	put(t, s, "things", bob)
	equal(t, ids(t, s, "things", store.Query{Equal: map[string]string{"login": "ann"}}), []string{"b"})
	equal(t, ids(t, s, "things", store.Query{Equal: map[string]string{"login": ""}}), []string{"a", "e1", "e2"})
}

func testUniqueContention(t *testing.T, s store.Store) {
	ensure(t, s, schema)
	for round := range 5 {
		var wg sync.WaitGroup
		wins := make(chan string, 20)
		login := map[string]string{"login": fmt.Sprint("user", round)}
		for i := range cap(wins) {
			wg.Go(func() {
				id := fmt.Sprint(round, "-", i)
				_, err := s.Put(t.Context(), "things", store.Document{ID: id, Data: []byte(`{}`), Fields: login})
				if err == nil {
					wins <- id
				} else if !errors.Is(err, store.ErrDuplicate) {
					t.Errorf("%v, want ErrDuplicate", err)
				}
			})
		}
		wg.Wait()
		close(wins)
		if len(wins) != 1 {
			t.Fatalf("%d documents got the same unique value", len(wins))
		}
		equal(t, ids(t, s, "things", store.Query{Equal: login}), []string{<-wins})
	}
}

func testTimes(t *testing.T, s store.Store) {
	ensure(t, s, schema)
	paris := time.FixedZone("", 3600)
	for i, at := range []time.Time{
		{},
		time.Unix(0, 0), noon, noon.Add(1), noon.Add(999_999_999).In(paris), noon.Add(time.Millisecond),
		time.Date(1700, 1, 1, 0, 0, 0, 5, time.UTC), time.Date(2262, 1, 1, 0, 0, 0, 1, time.UTC),
	} {
		holds(t, s, "things", put(t, s, "things", store.Document{ID: fmt.Sprint(i), Time: at, Data: []byte(`{}`)}))
	}
	equal(t, ids(t, s, "things", store.Query{}), []string{"0", "6", "1", "2", "3", "5", "4", "7"})
	equal(t, ids(t, s, "things", store.Query{Descending: true}), []string{"7", "4", "5", "3", "2", "1", "6", "0"})
	// From and To to the nanosecond, in any zone.
	equal(t, ids(t, s, "things", store.Query{From: noon.Add(1).In(paris), To: noon.Add(time.Millisecond)}), []string{"3"})
	equal(t, ids(t, s, "things", store.Query{From: noon.Add(1), To: noon.Add(time.Millisecond + 1)}), []string{"3", "5"})
	// Bounds that no document can have bound nothing; the zero time is before all.
	equal(t, ids(t, s, "things", store.Query{From: time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC)}), []string{"6", "1", "2", "3", "5", "4", "7"})
	equal(t, ids(t, s, "things", store.Query{To: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}), []string{"0", "6", "1", "2", "3", "5", "4", "7"})
}

func testTablesApart(t *testing.T, s store.Store) {
	ensure(t, s, schema, plain)
	a := put(t, s, "things", store.Document{ID: "a", Data: []byte(`{"n":1}`), Fields: map[string]string{"color": "red"}})
	b := put(t, s, "plain", store.Document{ID: "a", Data: []byte(`{"n":2}`), Fields: map[string]string{"color": "blue"}})
	holds(t, s, "things", a)
	holds(t, s, "plain", b)
	if err := s.Delete(t.Context(), "plain", "a", 1); err != nil {
		t.Fatal(err)
	}
	holds(t, s, "things", a)
}

func testContext(t *testing.T, s store.Store) {
	ensure(t, s, schema)
	doc := put(t, s, "things", store.Document{ID: "a", Data: []byte(`{"n":1}`)})
	over, cancel := context.WithCancel(t.Context())
	cancel()
	changed := doc
	changed.Data = []byte(`{"n":2}`)
	_, errGet := s.Get(over, "things", "a")
	_, errList := s.List(over, "things", store.Query{})
	_, errPut := s.Put(over, "things", changed)
	_, errCreate := s.Blobs().Create(over, "b")
	_, errOpen := s.Blobs().Open(over, "b")
	_, errBlobs := s.Blobs().List(over, "", 1)
	for call, err := range map[string]error{
		"restore": s.Restore(over, "things", store.Document{ID: "r", Revision: 1, Data: []byte(`{}`)}), "list blobs": errBlobs,
		"get": errGet, "list": errList, "put": errPut, "delete": s.Delete(over, "things", "a", 0),
		"ensure": s.Ensure(over, schema), "ping": s.Ping(over),
		"create blob": errCreate, "open blob": errOpen, "delete blob": s.Blobs().Delete(over, "b"),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s after cancel: %v, want context.Canceled", call, err)
		}
	}
	holds(t, s, "things", doc)
}

func testPing(t *testing.T, s store.Store) {
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(t.Context()); err == nil {
		t.Error("a closed store answers")
	}
}
