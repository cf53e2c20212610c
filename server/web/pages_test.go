package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/static"
)

func TestRolesDecideWhichPagesOpen(t *testing.T) {
	s := newSite(t, nil)
	mine := s.putCall(nil)
	others := s.putCall(func(c *ccs.CallRecord) { c.Agent = s.users["bob"].ID })
	transferred := s.putCall(func(c *ccs.CallRecord) {
		c.Agent = s.users["bob"].ID
		c.Events = []ccs.CallEvent{{Kind: ccs.EventConnected, Agent: s.users["alice"].ID, At: c.Connected}}
	})
	for _, c := range []struct {
		login, path string
		want        int
	}{
		{"", "/", 303},
		{"", "/agent", 303},
		{"", "/calls", 303},
		{"", "/calls/" + mine.ID, 303},
		{"", "/recordings/x/audio", 303},
		{"alice", "/agent", 200},
		{"alice", "/agent/today", 200},
		{"alice", "/calls", 200},
		{"alice", "/calls/" + mine.ID, 200},
		{"alice", "/calls/" + transferred.ID, 200},
		{"alice", "/calls/" + others.ID, 403},
		{"sam", "/calls/" + others.ID, 200},
		{"sam", "/agent", 403},
		{"admin", "/calls/" + others.ID, 200},
		{"admin", "/agent", 403},
		{"admin", "/calls/nothing", 404},
		{"admin", "/nowhere", 404},
		{"", "/nowhere", 404},
	} {
		b := s.browser()
		if c.login != "" {
			b = s.as(c.login)
		}
		if r := b.get(c.path); r.StatusCode != c.want {
			t.Errorf("%q opens %s: %s, want %d", c.login, c.path, r.Status, c.want)
		}
	}
}

func TestAgentsSeeTheirOwnCallsOnly(t *testing.T) {
	s := newSite(t, nil)
	s.putCall(func(c *ccs.CallRecord) { c.From = "+33100000001" })
	s.putCall(func(c *ccs.CallRecord) { c.From = "+33100000002"; c.Agent = s.users["bob"].ID })
	for path := range map[string]bool{"/calls": true, "/calls?agent=" + s.users["bob"].ID: true} {
		body := s.as("alice").get(path).body
		if !strings.Contains(body, "+33100000001") || strings.Contains(body, "+33100000002") {
			t.Errorf("%s shows alice other calls than hers", path)
		}
	}
}

func TestCallsAreFiltered(t *testing.T) {
	s := newSite(t, nil)
	queue := &ccs.Queue{Name: "Sales"}
	if err := s.tables.Queues.Put(t.Context(), queue); err != nil {
		t.Fatal(err)
	}
	noon := time.Date(2025, 3, 10, 12, 0, 0, 0, time.Local)
	put := func(from string, day int, queueID, agent string) {
		s.putCall(func(c *ccs.CallRecord) {
			c.From, c.Queue, c.Agent, c.Started = from, queueID, agent, noon.AddDate(0, 0, day)
		})
	}
	put("+33111", 0, queue.ID, s.users["alice"].ID)
	put("+33222", 1, "", s.users["bob"].ID)
	put("+33333", 2, queue.ID, "")
	b := s.as("sam")
	for query, want := range map[string]string{
		"":                                      "+33111 +33222 +33333",
		"number=222":                            "+33222",
		"number=" + url.QueryEscape("+33 22-2"): "+33222",
		"number=1000":                           "+33111 +33222 +33333",
		"queue=" + queue.ID:                     "+33111 +33333",
		"agent=" + s.users["bob"].ID:            "+33222",
		"from=2025-03-11":                       "+33222 +33333",
		"to=2025-03-11":                         "+33111 +33222",
		"from=2025-03-11&to=2025-03-11":         "+33222",
		"number=999":                            "",
	} {
		body := b.get("/calls?" + query).body
		var got []string
		for _, from := range []string{"+33111", "+33222", "+33333"} {
			if strings.Contains(body, from) {
				got = append(got, from)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q finds %v, want %q", query, got, want)
		}
	}
}

func TestBadFiltersSayWhatIsWrongAndKeepWhatWasTyped(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("sam")
	for query, want := range map[string]string{
		"from=yesterday":                    "“yesterday” is not a date",
		"to=2025-02-30":                     "“2025-02-30” is not a date",
		"from=2025-03-02&to=2025-03-01":     "The last day is before the first",
		"number=%3Cscript%3E":               "A number has only digits",
		"number=" + strings.Repeat("1", 41): "A number has only digits",
	} {
		r := b.get("/calls?" + query)
		if r.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(r.body, want) {
			t.Errorf("%q: %s, want 422 and %q", query, r.Status, want)
		}
	}
	if r := b.get("/calls?from=yesterday"); !strings.Contains(r.body, `value="yesterday"`) {
		t.Error("what was typed is gone")
	}
}

func TestCallsArePaged(t *testing.T) {
	s := newSite(t, nil)
	start := time.Now().Add(-24 * time.Hour)
	for i := range callsOnPage + 3 {
		s.putCall(func(c *ccs.CallRecord) {
			c.From, c.Started = fmt.Sprintf("+331%04d", i), start.Add(time.Duration(i)*time.Minute)
		})
	}
	b := s.as("sam")
	first := b.get("/calls")
	if n := strings.Count(first.body, `data-testid="call-row"`); n != callsOnPage {
		t.Fatalf("the first page has %d rows, want %d", n, callsOnPage)
	}
	more := regexp.MustCompile(`href="(/calls\?after=[^"]+)"`).FindStringSubmatch(first.body)
	if more == nil {
		t.Fatal("there is no link to the next page")
	}
	second := b.do(http.MethodGet, strings.ReplaceAll(more[1], "&amp;", "&"), nil, map[string]string{"HX-Request": "true"})
	if n := strings.Count(second.body, `data-testid="call-row"`); n != 3 {
		t.Errorf("the second page has %d rows, want 3", n)
	}
	if strings.Contains(second.body, "<html") || strings.Contains(second.body, `id="more"`) {
		t.Error("the second page is more than its rows")
	}
}

func TestEmptyListTellsHowToMakeTheFirstCall(t *testing.T) {
	s := newSite(t, func(o *Options) { o.SIPPort = 5070 })
	plan := &ccs.Plan{Name: "Demo", Published: "v1"}
	if err := s.tables.Plans.Put(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	if err := s.tables.Numbers.Put(t.Context(), &ccs.Number{Number: "1000", PlanID: plan.ID}); err != nil {
		t.Fatal(err)
	}
	body := s.as("admin").get("/calls").body
	if !strings.Contains(body, "carillon call sip:1000@127.0.0.1:5070") {
		t.Error("the page does not say how to call")
	}
}

func TestPagesSpeakTheViewersLanguage(t *testing.T) {
	s := newSite(t, nil)
	french := map[string]string{"Accept-Language": "fr-CH, fr;q=0.9, en;q=0.5"}
	if r := s.browser().do(http.MethodGet, "/login", nil, french); !strings.Contains(r.body, `lang="fr"`) || !strings.Contains(r.body, "Connexion") {
		t.Error("Accept-Language is ignored")
	}
	b := s.browser()
	if r := b.post("/language", url.Values{"language": {"en"}, "back": {"/login"}}); r.Header.Get("Location") != "/login" {
		t.Errorf("the choice leads to %q", r.Header.Get("Location"))
	}
	if r := b.do(http.MethodGet, "/login", nil, french); !strings.Contains(r.body, "Sign in") {
		t.Error("the choice in the browser is ignored")
	}
	alice := s.as("alice")
	alice.post("/language", url.Values{"language": {"fr"}, "back": {"/agent"}})
	if r := s.as("alice").get("/agent"); !strings.Contains(r.body, "Poste de l’agent") {
		t.Error("the user's language is not kept for their next browser")
	}
	if r := alice.post("/language", url.Values{"language": {"xx"}}); r.StatusCode != http.StatusBadRequest {
		t.Errorf("an unknown language: %s, want 400", r.Status)
	}
}

func TestEveryPageForbidsForeignScriptsAndFrames(t *testing.T) {
	s := newSite(t, nil)
	r := s.as("alice").get("/agent")
	policy := r.Header.Get("Content-Security-Policy")
	nonce := regexp.MustCompile(`script-src 'nonce-([^']+)'`).FindStringSubmatch(policy)
	if nonce == nil || !strings.Contains(policy, "frame-ancestors 'none'") || !strings.Contains(policy, "default-src 'none'") {
		t.Fatalf("policy is %q", policy)
	}
	if r.Header.Get("X-Frame-Options") != "DENY" || r.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Error("frames or sniffing are allowed")
	}
	for _, tag := range regexp.MustCompile(`<script[^>]*>`).FindAllString(r.body, -1) {
		if !strings.Contains(tag, `nonce="`+nonce[1]+`"`) {
			t.Errorf("%s lacks the nonce", tag)
		}
	}
	if found := regexp.MustCompile(` (style|on[a-z]+)="`).FindString(r.body); found != "" {
		t.Errorf("the page has an inline %s", found)
	}
	if again := s.as("alice").get("/agent").Header.Get("Content-Security-Policy"); again == policy {
		t.Error("two pages share a nonce")
	}
}

func TestWithoutBuiltAssetsPagesSayHowToBuildThem(t *testing.T) {
	s := newSite(t, nil)
	empty, err := static.Of(fstest.MapFS{".keep": {}})
	if err != nil {
		t.Fatal(err)
	}
	s.web.assets = empty
	r := s.browser().get("/login")
	if r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(r.body, "npm run build") {
		t.Errorf("got %s: %s", r.Status, r.body)
	}
}

func TestAFaultInAPageIsToldAndTheServerLivesOn(t *testing.T) {
	s := newSite(t, nil)
	s.web.HandleFor("GET /fault", []ccs.Role{ccs.RoleAdministrator}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		panic("fault")
	}))
	if r := s.as("admin").get("/fault"); r.StatusCode != http.StatusInternalServerError || !strings.Contains(r.body, "went wrong") {
		t.Errorf("got %s", r.Status)
	}
}

func TestAnAddressThatCannotBeIsRefusedAndNotAFaultOfOurs(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("sam")
	for _, path := range []string{
		"/calls?after=nonsense", "/calls?queue=%00", "/calls?agent=%ff", "/calls?queue=" + strings.Repeat("x", 2000),
	} {
		if r := b.get(path); r.StatusCode != http.StatusBadRequest {
			t.Errorf("%.40s: %s, want 400", path, r.Status)
		}
	}
}

func TestSocketIsForOurOwnPagesAndThoseSignedIn(t *testing.T) {
	var user *ccs.User
	s := newSite(t, func(o *Options) {
		o.Socket = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			user = UserFrom(r.Context())
			if _, ok := rw.(http.Hijacker); !ok {
				t.Error("a WebSocket cannot take the connection over")
			}
		})
	})
	if r := s.browser().get("/ws"); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("nobody gets %s, want 401", r.Status)
	}
	b := s.as("alice")
	if r := b.do(http.MethodGet, "/ws", nil, map[string]string{"Origin": "https://evil.example"}); r.StatusCode != http.StatusForbidden {
		t.Errorf("another site gets %s, want 403", r.Status)
	}
	if r := b.do(http.MethodGet, "/ws", nil, map[string]string{"Origin": s.URL}); r.StatusCode != http.StatusOK || user == nil || user.Login != "alice" {
		t.Errorf("our own page gets %s as %v", r.Status, user)
	}
	if r := b.get("/session"); r.StatusCode != http.StatusNoContent {
		t.Errorf("/session: %s, want 204", r.Status)
	}
	if r := s.browser().get("/session"); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("/session for nobody: %s, want 401", r.Status)
	}
}

func TestTextsForScriptsAreJSONAndCannotEndTheirBlock(t *testing.T) {
	s := newSite(t, nil)
	body := s.as("alice").get("/agent").body
	_, block, ok := strings.Cut(body, `id="texts"`)
	if !ok {
		t.Fatal("there is no block of texts")
	}
	_, block, _ = strings.Cut(block, ">")
	block, _, _ = strings.Cut(block, "</script>")
	var texts map[string]string
	if err := json.Unmarshal([]byte(block), &texts); err != nil || texts["desk.accept"] != "Accept" {
		t.Errorf("texts are %v: %v", texts["desk.accept"], err)
	}
}

func TestMountedHandlersNeedNoSignIn(t *testing.T) {
	s := newSite(t, nil)
	s.web.Handle("GET /healthz", http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte("ok")) }))
	rec := httptest.NewRecorder()
	s.web.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/healthz", nil))
	if rec.Body.String() != "ok" {
		t.Errorf("got %q", rec.Body)
	}
}
