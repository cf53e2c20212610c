package server_test

import (
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/ccs/demo"
	"github.com/carillon-cc/carillon/server/desk/desktest"
	"github.com/carillon-cc/carillon/sipgw/phone"
	"github.com/carillon-cc/carillon/store"
)

// change edits the store of a server that does not run.
func (c *center) change(edit func(*store.Tables) error) {
	c.t.Helper()
	db, err := c.config.Open(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	defer db.Close()
	tables := store.NewTables(db)
	if err := tables.Ensure(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	if err := edit(tables); err != nil {
		c.t.Fatal(err)
	}
}

// An agent's own call rings the agent's outside phone first, which costs as much
// as any call when nobody picks it up: a restart does not make it free.
func TestACallThatNobodyPickedUpCountsAfterARestart(t *testing.T) {
	for now := time.Now().UTC(); now.Add(time.Minute).Day() != now.Day(); now = time.Now().UTC() {
		time.Sleep(time.Second) // both calls are of the same day
	}
	c, rings := outside(t, ccs.RingAll)
	c.halt()
	c.change(func(tables *store.Tables) error {
		agent, err := tables.Agents.Get(t.Context(), demo.AliceID)
		if err != nil {
			return err
		}
		agent.Outside = true
		if err := tables.Agents.Put(t.Context(), agent); err != nil {
			return err
		}
		trunk, err := tables.Trunks.Get(t.Context(), "t1")
		if err != nil {
			return err
		}
		trunk.Outgoing.DailyPerAgent = 1
		return tables.Trunks.Put(t.Context(), trunk)
	})
	c.launch()
	dial := func() *desktest.Page {
		page := c.visit("alice", "tab-1")
		page.Until("no problems", func(m desktest.Message) bool { return m.Type == "desk" && len(m.Problems) == 0 })
		page.Send(map[string]any{"type": "dial", "to": "+33622222222"})
		return page
	}
	page := dial()
	ring := within(t, "alice's phone rings", rings)
	if err := ring.Refuse(phone.Reply{Status: 486}); err != nil {
		t.Fatal(err)
	}
	page.Until("the end of the call", func(m desktest.Message) bool { return m.Type == "notice" && m.Code == "dial.telephone" })
	c.restart()
	page = dial()
	m := page.Until("what becomes of the second call", func(m desktest.Message) bool {
		return m.Type == "error" || m.Type == "notice" || m.Type == "desk" && m.Call != nil
	})
	if m.Type != "error" || m.For != "dial" || m.Code != "notAllowed" {
		t.Errorf("the second call of the day got %+v", m)
	}
}
