package storetest

import (
	"errors"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
)

type gadget struct {
	ccs.Meta
	Name   string            `json:"name"`
	Count  int64             `json:"count"`
	Share  float64           `json:"share"`
	On     bool              `json:"on"`
	Wait   ccs.Millis        `json:"wait"`
	Begun  time.Time         `json:"begun"`
	Never  time.Time         `json:"never"`
	Part   part              `json:"part"`
	Parts  []part            `json:"parts"`
	None   []part            `json:"none"`
	Linked *part             `json:"linked,omitempty"`
	Labels map[string]string `json:"labels"`
	Raw    []byte            `json:"raw"`
}

type part struct {
	At    time.Time `json:"at"`
	Sizes []int     `json:"sizes"`
	Sub   *part     `json:"sub,omitempty"`
}

func gadgets(s store.Store) *store.Table[gadget, *gadget] {
	return store.NewTable(s, store.Schema{Table: "gadgets", Fields: []string{"name"}, Unique: []string{"name"}, Time: "begun"},
		func(g *gadget) (map[string]string, time.Time) { return map[string]string{"name": g.Name}, g.Begun })
}

func testTypedTable(t *testing.T, s store.Store) {
	table := gadgets(s)
	if err := table.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	g := &gadget{
		Name: "first <&> é", Count: 9007199254740993, Share: 0.1, On: true, Wait: 1500, Begun: noon.Add(123456789),
		Part: part{At: noon, Sizes: []int{1, -2}, Sub: &part{}}, Parts: []part{{}, {Sizes: []int{}}},
		Labels: map[string]string{"a.b": "$c", "": "x", "$d": ""}, Raw: []byte{0, 1, 255},
	}
	if err := table.Put(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	if g.ID == "" || g.Revision != 1 || g.Created.IsZero() || !g.Created.Equal(g.Updated) {
		t.Errorf("after create: %+v", g.Meta)
	}
	read := func() *gadget {
		t.Helper()
		got, err := table.Get(t.Context(), g.ID)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := read(); !reflect.DeepEqual(got, g) {
		t.Errorf("came back as\n%+v\nwant\n%+v", got, g)
	}
	mine, theirs := read(), read()
	theirs.Count++
	if err := table.Put(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	if theirs.Revision != 2 || !theirs.Created.Equal(g.Created) {
		t.Errorf("after update: %+v", theirs.Meta)
	}
	before := *mine
	if err := table.Put(t.Context(), mine); !errors.Is(err, store.ErrConflict) {
		t.Errorf("put of what was changed: %v", err)
	}
	if !reflect.DeepEqual(*mine, before) {
		t.Errorf("a refused put changed its object: %+v", mine.Meta)
	}
	if err := table.Delete(t.Context(), mine); !errors.Is(err, store.ErrConflict) {
		t.Errorf("delete of what was changed: %v", err)
	}
	other := &gadget{Name: g.Name}
	if err := table.Put(t.Context(), other); !errors.Is(err, store.ErrDuplicate) || other.ID != "" || other.Revision != 0 {
		t.Errorf("put of a duplicate: %v, %+v", err, other.Meta)
	}
	found, err := table.Find(t.Context(), "name", g.Name)
	if err != nil || !reflect.DeepEqual(found, theirs) {
		t.Errorf("find: %+v, %v", found, err)
	}
	for _, name := range []string{"second", ""} {
		if _, err := table.Find(t.Context(), "name", name); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("find of nothing: %v", err)
		}
	}
	nameless := &gadget{}
	if err := table.Put(t.Context(), nameless); err != nil {
		t.Fatal(err)
	}
	if _, err := table.Find(t.Context(), "name", ""); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("find by no name: %v", err)
	}
	list, next, err := table.List(t.Context(), store.Query{Descending: true, Limit: 1})
	if err != nil || len(list) != 1 || next == "" || !reflect.DeepEqual(list[0], theirs) {
		t.Errorf("list: %+v, %q, %v", list, next, err)
	}
	if list, next, err = table.List(t.Context(), store.Query{Descending: true, Limit: 1, After: next}); err != nil || len(list) != 1 || next != "" || !reflect.DeepEqual(list[0], nameless) {
		t.Errorf("second page: %+v, %q, %v", list, next, err)
	}
	if err := table.Delete(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	if _, err := table.Get(t.Context(), g.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("get of what was deleted: %v", err)
	}
}

func testAllTables(t *testing.T, s store.Store) {
	tables := store.NewTables(s)
	for range 2 {
		if err := tables.Ensure(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	call := &ccs.CallRecord{From: "+33123456789", To: "1000", Started: noon}
	if err := tables.Calls.Put(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	bindings := &ccs.Bindings{Node: "n", List: []ccs.Binding{{
		Line: "l", Key: "k", Contact: "sip:1@[2001:db8::1]", Transport: "TCP", Local: netip.MustParseAddrPort("[2001:db8::2]:5060"),
		Peer: netip.MustParseAddrPort("192.0.2.1:65535"), Since: noon, Expires: noon.Add(time.Hour), Granted: 3600_000, CSeq: 1<<32 - 1,
	}}}
	if err := tables.Bindings.Put(t.Context(), bindings); err != nil {
		t.Fatal(err)
	}
	if got, err := tables.Bindings.Get(t.Context(), bindings.ID); err != nil || !reflect.DeepEqual(got, bindings) {
		t.Errorf("telephones of lines: %+v, %v", got, err)
	}
	day := store.Query{Equal: map[string]string{"day": "2026-11-22"}}
	for _, d := range []*ccs.DailyCalls{{Day: "2026-11-22", Trunk: "t", By: "a", Calls: 2}, {Day: "2026-11-21", Trunk: "t", Calls: 1}} {
		if err := tables.DailyCalls.Put(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	if got, _, err := tables.DailyCalls.List(t.Context(), day); err != nil || len(got) != 1 || got[0].Calls != 2 || got[0].By != "a" {
		t.Errorf("calls of a day: %+v, %v", got, err)
	}
	for i, guard := range []string{"daily", "agent"} {
		if err := tables.Alarms.Put(t.Context(), &ccs.Alarm{At: noon.Add(-time.Duration(i)), Guard: guard}); err != nil {
			t.Fatal(err)
		}
	}
	if got, _, err := tables.Alarms.List(t.Context(), store.Query{Descending: true, Limit: 1}); err != nil || len(got) != 1 || got[0].Guard != "daily" {
		t.Errorf("the last alarm: %+v, %v", got, err)
	}
	open := store.Query{Equal: map[string]string{"open": "yes"}}
	list, _, err := tables.Calls.List(t.Context(), open)
	if err != nil || len(list) != 1 || !reflect.DeepEqual(list[0], call) {
		t.Errorf("open calls: %+v, %v", list, err)
	}
	call.Ended = noon.Add(time.Minute)
	if err := tables.Calls.Put(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	if list, _, err = tables.Calls.List(t.Context(), open); err != nil || len(list) != 0 {
		t.Errorf("open calls after the end: %+v, %v", list, err)
	}
}
