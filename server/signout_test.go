package server_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/carillon-cc/carillon/static"
	"github.com/carillon-cc/carillon/webrtc/browser"
)

// newPassword has the administrator give an agent another password.
func (c *center) newPassword(agent, login string) {
	c.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	admin := http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer admin.CloseIdleConnections()
	do := func(response *http.Response, err error) string {
		c.t.Helper()
		if err != nil {
			c.t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			c.t.Fatal(err)
		}
		return response.Status + "\n" + string(body)
	}
	do(admin.PostForm(c.base+"/login", url.Values{"login": {"admin"}, "password": {password}}))
	form := url.Values{
		"name": {"Alice"}, "login": {login}, "device.kind": {"browser"}, "password": {"another good password"},
	}
	page := do(admin.Get(c.base + "/agents/" + agent))
	for _, m := range regexp.MustCompile(`name="(\w*[rR]evision)" value="(\d+)"`).FindAllStringSubmatch(page, -1) {
		form.Set(m[1], m[2])
	}
	if answer := do(admin.PostForm(c.base+"/agents/"+agent, form)); answer[:3] != "303" {
		c.t.Fatalf("the password was not changed: %s", answer)
	}
}

// The page of an agent whose password is changed hears nothing more from that
// moment, and the caller is neither dropped nor forgotten.
func TestACallOfAnAgentWhoIsCutOffGoesToAColleague(t *testing.T) {
	if assets, err := static.New(); err != nil || !assets.Built() {
		t.Skip("the pages are not built")
	}
	c := start(t)
	alice := c.visit("alice", "tab-a")
	atAlice := newEar()
	alice.Ready(c.browsers, listening(atAlice))
	caller := c.dial("1", newEar())
	first := alice.Answer()
	say := overPhone(caller)
	atAlice.open(t, say)
	bob := c.visit("bob", "tab-b")
	bob.Ready(c.browsers, browser.Options{})

	c.newPassword("demo-alice", "alice")
	if err := alice.Ended(); !websocket.IsCloseError(err, 4401) {
		t.Errorf("the page's socket ended with %v", err)
	}
	// What was on its way may still arrive; then there is silence.
	payloads := marked(25 * 8)
	silent := false
	for i := 0; i < 8 && !silent; i++ {
		heard := atAlice.count()
		speak(payloads[25*i:25*(i+1)], say)
		silent = atAlice.count() == heard
	}
	if !silent {
		t.Error("the page still hears the caller after it was cut off")
	}
	second := bob.Answer()
	if second.Call.ID != first.Call.ID {
		t.Errorf("bob got call %s, alice had %s", second.Call.ID, first.Call.ID)
	}
	select {
	case <-caller.Done():
		t.Error("the caller was dropped")
	default:
	}
}
