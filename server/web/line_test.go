package web

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// fixedLines is telephony of which only the lines matter.
type fixedLines struct {
	noTelephony
	states []LineState
}

func (f *fixedLines) Lines() []LineState { return f.states }

func TestANewLineGetsAPasswordThatIsShownOnce(t *testing.T) {
	s := newSite(t, func(o *Options) { o.SIPPort, o.SIPTLSPort = 5070, 5071 })
	b := s.as("admin")
	r := b.post("/lines/new", url.Values{"number": {"201"}, "name": {"Reception"}, "passwordKind": {"generate"}})
	if r.StatusCode != http.StatusOK || r.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("got %s, %s", r.Status, r.Header.Get("Cache-Control"))
	}
	found := regexp.MustCompile(`id="setting-password"[^>]*>([^<]+)<`).FindStringSubmatch(r.body)
	if found == nil {
		t.Fatal("the password is not shown")
	}
	for _, want := range []string{">127.0.0.1<", ">5070<", ">5071<", ">201<"} {
		if !strings.Contains(r.body, want) {
			t.Errorf("the settings lack %s", want)
		}
	}
	l, err := s.tables.Lines.Find(t.Context(), "number", "201")
	if err != nil || l.Secrets != ccs.NewLineSecrets("201", found[1]) || weakness(found[1], "201", "Reception") != "" {
		t.Errorf("the line is %+v, %v; the password %q", l, err, found[1])
	}
	if r := b.get("/lines/" + l.ID); strings.Contains(r.body, found[1]) || strings.Contains(r.body, l.Secrets.MD5) {
		t.Error("the page of the line tells its password")
	}
}

// A telephone reaches no server by a name that means every machine itself.
func TestATelephoneIsToldAnAddressThatItCanReach(t *testing.T) {
	l := &ccs.Line{Number: "201", Name: "Reception"}
	for _, c := range []struct{ browsed, own, want string }{
		{"localhost:8080", "192.0.2.7", "192.0.2.7"},
		{"127.0.0.1:8080", "192.0.2.7", "192.0.2.7"},
		{"[::1]:8080", "192.0.2.7", "192.0.2.7"},
		{"localhost:8080", "", "localhost"},
		{"cc.example.org", "192.0.2.7", "cc.example.org"},
		{"[2001:db8::1]:8080", "192.0.2.7", "2001:db8::1"},
	} {
		s := newSite(t, func(o *Options) { o.SIPHost = c.own })
		if got := s.web.lineSettings(&http.Request{Host: c.browsed}, l).Server; got != c.want {
			t.Errorf("browsed at %s: %s, want %s", c.browsed, got, c.want)
		}
	}
}

func TestALineKeepsItsPasswordUntilItsNumberChanges(t *testing.T) {
	s := newSite(t, nil)
	l := &ccs.Line{Number: "201", Name: "Reception", Secrets: ccs.NewLineSecrets("201", "a good one 1")}
	if err := s.tables.Lines.Put(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	b := s.as("admin")
	form := url.Values{"number": {"201"}, "name": {"Front desk"}, "passwordKind": {"keep"}, "revision": {"1"}, "outside": {"on"}, "forward": {"+33 6 12 34 56 78"}}
	if r := b.post("/lines/"+l.ID, form); r.StatusCode != http.StatusSeeOther {
		t.Fatalf("got %s: %s", r.Status, r.body)
	}
	got, err := s.tables.Lines.Get(t.Context(), l.ID)
	if err != nil || got.Secrets != l.Secrets || got.Name != "Front desk" || !got.Outside || got.Forward != "+33612345678" {
		t.Errorf("the line is %+v, %v", got, err)
	}
	form.Set("number", "202")
	form.Set("revision", "2")
	if r := b.post("/lines/"+l.ID, form); r.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(r.body, "The number has changed") {
		t.Errorf("with another number: %s", r.Status)
	}
	form.Set("passwordKind", "own")
	form.Set("password", "Violet7umbrella")
	r := b.post("/lines/"+l.ID, form)
	if r.StatusCode != http.StatusOK {
		t.Fatalf("with a password of its own: %s", r.Status)
	}
	if got, err := s.tables.Lines.Get(t.Context(), l.ID); err != nil || got.Secrets != ccs.NewLineSecrets("202", "Violet7umbrella") {
		t.Errorf("the line is %+v, %v", got, err)
	}
}

func TestWeakPasswordsOfLinesAreRefused(t *testing.T) {
	for password, want := range map[string]ccs.Code{
		"short1": "length", strings.Repeat("aB3x9Q", 11): "length", "12345678901234": "digitsOnly", "aaaaaaaaaaab": "repeated",
		"x7Reception!": "guessable", "my2201line-q": "guessable", "Password-8812": "guessable", "späte7umbrella": "characters",
		"two words 7x": "characters", "Violet7umbrella": "",
	} {
		if got := weakness(password, "2201", "Reception"); got != want {
			t.Errorf("%q: %q, want %q", password, got, want)
		}
	}
}

func TestALineInUseIsNotDeleted(t *testing.T) {
	s := newSite(t, nil)
	l := &ccs.Line{Number: "201", Name: "Reception"}
	if err := s.tables.Lines.Put(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	agent := &ccs.Agent{Meta: ccs.Meta{ID: s.users["alice"].ID}, Device: ccs.Device{Kind: ccs.DeviceLine, Line: l.ID}}
	if err := s.tables.Agents.Put(t.Context(), agent); err != nil {
		t.Fatal(err)
	}
	plan := &ccs.Plan{Name: "Nights", Draft: ccs.Flow{Steps: []ccs.Step{{Otherwise: []ccs.Action{{Bridge: &ccs.Bridge{Line: l.ID}}}}}}}
	if err := s.tables.Plans.Put(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	b := s.as("admin")
	r := b.post("/lines/"+l.ID+"/delete", nil)
	if r.StatusCode != http.StatusSeeOther || !strings.HasPrefix(r.Header.Get("Location"), "/lines/"+l.ID) {
		t.Errorf("got %s", r.Status)
	}
	page := b.get("/lines/" + l.ID)
	for _, want := range []string{"It was not deleted", "Device of the agent Name of alice", "Plan “Nights”"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(page.body, `data-testid="delete"`) {
		t.Error("the page offers to delete the line")
	}
}

// The pages learn of a telephone that signs on without asking for it.
func TestLinesAreShownLive(t *testing.T) {
	phones := &fixedLines{}
	s := newSite(t, func(o *Options) { o.Telephony = phones })
	l := &ccs.Line{Number: "201", Name: "Reception", Secrets: ccs.NewLineSecrets("201", "x")}
	if err := s.tables.Lines.Put(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	b := s.as("admin")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	events := b.events(ctx, "/lines/events")
	if first := <-events; !strings.Contains(first, "No telephone") {
		t.Errorf("first: %q", first)
	}
	phones.states = []LineState{{Line: l.ID, Contacts: []Contact{{UserAgent: "Desk <b>phone</b>", Address: "192.0.2.7:5062", Transport: "TCP"}}}}
	s.web.Refresh()
	if next := <-events; !strings.Contains(next, "Signed on") || !strings.Contains(next, "192.0.2.7:5062") || strings.Contains(next, "<b>phone") {
		t.Errorf("then: %q", next)
	}
	// Who signs out learns no more.
	if r := b.post("/logout", nil); r.StatusCode != http.StatusSeeOther {
		t.Fatal(r.Status)
	}
	if more, open := <-events; open {
		t.Errorf("after signing out: %q", more)
	}
}

func TestStreamsEndWithTheServer(t *testing.T) {
	s := newSite(t, nil)
	if err := s.tables.Lines.Put(t.Context(), &ccs.Line{Number: "201", Name: "Reception"}); err != nil {
		t.Fatal(err)
	}
	events := s.as("admin").events(t.Context(), "/lines/events")
	<-events
	s.web.EndStreams()
	s.web.EndStreams()
	select {
	case _, open := <-events:
		if open {
			t.Error("there was another event")
		}
	case <-time.After(patience):
		t.Error("the stream goes on")
	}
	if n := len(s.web.live.wake); n != 0 {
		t.Errorf("%d streams are still woken", n)
	}
}
