package store

import (
	"context"
	"errors"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// Tables is every table of Carillon, over one store.
type Tables struct {
	Users      *Table[ccs.User, *ccs.User]
	Agents     *Table[ccs.Agent, *ccs.Agent]
	Numbers    *Table[ccs.Number, *ccs.Number]
	Plans      *Table[ccs.Plan, *ccs.Plan]
	Versions   *Table[ccs.PlanVersion, *ccs.PlanVersion]
	Menus      *Table[ccs.Menu, *ccs.Menu]
	Queues     *Table[ccs.Queue, *ccs.Queue]
	Sounds     *Table[ccs.Sound, *ccs.Sound]
	VoiceTexts *Table[ccs.VoiceText, *ccs.VoiceText]
	Trunks     *Table[ccs.Trunk, *ccs.Trunk]
	Lines      *Table[ccs.Line, *ccs.Line]
	Bindings   *Table[ccs.Bindings, *ccs.Bindings]
	DailyCalls *Table[ccs.DailyCalls, *ccs.DailyCalls]
	Alarms     *Table[ccs.Alarm, *ccs.Alarm]
	Calls      *Table[ccs.CallRecord, *ccs.CallRecord]
	Recordings *Table[ccs.Recording, *ccs.Recording]
	Sessions   *Table[ccs.Session, *ccs.Session]
}

// NewTables binds all tables to s.
func NewTables(s Store) *Tables {
	return &Tables{
		Users: NewTable(s, Schema{Table: "users", Fields: []string{"login"}, Unique: []string{"login"}},
			func(u *ccs.User) (map[string]string, time.Time) {
				return map[string]string{"login": u.Login}, time.Time{}
			}),
		Agents: NewTable[ccs.Agent](s, Schema{Table: "agents"}, nil),
		Numbers: NewTable(s, Schema{Table: "numbers", Fields: []string{"number", "planId"}, Unique: []string{"number"}},
			func(n *ccs.Number) (map[string]string, time.Time) {
				return map[string]string{"number": n.Number, "planId": n.PlanID}, time.Time{}
			}),
		Plans: NewTable[ccs.Plan](s, Schema{Table: "plans"}, nil),
		Versions: NewTable(s, Schema{Table: "planVersions", Fields: []string{"planId"}, Time: "publishedAt"},
			func(v *ccs.PlanVersion) (map[string]string, time.Time) {
				return map[string]string{"planId": v.PlanID}, v.PublishedAt
			}),
		Menus:      NewTable[ccs.Menu](s, Schema{Table: "menus"}, nil),
		Queues:     NewTable[ccs.Queue](s, Schema{Table: "queues"}, nil),
		Sounds:     NewTable[ccs.Sound](s, Schema{Table: "sounds"}, nil),
		VoiceTexts: NewTable[ccs.VoiceText](s, Schema{Table: "voiceTexts"}, nil),
		Trunks:     NewTable[ccs.Trunk](s, Schema{Table: "trunks"}, nil),
		Lines: NewTable(s, Schema{Table: "lines", Fields: []string{"number"}, Unique: []string{"number"}},
			func(l *ccs.Line) (map[string]string, time.Time) {
				return map[string]string{"number": l.Number}, time.Time{}
			}),
		Bindings: NewTable[ccs.Bindings](s, Schema{Table: "bindings"}, nil),
		DailyCalls: NewTable(s, Schema{Table: "dailyCalls", Fields: []string{"day"}},
			func(d *ccs.DailyCalls) (map[string]string, time.Time) {
				return map[string]string{"day": d.Day}, time.Time{}
			}),
		Alarms: NewTable(s, Schema{Table: "alarms", Time: "at"},
			func(a *ccs.Alarm) (map[string]string, time.Time) { return nil, a.At }),
		Calls: NewTable(s, Schema{Table: "calls", Fields: []string{"from", "to", "queue", "agent", "open"}, Time: "started"},
			func(c *ccs.CallRecord) (map[string]string, time.Time) {
				open := ""
				if c.Ended.IsZero() {
					open = "yes"
				}
				return map[string]string{"from": c.From, "to": c.To, "queue": c.Queue, "agent": c.Agent, "open": open}, c.Started
			}),
		Recordings: NewTable(s, Schema{Table: "recordings", Fields: []string{"callId", "queueId"}, Time: "started"},
			func(r *ccs.Recording) (map[string]string, time.Time) {
				return map[string]string{"callId": r.CallID, "queueId": r.QueueID}, r.Started
			}),
		Sessions: NewTable(s, Schema{Table: "sessions", Time: "expires"},
			func(v *ccs.Session) (map[string]string, time.Time) { return nil, v.Expires }),
	}
}

// AnyTable is a table of which it does not matter what it holds.
type AnyTable interface {
	Schema() Schema
	Ensure(ctx context.Context) error
	Document(revision int64, data []byte) (Document, error)
}

// All lists every table. One whose objects refer to others' by id comes before
// the table of those.
func (t *Tables) All() []AnyTable {
	return []AnyTable{
		t.Calls, t.Recordings, t.Numbers, t.Plans, t.Versions, t.Menus, t.Queues, t.Sounds, t.VoiceTexts,
		t.DailyCalls, t.Alarms, t.Agents, t.Bindings, t.Lines, t.Trunks, t.Users, t.Sessions,
	}
}

// Ensure makes all tables ready.
func (t *Tables) Ensure(ctx context.Context) error {
	var errs []error
	for _, table := range t.All() {
		errs = append(errs, table.Ensure(ctx))
	}
	return errors.Join(errs...)
}
