package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/store"
)

func testList(t *testing.T, s store.Store) {
	ensure(t, s, schema, plain)
	for i, f := range []map[string]string{
		{"color": "red", "shape": "round"}, {"color": "red", "shape": "square"}, {"color": "blue", "shape": "round"}, nil,
	} {
		id := string(rune('a' + i))
		put(t, s, "things", store.Document{ID: id, Fields: f, Time: noon.Add(-time.Duration(i) * time.Minute), Data: fmt.Appendf(nil, `{"n":%d}`, i)})
		put(t, s, "plain", store.Document{ID: id, Fields: map[string]string{"color": f["color"]}})
	}
	for _, c := range []struct {
		table string
		query store.Query
		want  []string
	}{
		{"things", store.Query{}, []string{"d", "c", "b", "a"}},
		{"things", store.Query{Descending: true}, []string{"a", "b", "c", "d"}},
		{"things", store.Query{Equal: map[string]string{"color": "red"}}, []string{"b", "a"}},
		{"things", store.Query{Equal: map[string]string{"color": "red"}, Descending: true}, []string{"a", "b"}},
		{"things", store.Query{Equal: map[string]string{"color": "red", "shape": "round"}}, []string{"a"}},
		{"things", store.Query{Equal: map[string]string{"color": "blue", "shape": "square"}}, nil},
		{"things", store.Query{Equal: map[string]string{"color": ""}}, []string{"d"}},
		{"things", store.Query{Equal: map[string]string{"color": "re"}}, nil},
		{"things", store.Query{Limit: 2}, []string{"d", "c"}},
		{"things", store.Query{Limit: 9}, []string{"d", "c", "b", "a"}},
		{"plain", store.Query{}, []string{"a", "b", "c", "d"}},
		{"plain", store.Query{Descending: true}, []string{"d", "c", "b", "a"}},
		{"plain", store.Query{Equal: map[string]string{"color": "red"}}, []string{"a", "b"}},
		{"plain", store.Query{Equal: map[string]string{"color": "red"}, Descending: true, Limit: 1}, []string{"b"}},
	} {
		t.Run(fmt.Sprintf("%s %+v", c.table, c.query), func(t *testing.T) {
			equal(t, ids(t, s, c.table, c.query), c.want)
		})
	}
	// What is listed is whole.
	page, err := s.List(t.Context(), "things", store.Query{Equal: map[string]string{"shape": "square"}})
	if err != nil || len(page.Documents) != 1 {
		t.Fatal(page, err)
	}
	same(t, page.Documents[0], store.Document{
		ID: "b", Revision: 1, Data: []byte(`{"n":1}`), Time: noon.Add(-time.Minute),
		Fields: map[string]string{"color": "red", "shape": "square", "login": ""},
	})
}

func testListEmpty(t *testing.T, s store.Store) {
	ensure(t, s, schema, plain)
	for _, table := range []string{"things", "plain"} {
		for _, q := range []store.Query{{}, {Limit: 5}, {Descending: true}, {Equal: map[string]string{"color": "red"}}} {
			page, err := s.List(t.Context(), table, q)
			if err != nil || len(page.Documents) != 0 || page.Next != "" {
				t.Errorf("list %s %+v: %+v, %v", table, q, page, err)
			}
		}
	}
}

func testListByTime(t *testing.T, s store.Store) {
	ensure(t, s, schema)
	at := func(i int) time.Time { return noon.Add(time.Duration(i) * time.Hour) }
	for i := range 6 {
		put(t, s, "things", store.Document{ID: fmt.Sprint(i), Time: at(i), Fields: map[string]string{"color": []string{"red", "blue"}[i%2]}})
	}
	for _, c := range []struct {
		query store.Query
		want  []string
	}{
		{store.Query{From: at(2)}, []string{"2", "3", "4", "5"}},
		{store.Query{To: at(2)}, []string{"0", "1"}},
		{store.Query{From: at(1), To: at(4)}, []string{"1", "2", "3"}},
		{store.Query{From: at(1), To: at(4), Descending: true}, []string{"3", "2", "1"}},
		{store.Query{From: at(1), To: at(4), Descending: true, Limit: 2}, []string{"3", "2"}},
		{store.Query{From: at(1), To: at(5), Equal: map[string]string{"color": "red"}}, []string{"2", "4"}},
		{store.Query{From: at(9)}, nil},
		{store.Query{From: at(4), To: at(1)}, nil},
	} {
		equal(t, ids(t, s, "things", c.query), c.want)
	}
	equal(t, pages(t, s, "things", store.Query{From: at(1), To: at(5), Limit: 1}, nil), []string{"1", "2", "3", "4"})
}

func testPaging(t *testing.T, s store.Store) {
	ensure(t, s, schema, plain)
	// Three documents share each time, so that pages end within a tie.
	var want, red []string
	for i := range 30 {
		id := fmt.Sprintf("%02d", i)
		color := []string{"red", "blue"}[i%2]
		doc := store.Document{ID: id, Time: noon.Add(time.Duration(i/3) * time.Second), Fields: map[string]string{"color": color}}
		if i < 3 {
			doc.Time = time.Time{}
		}
		put(t, s, "things", doc)
		doc.Time = time.Time{}
		put(t, s, "plain", doc)
		want = append(want, id)
		if color == "red" {
			red = append(red, id)
		}
	}
	for _, descending := range []bool{false, true} {
		for _, table := range []string{"things", "plain"} {
			for _, limit := range []int{1, 2, 4, 7, 15, 29, 30, 31} {
				equal(t, pages(t, s, table, store.Query{Limit: limit, Descending: descending}, nil), want)
			}
			equal(t, pages(t, s, table, store.Query{Limit: 4, Descending: descending, Equal: map[string]string{"color": "red"}}, nil), red)
		}
		slices.Reverse(want)
		slices.Reverse(red)
	}
	// A page that is just full, with nothing behind it, is the last.
	page, err := s.List(t.Context(), "things", store.Query{Limit: 30})
	if err != nil || page.Next != "" {
		t.Errorf("a full last page has next %q, %v", page.Next, err)
	}
	// A cursor goes on without a limit.
	if page, err = s.List(t.Context(), "things", store.Query{Limit: 10}); err != nil {
		t.Fatal(err)
	}
	equal(t, ids(t, s, "things", store.Query{After: page.Next}), want[10:])
}

func testPagingWhileWriting(t *testing.T, s store.Store) {
	ensure(t, s, schema)
	var want []string
	for i := range 20 {
		id := fmt.Sprintf("m%02d", i)
		put(t, s, "things", store.Document{ID: id, Time: noon.Add(time.Duration(i/2) * time.Second)})
		want = append(want, id)
	}
	for _, descending := range []bool{true, false} {
		// Newer ones and older ones come, also into the tie at which a page
		// ends, and the document at which it ends goes.
		gone := map[string]bool{}
		got := pages(t, s, "things", store.Query{Limit: 3, Descending: descending}, func(page int) {
			for i, at := range []time.Time{noon.Add(-time.Minute), noon.Add(time.Minute), noon.Add(5 * time.Second)} {
				put(t, s, "things", store.Document{ID: fmt.Sprintf("x%02d%d", page, i), Time: at})
			}
			if page == 2 {
				last := want[5]
				if descending {
					last = want[len(want)-6]
				}
				if err := s.Delete(t.Context(), "things", last, 0); err != nil {
					t.Fatal(err)
				}
				gone[last] = true
			}
		})
		seen := map[string]int{}
		var order []string
		for _, id := range got {
			if seen[id]++; seen[id] > 1 {
				t.Errorf("%s is there twice", id)
			}
			if id[0] == 'm' {
				order = append(order, id)
			}
		}
		expect := slices.Clone(want)
		if descending {
			slices.Reverse(expect)
		}
		equal(t, order, expect)
		want = slices.DeleteFunc(want, func(id string) bool { return gone[id] })
		for _, id := range ids(t, s, "things", store.Query{}) {
			if id[0] == 'x' {
				if err := s.Delete(t.Context(), "things", id, 0); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func testEnsureTwice(t *testing.T, s store.Store) {
	ensure(t, s, schema, schema)
	doc := put(t, s, "things", store.Document{ID: "a", Time: noon, Fields: map[string]string{"login": "ann", "color": "red"}, Data: []byte(`{"color":"blue"}`)})
	ensure(t, s, schema)
	holds(t, s, "things", doc)
	if _, err := s.Put(t.Context(), "things", store.Document{ID: "b", Data: []byte(`{}`), Fields: map[string]string{"login": "ann"}}); !errors.Is(err, store.ErrDuplicate) {
		t.Errorf("the unique index is gone: %v", err)
	}
}

func testEnsureNewFields(t *testing.T, s store.Store) {
	before := store.Schema{Table: "things", Fields: []string{"color"}, Time: "started"}
	ensure(t, s, before)
	for id, data := range map[string]string{
		"a": `{"shape":"round","login":"ann"}`, "b": `{"shape":"round","login":""}`, "c": `{"shape":7}`, "d": `{}`, "e": `{"in":{"shape":"round"}}`,
	} {
		put(t, s, "things", store.Document{ID: id, Time: noon, Data: []byte(data), Fields: map[string]string{"color": "red"}})
	}
	ensure(t, s, schema)
	equal(t, ids(t, s, "things", store.Query{Equal: map[string]string{"shape": "round"}}), []string{"a", "b"})
	equal(t, ids(t, s, "things", store.Query{Equal: map[string]string{"shape": ""}}), []string{"c", "d", "e"})
	equal(t, ids(t, s, "things", store.Query{Equal: map[string]string{"color": "red"}}), []string{"a", "b", "c", "d", "e"})
	holds(t, s, "things", store.Document{
		ID: "a", Revision: 1, Time: noon, Data: []byte(`{"shape":"round","login":"ann"}`),
		Fields: map[string]string{"color": "red", "shape": "round", "login": "ann"},
	})
	if _, err := s.Put(t.Context(), "things", store.Document{ID: "f", Data: []byte(`{}`), Fields: map[string]string{"login": "ann"}}); !errors.Is(err, store.ErrDuplicate) {
		t.Errorf("the new unique field is not unique: %v", err)
	}
	// What Put says counts from then on, not the data.
	put(t, s, "things", store.Document{ID: "a", Revision: 1, Time: noon, Data: []byte(`{"shape":"round"}`), Fields: map[string]string{"shape": "square"}})
	ensure(t, s, schema)
	equal(t, ids(t, s, "things", store.Query{Equal: map[string]string{"shape": "square"}}), []string{"a"})
}

func testEnsureNewTime(t *testing.T, s store.Store) {
	ensure(t, s, store.Schema{Table: "things"})
	for id, data := range map[string]string{
		"a": `{"started":"2025-03-01T12:00:00.000000001Z"}`, "b": `{"started":"2025-03-01T12:30:00+01:00"}`, "c": `{"started":"soon"}`, "d": `{}`,
	} {
		put(t, s, "things", store.Document{ID: id, Data: []byte(data)})
	}
	equal(t, ids(t, s, "things", store.Query{}), []string{"a", "b", "c", "d"})
	ensure(t, s, schema)
	equal(t, ids(t, s, "things", store.Query{}), []string{"c", "d", "b", "a"})
	equal(t, ids(t, s, "things", store.Query{From: noon}), []string{"a"})
	holds(t, s, "things", store.Document{ID: "a", Revision: 1, Time: noon.Add(1), Data: []byte(`{"started":"2025-03-01T12:00:00.000000001Z"}`)})
}

func testEnsureDuplicates(t *testing.T, s store.Store) {
	before := store.Schema{Table: "things", Fields: []string{"login"}}
	ensure(t, s, before)
	for _, id := range []string{"a", "b"} {
		put(t, s, "things", store.Document{ID: id, Fields: map[string]string{"login": "ann"}})
	}
	after := before
	after.Unique = []string{"login"}
	if err := s.Ensure(t.Context(), after); !errors.Is(err, store.ErrDuplicate) {
		t.Errorf("ensure made what is there twice unique: %v", err)
	}
	if err := s.Delete(t.Context(), "things", "a", 0); err != nil {
		t.Fatal(err)
	}
	ensure(t, s, after)
}
