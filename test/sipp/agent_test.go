package sipp

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/server/desk/desktest"
	"github.com/carillon-cc/carillon/server/web"
)

// agentOf is the agent of scenario i.
func agentOf(i int) string { return fmt.Sprintf("agent-%02d", i) }

// agent has the provider's number be the outside phone of an agent, the only one of
// a queue.
func (f *filler) agent(i int, s scenario) {
	hash, err := web.HashPassword(password)
	f.put(err)
	id := agentOf(i)
	f.put(f.tables.Users.Put(f.ctx, &ccs.User{Meta: ccs.Meta{ID: id}, Login: id, Name: id, Role: ccs.RoleAgent, PasswordHash: hash}))
	f.put(f.tables.Agents.Put(f.ctx, &ccs.Agent{Meta: ccs.Meta{ID: id}, Device: ccs.Device{Kind: ccs.DevicePhone, Number: outside(i)}}))
	q := ccs.Queue{Meta: ccs.Meta{ID: id}, Name: s.name, Strategy: ccs.Sequential, Members: []ccs.QueueMember{{Agent: id}}}
	if s.queue != nil {
		s.queue(&q)
	}
	f.put(f.tables.Queues.Put(f.ctx, &q))
	f.number(fmt.Sprintf("%s%02d", queueNumber, i), ccs.Action{ID: "queue", Queue: &ccs.EnterQueue{Queue: id}})
}

// ready has the agents of some scenarios take calls.
func (w *world) ready(t *trial, scenarios []scenario, which []int) {
	t.Helper()
	for _, i := range which {
		if !scenarios[i].agent {
			continue
		}
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		client := http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		res, err := client.PostForm(w.base+"/login", url.Values{"login": {agentOf(i)}, "password": {password}})
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		base, err := url.Parse(w.base)
		if err != nil {
			t.Fatal(err)
		}
		header := http.Header{"Origin": {w.base}}
		for _, cookie := range jar.Cookies(base) {
			header.Add("Cookie", cookie.String())
		}
		page := desktest.Open(t, "ws"+strings.TrimPrefix(w.base, "http")+"/ws", header, "tab")
		page.Send(map[string]any{"type": "ready"})
		page.Until("ready without problems", func(m desktest.Message) bool { return m.State == "ready" && len(m.Problems) == 0 })
		page.Leave()
	}
}
