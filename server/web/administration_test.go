package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
)

func TestAdministrationIsForAdministratorsAlone(t *testing.T) {
	s := newSite(t, nil)
	number := &ccs.Number{Number: "1000"}
	if err := s.tables.Numbers.Put(t.Context(), number); err != nil {
		t.Fatal(err)
	}
	line := &ccs.Line{Number: "201", Name: "Reception"}
	if err := s.tables.Lines.Put(t.Context(), line); err != nil {
		t.Fatal(err)
	}
	trunk := &ccs.Trunk{Name: "Provider", Targets: []ccs.TrunkTarget{{Host: "sip.example.org"}}}
	if err := s.tables.Trunks.Put(t.Context(), trunk); err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{"numbers": number.ID, "lines": line.ID, "trunks": trunk.ID, "agents": s.users["bob"].ID}
	for _, login := range []string{"alice", "sam", ""} {
		b := s.browser()
		want := http.StatusSeeOther // to sign in
		if login != "" {
			b, want = s.as(login), http.StatusForbidden
		}
		for kind, id := range ids {
			for _, path := range []string{"", "/new", "/" + id, "/events"} {
				if r := b.get("/" + kind + path); r.StatusCode != want {
					t.Errorf("%q gets /%s%s: %s, want %d", login, kind, path, r.Status, want)
				}
			}
			for _, path := range []string{"/new", "/" + id, "/" + id + "/delete", "/" + id + "/doctor"} {
				if kind != "trunks" && strings.HasSuffix(path, "/doctor") {
					continue
				}
				if r := b.post("/"+kind+path, url.Values{"number": {"2000"}, "name": {"x"}}); r.StatusCode != want {
					t.Errorf("%q posts to /%s%s: %s, want %d", login, kind, path, r.Status, want)
				}
			}
		}
	}
	if n, err := s.tables.Numbers.Get(t.Context(), number.ID); err != nil || n.Number != "1000" {
		t.Errorf("the number is %+v, %v", n, err)
	}
}

func TestNumbersAreAddedChangedAndDeleted(t *testing.T) {
	changes := 0
	s := newSite(t, func(o *Options) { o.Changed = func(context.Context) error { changes++; return nil } })
	plan := &ccs.Plan{Name: "Main"}
	if err := s.tables.Plans.Put(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	b := s.as("admin")
	if r := b.get("/numbers"); !strings.Contains(r.body, "No numbers yet") {
		t.Error("the empty list does not say what numbers are")
	}
	r := b.post("/numbers/new", url.Values{"number": {"+33 (0)1 23-45.67 89"}, "label": {" Front desk "}, "planId": {plan.ID}})
	if r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/numbers" {
		t.Fatalf("added: %s %s", r.Status, r.Header.Get("Location"))
	}
	n, err := s.tables.Numbers.Find(t.Context(), "number", "+33123456789")
	if err != nil || n.Label != "Front desk" || n.PlanID != plan.ID {
		t.Fatalf("the number is %+v, %v", n, err)
	}
	if r := b.get("/numbers"); !strings.Contains(r.body, "refused until its plan is published") || !strings.Contains(r.body, "+33123456789") {
		t.Error("the list does not tell that the number was saved, and that its plan is not published")
	}
	if r := b.get("/numbers"); strings.Contains(r.body, "was saved") {
		t.Error("the notice is told twice")
	}

	// Somebody else was faster.
	stale := url.Values{"number": {"+33123456780"}, "revision": {"1"}}
	n.Label = "Theirs"
	if err := s.tables.Numbers.Put(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	r = b.post("/numbers/"+n.ID, stale)
	if r.StatusCode != http.StatusConflict || !strings.Contains(r.body, "Somebody else has changed this") ||
		!strings.Contains(r.body, `value="+33123456780"`) || !strings.Contains(r.body, `name="revision" value="2"`) {
		t.Errorf("a stale form: %s", r.Status)
	}
	stale.Set("revision", "2")
	if r := b.post("/numbers/"+n.ID, stale); r.StatusCode != http.StatusSeeOther {
		t.Errorf("saved again: %s", r.Status)
	}

	if r := b.post("/numbers/"+n.ID+"/delete", nil); r.StatusCode != http.StatusSeeOther {
		t.Errorf("deleted: %s", r.Status)
	}
	if _, err := s.tables.Numbers.Get(t.Context(), n.ID); err == nil {
		t.Error("the number is still there")
	}
	if changes != 3 {
		t.Errorf("calls were told of %d changes, want 3", changes)
	}
}

func TestBadNumbersSayWhatIsWrongAndKeepWhatWasTyped(t *testing.T) {
	s := newSite(t, nil)
	if err := s.tables.Lines.Put(t.Context(), &ccs.Line{Number: "201", Name: "Reception"}); err != nil {
		t.Fatal(err)
	}
	if err := s.tables.Numbers.Put(t.Context(), &ccs.Number{Number: "1000"}); err != nil {
		t.Fatal(err)
	}
	b := s.as("admin")
	for _, c := range []struct {
		form url.Values
		want string
	}{
		{url.Values{"label": {"My label"}}, "Fill in this field"},
		{url.Values{"number": {"<script>"}, "label": {"My label"}}, "Write a number with +"},
		{url.Values{"number": {"1000"}, "label": {"My label"}}, "in the list already"},
		{url.Values{"number": {"201"}, "label": {"My label"}}, "the number of the line “Reception”"},
		{url.Values{"number": {"300"}, "label": {"My label"}, "planId": {"nowhere"}}, "no longer exists"},
	} {
		r := b.post("/numbers/new", c.form)
		if r.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(r.body, c.want) {
			t.Errorf("%v: %s, want 422 and %q", c.form, r.Status, c.want)
		}
		if !strings.Contains(r.body, `value="My label"`) {
			t.Errorf("%v: what was typed is gone", c.form)
		}
	}
	if list, _, err := s.tables.Numbers.List(t.Context(), store.Query{}); err != nil || len(list) != 1 {
		t.Errorf("there are %d numbers, %v", len(list), err)
	}
}
