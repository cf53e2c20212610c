package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// openSocket has a browser open a socket, of which the server tells opened.
func (s *site) openSocket(b *browser, opened <-chan string) {
	s.t.Helper()
	go func() {
		r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.URL+"/ws", nil)
		if err != nil {
			return
		}
		if resp, err := b.Do(r); err == nil {
			_ = resp.Body.Close()
		}
	}()
	select {
	case <-opened:
	case <-time.After(patience):
		s.t.Fatal("the socket was not opened")
	}
}

// Whoever is deleted, gets another password or another role is cut off in all
// sessions, and nobody else.
func TestOpenSocketsEndWhenTheirUserMayNoMore(t *testing.T) {
	for name, change := range map[string]func(*site, *browser, *ccs.User){
		"deleted": func(s *site, admin *browser, u *ccs.User) {
			if r := admin.post("/agents/"+u.ID+"/delete", nil); r.StatusCode != http.StatusSeeOther {
				s.t.Errorf("deleted: %s", r.Status)
			}
		},
		"another password": func(s *site, admin *browser, u *ccs.User) {
			form := agentForm(url.Values{"login": {u.Login}, "password": {"another good one"}, "userRevision": {"1"}, "revision": {"0"}})
			if r := admin.post("/agents/"+u.ID, form); r.StatusCode != http.StatusSeeOther {
				s.t.Errorf("saved: %s: %s", r.Status, r.body)
			}
		},
		"another role": func(s *site, _ *browser, u *ccs.User) {
			now := *u
			now.Role = ccs.RoleSupervisor
			if err := s.tables.Users.Put(s.t.Context(), &now); err != nil {
				s.t.Error(err)
			}
			s.web.userChanged(u, &now)
		},
	} {
		t.Run(name, func(t *testing.T) {
			opened, closed, cut := make(chan string, 4), make(chan string, 4), make(chan string, 4)
			s := newSite(t, func(o *Options) {
				o.CutOff = func(user string) { cut <- user }
				o.Socket = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					login := UserFrom(r.Context()).Login
					opened <- login
					<-r.Context().Done()
					closed <- login
				})
			})
			first, second, other := s.as("alice"), s.as("alice"), s.as("bob")
			for _, b := range []*browser{first, second, other} {
				s.openSocket(b, opened)
			}
			alice := s.users["alice"]
			change(s, s.as("admin"), alice)
			for range 2 {
				select {
				case login := <-closed:
					if login != "alice" {
						t.Errorf("the socket of %s was closed", login)
					}
				case <-time.After(patience):
					t.Fatal("a socket is still open")
				}
			}
			if got := <-cut; got != alice.ID {
				t.Errorf("%s was cut off", got)
			}
			if r := other.post("/logout", nil); r.StatusCode != http.StatusSeeOther {
				t.Errorf("somebody else is signed out: %s", r.Status)
			}
			if login := <-closed; login != "bob" || len(cut) != 0 {
				t.Errorf("then the socket of %s was closed; %d more were cut off", login, len(cut))
			}
		})
	}
}

func TestAnAgentWhoIsOnlyRenamedKeepsTheSockets(t *testing.T) {
	s := newSite(t, func(o *Options) { o.CutOff = func(string) { t.Error("cut off") } })
	form := agentForm(url.Values{"login": {"alice"}, "password": {""}, "name": {"Alicia"}, "userRevision": {"1"}, "revision": {"0"}})
	if r := s.as("admin").post("/agents/"+s.users["alice"].ID, form); r.StatusCode != http.StatusSeeOther {
		t.Fatalf("saved: %s: %s", r.Status, r.body)
	}
}

// A stream that an administrator has open shows nothing more once they are none.
func TestStreamsEndWithTheRole(t *testing.T) {
	s := newSite(t, nil)
	if err := s.tables.Lines.Put(t.Context(), &ccs.Line{Number: "201", Name: "Reception"}); err != nil {
		t.Fatal(err)
	}
	b := s.as("admin")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	events := b.events(ctx, "/lines/events")
	<-events
	now := *s.users["admin"]
	now.Role = ccs.RoleAgent
	if err := s.tables.Users.Put(t.Context(), &now); err != nil {
		t.Fatal(err)
	}
	s.web.userChanged(s.users["admin"], &now)
	if more, open := <-events; open || ctx.Err() != nil {
		t.Errorf("there was %q, or the stream goes on", more)
	}
	if r := b.get("/lines/events"); r.StatusCode != http.StatusForbidden {
		t.Errorf("a new stream: %s", r.Status)
	}
}

// Between the moment a user was looked up and the moment their socket is among
// those that are ended, anything may have happened.
func TestASocketThatIsOpenedMeanwhileIsNotMissed(t *testing.T) {
	for name, change := range map[string]func(*site, *browser, ccs.User){
		"signed out": func(_ *site, b *browser, _ ccs.User) { b.post("/logout", nil) },
		"deleted":    func(s *site, _ *browser, u ccs.User) { _ = s.tables.Users.Delete(s.t.Context(), &u) },
		"another password": func(s *site, _ *browser, u ccs.User) {
			u.PasswordHash = "another"
			_ = s.tables.Users.Put(s.t.Context(), &u)
		},
		"another role": func(s *site, _ *browser, u ccs.User) {
			u.Role = ccs.RoleSupervisor
			_ = s.tables.Users.Put(s.t.Context(), &u)
		},
		"nothing": nil,
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, nil)
			b := s.as("alice")
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/ws", nil)
			here, _ := url.Parse(s.URL)
			for _, cookie := range b.Jar.Cookies(here) {
				r.AddCookie(cookie)
			}
			user, err := s.web.loadUser(r)
			if err != nil || user == nil {
				t.Fatalf("the user is %v, %v", user, err)
			}
			if change != nil {
				change(s, b, *user)
			}
			ctx, done, err := s.web.holds(r, user)
			if err != nil || (done != nil) != (change == nil) {
				t.Errorf("the socket is open: %v, %v", done != nil, err)
			}
			if done != nil {
				done()
				if ctx.Err() == nil {
					t.Error("the context goes on")
				}
			}
			if n := len(s.web.sockets.open); n != 0 {
				t.Errorf("%d sockets are kept", n)
			}
		})
	}
}
