package web

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// fixedAlarms is telephony of which only the alarms matter.
type fixedAlarms struct {
	noTelephony
	alarms []Alarm
}

func (f *fixedAlarms) Alarms() []Alarm { return f.alarms }

func TestStoppedCallsAreToldInWords(t *testing.T) {
	phones := &fixedAlarms{}
	s := newSite(t, func(o *Options) { o.Telephony = phones })
	trunk := &ccs.Trunk{Name: "Provider", Targets: []ccs.TrunkTarget{{Host: "a.example"}}}
	other := &ccs.Trunk{Name: "Other", Targets: []ccs.TrunkTarget{{Host: "b.example"}}}
	line := &ccs.Line{Number: "201", Name: "Reception"}
	for _, err := range []error{s.tables.Trunks.Put(t.Context(), trunk), s.tables.Trunks.Put(t.Context(), other), s.tables.Lines.Put(t.Context(), line)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	b := s.as("admin")
	if r := b.get("/trunks"); !strings.Contains(r.body, "No guard has stopped a call") || strings.Contains(r.body, `data-testid="alarm"`) {
		t.Error("without alarms the page does not say so quietly")
	}
	if r := b.get("/trunks/" + trunk.ID); strings.Contains(r.body, "were stopped") || !strings.Contains(r.body, `data-part="alarms-`+trunk.ID+`"></div>`) {
		t.Error("the page of a trunk without alarms speaks of them")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	events := b.events(ctx, "/trunks/events")
	<-events

	now := time.Now()
	alice := s.users["alice"].ID
	phones.alarms = []Alarm{
		{At: now, Trunk: trunk.ID, Guard: "prefix", By: alice, Number: "+44 20 <b>7946"},
		{At: now.Add(-time.Minute), Trunk: other.ID, Guard: "premium", By: line.ID, Number: "+33899123456"},
		{At: now.Add(-2 * time.Minute), Trunk: trunk.ID, Guard: "prefix", By: alice, Number: "+4420000000"},
		{At: now.Add(-3 * time.Minute), Trunk: "deleted", Guard: "daily", By: "deleted"},
		{At: now.Add(-4 * time.Minute), Trunk: trunk.ID, Guard: "blocked", Number: "+3389", Forward: true},
		{At: now.Add(-5 * time.Minute), Trunk: trunk.ID, Guard: "of the future", By: alice},
	}
	s.web.Refresh()
	if pushed := <-events; !strings.Contains(pushed, "Name of alice called +44 20 &lt;b&gt;7946.") || !strings.Contains(pushed, "A call out was stopped") {
		t.Errorf("pushed: %s", pushed)
	}
	for _, c := range []struct {
		path, language string
		alarms         int
		want, never    []string
	}{
		{"/trunks", "en", 5, []string{
			"Name of alice called", "2 times by now", "The trunk’s allowed destinations do not include it.", "The call was not made.",
			"add the beginning of the number", "/trunks/" + trunk.ID + "#trunk-outgoing", ">Trunk Provider<", "Line 201 Reception called +33899123456.",
			"A trunk that was deleted", "Somebody who was deleted called outside.", "midnight UTC", "A plan called somebody who forwards calls to +3389.",
		}, []string{"<b>7946", "+4420000000", "guard.", "of the future"}},
		{"/trunks/" + trunk.ID, "fr", 3, []string{
			"Appels arrêtés", "Name of alice a appelé le", "2 fois à ce jour", "Un plan a appelé quelqu’un qui renvoie", "L’appel n’a pas été passé.",
		}, []string{"+33899123456", "Reception", "guard."}},
	} {
		r := b.do(http.MethodGet, c.path, nil, map[string]string{"Accept-Language": c.language})
		if n := strings.Count(r.body, `data-testid="alarm"`); n != c.alarms {
			t.Errorf("%s: %d alarms, want %d", c.path, n, c.alarms)
		}
		for _, want := range c.want {
			if !strings.Contains(r.body, want) {
				t.Errorf("%s does not say %q", c.path, want)
			}
		}
		for _, never := range c.never {
			if strings.Contains(r.body, never) {
				t.Errorf("%s says %q", c.path, never)
			}
		}
	}
	// The newest comes first.
	if body := b.get("/trunks").body; strings.Index(body, "Name of alice called") > strings.Index(body, "Line 201 Reception called") {
		t.Error("the newest is not the first")
	}
	// Numbers are for administrators alone.
	for _, login := range []string{"sam", "alice"} {
		for _, path := range []string{"/trunks", "/trunks/events", "/trunks/" + trunk.ID} {
			if r := s.as(login).get(path); r.StatusCode != http.StatusForbidden || strings.Contains(r.body, "+33899123456") {
				t.Errorf("%s gets %s: %s", login, path, r.Status)
			}
		}
	}
}

func TestEveryGuardHasItsWords(t *testing.T) {
	s := newSite(t, nil)
	for _, guard := range []string{"number", "prefix", "blocked", "premium", "calls", "outgoing", "daily", "agent"} {
		for _, language := range []string{"en", "fr"} {
			if texts := s.web.catalogue.Texts(language); !texts.Has("guard."+guard) || !texts.Has("guard."+guard+".do") {
				t.Errorf("%s has no words for the guard %s", language, guard)
			}
		}
	}
}
