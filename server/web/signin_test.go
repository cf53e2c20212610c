package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestSignInLeadsToThePageOfOnesRole(t *testing.T) {
	s := newSite(t, nil)
	for login, want := range map[string]string{"admin": "/calls", "sam": "/calls", "alice": "/agent"} {
		r := s.as(login).get("/")
		if r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != want {
			t.Errorf("%s is sent to %q with %s, want %q", login, r.Header.Get("Location"), r.Status, want)
		}
	}
}

func TestSignInComesBackToTheWantedPageOnThisSiteOnly(t *testing.T) {
	s := newSite(t, nil)
	for next, want := range map[string]string{
		"/calls?number=12": "/calls?number=12", "": "/", "//evil.example": "/", `/\evil.example`: "/",
		"https://evil.example/": "/", "/a\r\nb": "/",
	} {
		r := s.browser().post("/login", url.Values{"login": {"sam"}, "password": {password}, "next": {next}})
		if got := r.Header.Get("Location"); got != want {
			t.Errorf("next=%q leads to %q, want %q", next, got, want)
		}
	}
}

func TestWrongLoginAndWrongPasswordGetTheSameAnswer(t *testing.T) {
	s := newSite(t, nil)
	login := func(name string) answer {
		return s.browser().post("/login", url.Values{"login": {name}, "password": {"not the password"}})
	}
	known, unknown := login("alice"), login("nobody")
	if known.StatusCode != http.StatusUnauthorized || unknown.StatusCode != http.StatusUnauthorized {
		t.Fatalf("got %s and %s, want 401", known.Status, unknown.Status)
	}
	if !strings.Contains(known.body, "do not go together") {
		t.Error("the page does not say that the sign-in failed")
	}
	if !strings.Contains(known.body, `value="alice"`) {
		t.Error("the page has lost the name that was typed")
	}
	if a, b := hideVaries(known.body, "alice"), hideVaries(unknown.body, "nobody"); a != b {
		t.Error("the answers differ")
	}
}

// hideVaries takes out what differs between any two pages.
func hideVaries(body, login string) string {
	body = strings.ReplaceAll(body, login, "LOGIN")
	for _, attribute := range []string{`nonce="`} {
		parts := strings.Split(body, attribute)
		for i := 1; i < len(parts); i++ {
			_, parts[i], _ = strings.Cut(parts[i], `"`)
		}
		body = strings.Join(parts, "")
	}
	return body
}

func TestSignInRefusesWhatCannotBeAPassword(t *testing.T) {
	s := newSite(t, nil)
	for name, v := range map[string]url.Values{
		"nothing":       {},
		"no password":   {"login": {"alice"}},
		"long password": {"login": {"alice"}, "password": {strings.Repeat("x", 5000)}},
		"long login":    {"login": {strings.Repeat("x", 5000)}, "password": {"y"}},
	} {
		if r := s.browser().post("/login", v); r.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s, want 422", name, r.Status)
		}
	}
	if r := s.browser().post("/login", url.Values{"login": {strings.Repeat("x", maxBody+1)}}); r.StatusCode != http.StatusBadRequest {
		t.Errorf("a huge form: %s, want 400", r.Status)
	}
}

// standStill has no time pass for the throttle, after which more guesses may be
// tried.
func (s *site) standStill() {
	now := time.Now()
	s.web.throttle.now = func() time.Time { return now }
}

func TestGuessingIsSlowedDownButTheUserIsNotLockedOut(t *testing.T) {
	source := "192.0.2.1"
	s := newSite(t, func(o *Options) { o.Source = func(*http.Request) string { return source } })
	s.as("alice") // from here before
	source = "198.51.100.9"
	s.standStill()
	guess := func() answer {
		return s.browser().post("/login", url.Values{"login": {"alice"}, "password": {"a wrong guess"}})
	}
	for i := range sourceBurst {
		if r := guess(); r.StatusCode != http.StatusUnauthorized {
			t.Fatalf("guess %d: %s, want 401", i, r.Status)
		}
	}
	r := guess()
	if r.StatusCode != http.StatusTooManyRequests || r.Header.Get("Retry-After") == "" {
		t.Fatalf("guess after the last: %s, Retry-After %q; want 429 and a time", r.Status, r.Header.Get("Retry-After"))
	}
	source = "192.0.2.1"
	s.as("alice")
}

func TestGuessesSentAtOnceAreCountedToo(t *testing.T) {
	const guesses = 60
	var asked atomic.Int64
	s := newSite(t, func(o *Options) {
		o.Source = func(*http.Request) string {
			asked.Add(1)
			return "192.0.2.1"
		}
	})
	s.standStill()
	for range cap(s.web.passwords.slots) { // all guesses have come before the first is looked at
		s.web.passwords.slots <- struct{}{}
	}
	var tried atomic.Int64
	var done sync.WaitGroup
	for range guesses {
		done.Go(func() {
			if r := s.browser().post("/login", url.Values{"login": {"alice"}, "password": {"a wrong guess"}}); r.StatusCode == http.StatusUnauthorized {
				tried.Add(1)
			}
		})
	}
	for limit := time.Now().Add(patience); asked.Load() < guesses; time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("%d of %d guesses have come", asked.Load(), guesses)
		}
	}
	time.Sleep(50 * time.Millisecond)
	for range cap(s.web.passwords.slots) {
		<-s.web.passwords.slots
	}
	done.Wait()
	if most := int64(sourceBurst + cap(s.web.passwords.slots)); tried.Load() > most {
		t.Errorf("%d of %d guesses were tried, at most %d may", tried.Load(), guesses, most)
	}
}

func TestSignOutClosesTheSocketsOfTheSession(t *testing.T) {
	opened := make(chan context.Context, 2)
	s := newSite(t, func(o *Options) {
		o.Socket = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			opened <- r.Context()
			select {
			case <-r.Context().Done():
			case <-time.After(2 * patience):
			}
		})
	})
	open := func(b *browser) context.Context {
		go func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/ws", nil)
			if err != nil {
				return
			}
			if resp, err := b.Do(r); err == nil {
				_ = resp.Body.Close()
			}
		}()
		return <-opened
	}
	other, b := s.as("alice"), s.as("alice")
	others, own := open(other), open(b)
	b.post("/logout", nil)
	select {
	case <-own.Done():
	case <-time.After(patience):
		t.Fatal("the socket outlives the session")
	}
	if others.Err() != nil {
		t.Error("the socket of another session was closed with it")
	}
	other.post("/logout", nil)
	select {
	case <-others.Done():
	case <-time.After(patience):
		t.Error("the socket outlives its session")
	}
}

func TestSignOutEndsTheSessionOnTheServer(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("sam")
	here, _ := url.Parse(s.URL)
	cookies := b.Jar.Cookies(here)
	if r := b.post("/logout", nil); r.StatusCode != http.StatusSeeOther {
		t.Fatalf("sign out: %s", r.Status)
	}
	b.Jar.SetCookies(here, cookies) // somebody kept the cookie
	if r := b.get("/calls"); r.StatusCode != http.StatusSeeOther || !strings.HasPrefix(r.Header.Get("Location"), "/login") {
		t.Errorf("the old cookie still opens a page: %s", r.Status)
	}
}

func TestSessionCookieIsKeptFromScriptsAndOtherSites(t *testing.T) {
	for _, secure := range []bool{false, true} {
		s := newSite(t, func(o *Options) { o.Secure = secure })
		r := s.browser().post("/login", url.Values{"login": {"sam"}, "password": {password}})
		cookie := r.Header.Get("Set-Cookie")
		if !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") {
			t.Errorf("cookie is %q", cookie)
		}
		if strings.Contains(cookie, "Secure") != secure {
			t.Errorf("with Secure=%v the cookie is %q", secure, cookie)
		}
	}
}

func TestStoredSessionsDoNotSignIn(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("sam")
	here, _ := url.Parse(s.URL)
	token := b.Jar.Cookies(here)[0].Value
	if _, err := s.tables.Sessions.Get(t.Context(), token); err == nil {
		t.Error("the store holds the cookie's token itself")
	}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("sam")
	r := b.do(http.MethodPost, "/logout", nil, map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"})
	if r.StatusCode != http.StatusForbidden {
		t.Fatalf("got %s, want 403", r.Status)
	}
	if r := b.get("/calls"); r.StatusCode != http.StatusOK {
		t.Errorf("after it the user is signed out: %s", r.Status)
	}
}

func TestDeletedUserIsSignedOut(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("sam")
	if err := s.tables.Users.Delete(t.Context(), s.users["sam"]); err != nil {
		t.Fatal(err)
	}
	if r := b.get("/calls"); r.StatusCode != http.StatusSeeOther {
		t.Errorf("got %s, want to be sent to sign in", r.Status)
	}
}

func TestPeopleStaySignedInWhileTheStoreIsAway(t *testing.T) {
	down := false
	s := newSite(t, func(o *Options) { o.StoreDown = func() bool { return down } })
	b := s.as("alice")
	if r := b.get("/agent"); r.StatusCode != http.StatusOK {
		t.Fatalf("before: %s", r.Status)
	}
	s.store.away, down = true, true
	r := b.get("/agent")
	if r.StatusCode != http.StatusOK || !strings.Contains(r.body, "database cannot be reached") {
		t.Errorf("got %s; want the desk, and a word about the database", r.Status)
	}
	if r := b.get("/calls"); r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("the list of calls: %s, want 503", r.Status)
	}
}
