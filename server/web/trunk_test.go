package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
)

const secret = "xyzzy-Plugh-42"

// fixedTrunks is telephony of which only the trunks matter.
type fixedTrunks struct {
	noTelephony
	states   []TrunkState
	findings []Finding
}

func (f *fixedTrunks) Trunks() []TrunkState { return f.states }

func (f *fixedTrunks) Diagnose(_ context.Context, _, number string) ([]Finding, error) {
	if number != "" {
		return append(f.findings, Finding{Check: "call", Code: "call.guard.prefix", Level: "error"}), nil
	}
	return f.findings, nil
}

func trunkForm(more url.Values) url.Values {
	v := url.Values{
		"name": {"Provider"}, "signOn": {"account"}, "username": {"account"}, "password": {secret},
		"targets[0].host": {"sip:sip.example.org:5070"}, "targets[0].transport": {"tcp"},
		"targets[1].host": {""}, "targets[2].host": {"192.0.2.9"}, "targets[2].transport": {"udp"},
		"callerId.number": {"+33 1 23 45 67 89"}, "callerId.header": {"asserted"},
		"outgoing.allowed": {"+33, +32\n112"}, "outgoing.country": {"FR"}, "outgoing.form": {"national"}, "outgoing.maxCalls": {"3"},
		"expires": {"120"}, "sources": {"198.51.100.0/24"},
	}
	for name, values := range more {
		v[name] = values
	}
	return v
}

func TestATrunkIsAddedAndChangedWithoutShowingItsPassword(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("admin")
	r := b.post("/trunks/new", trunkForm(nil))
	if r.StatusCode != http.StatusSeeOther {
		t.Fatalf("added: %s: %s", r.Status, r.body)
	}
	page := r.Header.Get("Location")
	id := strings.TrimPrefix(page, "/trunks/")
	got, err := s.tables.Trunks.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Targets) != 2 || got.Targets[0] != (ccs.TrunkTarget{Host: "sip.example.org", Port: 5070, Transport: ccs.TCP}) ||
		got.Targets[1].Host != "192.0.2.9" || !got.Register || got.Password != secret || got.CallerID.Number != "+33123456789" ||
		strings.Join(got.Outgoing.Allowed, " ") != "+33 +32 112" || got.Outgoing.MaxCalls != 3 || got.Expires != 120_000 {
		t.Errorf("the trunk is %+v", got)
	}
	for _, path := range []string{page, "/trunks"} {
		if r := b.get(path); r.StatusCode != http.StatusOK || strings.Contains(r.body, secret) {
			t.Errorf("%s: %s, or it has the password", path, r.Status)
		}
	}
	// What the page shows, sent back, changes nothing; and an empty password keeps the stored one.
	v := trunkForm(url.Values{"revision": {"1"}, "password": {""}, "name": {"Other"}})
	if r := b.post(page, v); r.StatusCode != http.StatusSeeOther {
		t.Fatalf("changed: %s", r.Status)
	}
	if got, err := s.tables.Trunks.Get(t.Context(), id); err != nil || got.Password != secret || got.Name != "Other" {
		t.Errorf("the trunk is %+v, %v", got, err)
	}
	// A trunk without an account forgets its password.
	v = trunkForm(url.Values{"revision": {"2"}, "signOn": {"address"}})
	if r := b.post(page, v); r.StatusCode != http.StatusSeeOther {
		t.Fatalf("changed: %s", r.Status)
	}
	if got, err := s.tables.Trunks.Get(t.Context(), id); err != nil || got.Password != "" || got.Username != "" || got.Register {
		t.Errorf("the trunk is %+v, %v", got, err)
	}
}

func TestBadTrunksSayWhatIsWrongAndKeepWhatWasTyped(t *testing.T) {
	s := newSite(t, nil)
	if err := s.tables.Trunks.Put(t.Context(), &ccs.Trunk{Name: "Taken", Targets: []ccs.TrunkTarget{{Host: "a.example"}}}); err != nil {
		t.Fatal(err)
	}
	b := s.as("admin")
	for _, c := range []struct {
		field, value, problemAt, want string
	}{
		{"name", "", "name", "Fill in this field"},
		{"name", "taken", "name", "Another trunk has this name"},
		{"targets[0].host", "two words", "targets[0].host", "A name such as sip.example.com"},
		{"targets[0].port", "http", "targets[0].port", "whole number"},
		{"targets[0].port", "70000", "targets[0].port", "between 1 and 65535"},
		{"username", "", "username", "user name that the provider gave"},
		{"password", "", "password", "password that the provider gave"},
		{"expires", "5", "expires", "60 to 86400"},
		{"sources", "10.0.0.1 nonsense", "sources", "“nonsense”: this is no IP address"},
		{"sources", "10.0.0.0/2", "sources", "too wide"},
		{"outgoing.allowed", "+33 abc", "outgoing.allowed", "“abc”: write + and digits"},
		{"outgoing.country", "", "outgoing.country", "Choose the country"},
		{"outgoing.maxCalls", "-1", "outgoing.maxCalls", "From 0 to"},
		{"callerId.number", "call me", "callerId.number", "Digits only"},
	} {
		v := trunkForm(url.Values{c.field: {c.value}, "domain": {"kept.example"}})
		if c.field == "targets[0].port" {
			v.Set("targets[0].host", "sip.example.org")
		}
		r := b.post("/trunks/new", v)
		if r.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(r.body, `data-testid="problem-`+c.problemAt+`"`) ||
			!strings.Contains(r.body, c.want) {
			t.Errorf("%s=%q: %s, want 422 and %q at the field", c.field, c.value, r.Status, c.want)
		}
		if !strings.Contains(r.body, `value="kept.example"`) || strings.Contains(r.body, secret) {
			t.Errorf("%s=%q: what was typed is gone, or the password is shown", c.field, c.value)
		}
	}
	if list, _, err := s.tables.Trunks.List(t.Context(), store.Query{}); err != nil || len(list) != 1 {
		t.Errorf("there are %d trunks, %v", len(list), err)
	}
}

func TestTheStateOfATrunkIsSaidInWords(t *testing.T) {
	phones := &fixedTrunks{}
	s := newSite(t, func(o *Options) { o.Telephony = phones })
	trunk := &ccs.Trunk{Name: "Provider", Targets: []ccs.TrunkTarget{{Host: "a.example"}}}
	if err := s.tables.Trunks.Put(t.Context(), trunk); err != nil {
		t.Fatal(err)
	}
	b := s.as("admin")
	until := time.Now().Add(time.Minute)
	for _, c := range []struct {
		state TrunkState
		want  []string
	}{
		{TrunkState{}, []string{"Not known yet"}},
		{
			TrunkState{Kind: TrunkRegistered, Until: until, In: 2, Out: 1, Targets: []TargetState{{Name: "a.example", Known: true, Up: true, RTT: 12 * time.Millisecond}}},
			[]string{"Signed on until " + until.Format("15:04"), "2 in · 1 out", "answers in 12 ms", "2 in"},
		},
		{TrunkState{Kind: TrunkPassword, Said: "403 Forbidden", Retry: until}, []string{"refuses the user name or the password", "Answer: 403 Forbidden", "Next try at", "Type the password anew"}},
		{TrunkState{Kind: TrunkUnreachable, Targets: []TargetState{{Name: "a.example", Known: true}}}, []string{"The provider does not answer", "does not answer"}},
		{TrunkState{Kind: TrunkCertificateAuthority}, []string{"signed by nobody whom this machine trusts", "CARILLON_SIP_TLS_CA"}},
		{TrunkState{Kind: "of the future"}, []string{"Not known yet"}},
	} {
		c.state.Trunk = trunk.ID
		phones.states = []TrunkState{c.state}
		body := b.get("/trunks/" + trunk.ID).body
		for _, want := range c.want {
			if !strings.Contains(body, want) {
				t.Errorf("%s: the page does not say %q", c.state.Kind, want)
			}
		}
	}
	for kind := range trunkTones {
		if !s.web.catalogue.Texts("fr").Has("trunk.state." + string(kind)) {
			t.Errorf("there are no words for %s", kind)
		}
	}
}

func TestATrunkWithCallsIsNotDeleted(t *testing.T) {
	phones := &fixedTrunks{}
	s := newSite(t, func(o *Options) { o.Telephony = phones })
	trunk := &ccs.Trunk{Name: "Provider", Targets: []ccs.TrunkTarget{{Host: "a.example"}}}
	if err := s.tables.Trunks.Put(t.Context(), trunk); err != nil {
		t.Fatal(err)
	}
	phones.states = []TrunkState{{Trunk: trunk.ID, Kind: TrunkReady, In: 1}}
	b := s.as("admin")
	b.post("/trunks/"+trunk.ID+"/delete", nil)
	if r := b.get("/trunks/" + trunk.ID); r.StatusCode != http.StatusOK || !strings.Contains(r.body, "One call is going on") {
		t.Errorf("got %s, or the page does not say why", r.Status)
	}
	phones.states = nil
	if r := b.post("/trunks/"+trunk.ID+"/delete", nil); r.Header.Get("Location") != "/trunks" {
		t.Errorf("got %s to %s", r.Status, r.Header.Get("Location"))
	}
}

func TestTheDoctorSumsUpWhatItFound(t *testing.T) {
	phones := &fixedTrunks{findings: []Finding{
		{Check: "dns", Code: "dns.ok", Level: "ok", Params: map[string]string{"Host": "a.example", "Addresses": "192.0.2.1"}},
		{Check: "reach", Code: "reach.deaf", Level: "warning", Params: map[string]string{"Target": "a.example", "Problem": "no <answer>"}},
	}}
	s := newSite(t, func(o *Options) { o.Telephony = phones })
	trunk := &ccs.Trunk{Name: "Provider", Targets: []ccs.TrunkTarget{{Host: "a.example"}}}
	if err := s.tables.Trunks.Put(t.Context(), trunk); err != nil {
		t.Fatal(err)
	}
	b := s.as("admin")
	r := b.post("/trunks/"+trunk.ID+"/doctor", nil)
	for _, want := range []string{"<html", "It works, but", "192.0.2.1", "no &lt;answer&gt;"} {
		if !strings.Contains(r.body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	part := b.do(http.MethodPost, "/trunks/"+trunk.ID+"/doctor", strings.NewReader("number=%2B33+1+23"), map[string]string{
		"HX-Request": "true", "Content-Type": "application/x-www-form-urlencoded",
	})
	if strings.Contains(part.body, "<html") || !strings.Contains(part.body, "It does not work yet") || !strings.Contains(part.body, "tone-bad") {
		t.Errorf("the part is %s", part.body)
	}
}
