package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/carillon-cc/carillon/ccs"
)

func agentForm(more url.Values) url.Values {
	v := url.Values{"name": {"Carol"}, "login": {"Carol"}, "password": {"long enough"}, "device.kind": {"browser"}, "wrapUp": {"7"}}
	for name, values := range more {
		v[name] = values
	}
	return v
}

func TestANewAgentCanSignIn(t *testing.T) {
	s := newSite(t, nil)
	if r := s.as("admin").post("/agents/new", agentForm(nil)); r.StatusCode != http.StatusSeeOther {
		t.Fatalf("added: %s: %s", r.Status, r.body)
	}
	user, err := s.tables.Users.Find(t.Context(), "login", "carol")
	if err != nil || user.Role != ccs.RoleAgent {
		t.Fatalf("the user is %+v, %v", user, err)
	}
	if a, err := s.tables.Agents.Get(t.Context(), user.ID); err != nil || a.WrapUp != 7000 {
		t.Errorf("the agent is %+v, %v", a, err)
	}
	b := s.browser()
	if r := b.post("/login", url.Values{"login": {"carol"}, "password": {"long enough"}}); r.StatusCode != http.StatusSeeOther {
		t.Errorf("signing in: %s", r.Status)
	}
}

func TestBadAgentsSayWhatIsWrong(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("admin")
	for _, c := range []struct {
		more url.Values
		at   string
	}{
		{url.Values{"name": {""}}, "name"},
		{url.Values{"login": {""}}, "login"},
		{url.Values{"login": {"two words"}}, "login"},
		{url.Values{"login": {"ALICE"}}, "login"},
		{url.Values{"password": {""}}, "password"},
		{url.Values{"password": {"short"}}, "password"},
		{url.Values{"device.kind": {"line"}}, "device.line"},
		{url.Values{"device.kind": {"line"}, "device.line": {"nowhere"}}, "device.line"},
		{url.Values{"device.kind": {"phone"}}, "device.number"},
		{url.Values{"device.kind": {"phone"}, "device.number": {"06 12"}}, "device.number"},
		{url.Values{"ringTimeout": {"soon"}}, "ringTimeout"},
		{url.Values{"simultaneousCalls": {"11"}}, "simultaneousCalls"},
	} {
		r := b.post("/agents/new", agentForm(c.more))
		if r.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(r.body, `data-testid="problem-`+c.at+`"`) {
			t.Errorf("%v: %s, want 422 and a word at %s", c.more, r.Status, c.at)
		}
		if strings.Contains(r.body, "long enough") {
			t.Errorf("%v: the password is in the page", c.more)
		}
		if typed := !c.more.Has("password"); strings.Contains(r.body, "Type it again") != typed {
			t.Errorf("%v: the page says that the password was lost: %v", c.more, !typed)
		}
	}
	if _, err := s.tables.Users.Find(t.Context(), "login", "carol"); err == nil {
		t.Error("a bad agent was stored")
	}
}

func TestANewPasswordSignsTheAgentOut(t *testing.T) {
	s := newSite(t, nil)
	alice := s.as("alice")
	if r := alice.get("/agent"); r.StatusCode != http.StatusOK {
		t.Fatal(r.Status)
	}
	id := s.users["alice"].ID
	form := url.Values{
		"name": {"Alice"}, "login": {"alice"}, "device.kind": {"phone"}, "device.number": {"+33 6 12 34 56 78"}, "userRevision": {"1"}, "revision": {"0"},
	}
	admin := s.as("admin")
	if r := admin.post("/agents/"+id, form); r.StatusCode != http.StatusSeeOther {
		t.Fatalf("without a new password: %s: %s", r.Status, r.body)
	}
	if a, err := s.tables.Agents.Get(t.Context(), id); err != nil || a.Device.Number != "+33612345678" {
		t.Errorf("the agent is %+v, %v", a, err)
	}
	if r := alice.get("/agent"); r.StatusCode != http.StatusOK {
		t.Errorf("the same password, and signed out: %s", r.Status)
	}
	form.Set("password", "another good one")
	if r := admin.post("/agents/"+id, form); r.StatusCode != http.StatusConflict {
		t.Errorf("a stale form: %s", r.Status)
	}
	form.Set("userRevision", "2")
	form.Set("revision", "1")
	if r := admin.post("/agents/"+id, form); r.StatusCode != http.StatusSeeOther {
		t.Fatalf("with a new password: %s", r.Status)
	}
	if r := alice.get("/agent"); r.StatusCode != http.StatusSeeOther {
		t.Errorf("still signed in: %s", r.Status)
	}
}

func TestAnAgentInAQueueIsNotDeleted(t *testing.T) {
	s := newSite(t, nil)
	id := s.users["bob"].ID
	queue := &ccs.Queue{Name: "Sales", Members: []ccs.QueueMember{{Agent: id}}}
	if err := s.tables.Queues.Put(t.Context(), queue); err != nil {
		t.Fatal(err)
	}
	b := s.as("admin")
	b.post("/agents/"+id+"/delete", nil)
	if r := b.get("/agents/" + id); r.StatusCode != http.StatusOK || !strings.Contains(r.body, "Member of the queue “Sales”") {
		t.Errorf("got %s, or the page does not say where", r.Status)
	}
	if err := s.tables.Queues.Delete(t.Context(), queue); err != nil {
		t.Fatal(err)
	}
	b.post("/agents/"+id+"/delete", nil)
	if _, err := s.tables.Users.Get(t.Context(), id); err == nil {
		t.Error("the user is still there")
	}
}

// Administrators and supervisors are no agents: their users are not touched here.
func TestOtherUsersAreNoAgents(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("admin")
	id := s.users["sam"].ID
	for _, r := range []answer{b.get("/agents/" + id), b.post("/agents/"+id, agentForm(nil)), b.post("/agents/"+id+"/delete", nil)} {
		if r.StatusCode != http.StatusNotFound {
			t.Errorf("%s %s: %s", r.Request.Method, r.Request.URL.Path, r.Status)
		}
	}
}
