package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/alexedwards/argon2id"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sqlite"
	"github.com/carillon-cc/carillon/static"
	"github.com/carillon-cc/carillon/store"
)

const password = "correct horse"

// patience is how long is waited for what must happen. It happens in milliseconds,
// but the machine may be busy.
const patience = 30 * time.Second

// hashOnce spares the tests the time that a hash is meant to take.
var hashOnce = sync.OnceValues(func() (string, error) {
	return argon2id.CreateHash(password, &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32})
})

// site is a running web server over an empty store, with one user a role.
type site struct {
	*httptest.Server
	t      *testing.T
	web    *Web
	store  *breakable
	tables *store.Tables
	users  map[string]*ccs.User // by login
}

func newSite(t *testing.T, change func(*Options)) *site {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	broken := &breakable{Store: db}
	tables := store.NewTables(broken)
	if err := tables.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	o := Options{Tables: tables, Blobs: db.Blobs(), Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&o)
	}
	w, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	w.assets = builtAssets(t)
	s := &site{t: t, web: w, store: broken, tables: tables, users: map[string]*ccs.User{}}
	for login, role := range map[string]ccs.Role{
		"admin": ccs.RoleAdministrator, "sam": ccs.RoleSupervisor, "alice": ccs.RoleAgent, "bob": ccs.RoleAgent,
	} {
		user := &ccs.User{Login: login, Name: "Name of " + login, Role: role}
		hash, err := hashOnce()
		if err != nil {
			t.Fatal(err)
		}
		user.PasswordHash = hash
		if err := tables.Users.Put(t.Context(), user); err != nil {
			t.Fatal(err)
		}
		s.users[login] = user
	}
	s.Server = httptest.NewServer(w)
	t.Cleanup(s.Close)
	return s
}

// builtAssets stands for the files that npm builds, which tests do without.
func builtAssets(t *testing.T) *static.Assets {
	t.Helper()
	assets, err := static.Of(fstest.MapFS{
		"app.js": {Data: []byte("// app")}, "app.css": {Data: []byte("/* app */")}, "agent.js": {Data: []byte("// agent")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return assets
}

// breakable is a store that can be made to fail, as if it were away.
type breakable struct {
	store.Store
	away bool
}

var errAway = errors.New("the store is away")

func (b *breakable) Get(ctx context.Context, table, id string) (store.Document, error) {
	if b.away {
		return store.Document{}, errAway
	}
	return b.Store.Get(ctx, table, id)
}

func (b *breakable) List(ctx context.Context, table string, q store.Query) (store.Page, error) {
	if b.away {
		return store.Page{}, errAway
	}
	return b.Store.List(ctx, table, q)
}

// browser keeps cookies and does not follow redirects.
type browser struct {
	*http.Client
	s *site
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &browser{s: s, Client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}}
}

// as returns a browser in which somebody has signed in.
func (s *site) as(login string) *browser {
	s.t.Helper()
	b := s.browser()
	if r := b.post("/login", url.Values{"login": {login}, "password": {password}}); r.StatusCode != http.StatusSeeOther {
		s.t.Fatalf("sign in as %s: %s", login, r.Status)
	}
	return b
}

// answer is a response whose body was read.
type answer struct {
	*http.Response
	body string
}

func (b *browser) do(method, path string, body io.Reader, header map[string]string) answer {
	b.s.t.Helper()
	r, err := http.NewRequestWithContext(b.s.t.Context(), method, b.s.URL+path, body)
	if err != nil {
		b.s.t.Fatal(err)
	}
	for k, v := range header {
		r.Header.Set(k, v)
	}
	resp, err := b.Do(r)
	if err != nil {
		b.s.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		b.s.t.Fatal(err)
	}
	return answer{resp, string(data)}
}

func (b *browser) get(path string) answer {
	b.s.t.Helper()
	return b.do(http.MethodGet, path, nil, nil)
}

func (b *browser) post(path string, v url.Values) answer {
	b.s.t.Helper()
	return b.do(http.MethodPost, path, strings.NewReader(v.Encode()), map[string]string{
		"Content-Type": "application/x-www-form-urlencoded",
	})
}

// putCall stores a call that alice answered, changed by change.
func (s *site) putCall(change func(*ccs.CallRecord)) *ccs.CallRecord {
	s.t.Helper()
	start := time.Now().Add(-time.Hour)
	c := &ccs.CallRecord{
		Direction: "in", From: "+33123456789", To: "1000", Agent: s.users["alice"].ID,
		Started: start, Answered: start, Connected: start.Add(5 * time.Second), Ended: start.Add(65 * time.Second),
		EndedBy: "caller", Cause: "hangup",
	}
	if change != nil {
		change(c)
	}
	if err := s.tables.Calls.Put(s.t.Context(), c); err != nil {
		s.t.Fatal(err)
	}
	return c
}

// events reads a stream of server-sent events until it ends; each is what came
// after "data: ", a JSON object of HTML whose signs are read back.
func (b *browser) events(ctx context.Context, path string) <-chan string {
	b.s.t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.s.URL+path, nil)
	if err != nil {
		b.s.t.Fatal(err)
	}
	resp, err := b.Do(r)
	if err != nil {
		b.s.t.Fatal(err)
	}
	if kind := resp.Header.Get("Content-Type"); kind != "text/event-stream" {
		b.s.t.Fatalf("%s: %s %s", path, resp.Status, kind)
	}
	events := make(chan string)
	go func() {
		defer close(events)
		defer resp.Body.Close()
		lines := bufio.NewScanner(resp.Body)
		for lines.Scan() {
			data, ok := strings.CutPrefix(lines.Text(), "data: ")
			if !ok {
				continue
			}
			var found map[string]string
			if json.Unmarshal([]byte(data), &found) != nil {
				found = map[string]string{"": "bad JSON: " + data}
			}
			select {
			case events <- fmt.Sprint(found):
			case <-ctx.Done():
				return
			}
		}
	}()
	return events
}
