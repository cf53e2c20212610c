package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/flow"
	"github.com/carillon-cc/carillon/queue"
	"github.com/carillon-cc/carillon/store"
)

// configuration is what administrators set up, as calls use it: a snapshot in
// memory, so that no call waits for the store and calls go on while it is away.
type configuration struct {
	tables  *store.Tables
	engine  *queue.Engine
	current atomic.Pointer[flow.Snapshot]

	loading sync.Mutex // one at a time: the newest is what stays
	// loaded is told of each configuration that is in use from now on; nil is
	// nobody.
	loaded func(*flow.Snapshot)
}

func newConfiguration(t *store.Tables, e *queue.Engine) *configuration {
	c := &configuration{tables: t, engine: e}
	c.current.Store(&flow.Snapshot{})
	return c
}

func (c *configuration) snapshot() *flow.Snapshot { return c.current.Load() }

// load reads everything from the store and lets new calls use it. Running calls
// keep what they have.
func (c *configuration) load(ctx context.Context) error {
	c.loading.Lock()
	defer c.loading.Unlock()
	s, err := readSnapshot(ctx, c.tables)
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	c.engine.SetAgents(s.Agents)
	c.engine.SetQueues(s.Queues)
	c.current.Store(s)
	if c.loaded != nil {
		c.loaded(s)
	}
	return nil
}

func readSnapshot(ctx context.Context, t *store.Tables) (*flow.Snapshot, error) {
	s := &flow.Snapshot{Numbers: map[string]*ccs.Number{}, Versions: map[string]*ccs.PlanVersion{}}
	all := store.Query{}
	var errs [9]error
	s.Menus, errs[0] = byID(t.Menus.List(ctx, all))
	s.Queues, errs[1] = byID(t.Queues.List(ctx, all))
	s.Sounds, errs[2] = byID(t.Sounds.List(ctx, all))
	s.VoiceTexts, errs[3] = byID(t.VoiceTexts.List(ctx, all))
	s.Agents, errs[4] = byID(t.Agents.List(ctx, all))
	s.Users, errs[5] = byID(t.Users.List(ctx, all))
	s.Lines, errs[7] = byID(t.Lines.List(ctx, all))
	s.Trunks, errs[8] = byID(t.Trunks.List(ctx, all))
	numbers, _, err := t.Numbers.List(ctx, all)
	errs[6] = err
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	for _, n := range numbers {
		s.Numbers[n.Number] = n
	}
	plans, _, err := t.Plans.List(ctx, all)
	if err != nil {
		return nil, err
	}
	for _, p := range plans {
		if p.Published == "" {
			continue
		}
		version, err := t.Versions.Get(ctx, p.Published)
		if errors.Is(err, store.ErrNotFound) {
			continue // its numbers have no plan then; the others' calls go on
		}
		if err != nil {
			return nil, err
		}
		s.Versions[p.ID] = version
	}
	return s, nil
}

func byID[T any, P store.Object[T]](list []*T, _ string, err error) (map[string]*T, error) {
	m := make(map[string]*T, len(list))
	for _, v := range list {
		m[P(v).GetMeta().ID] = v
	}
	return m, err
}

// numberLabel is the name of a dialled number, "" where it has none.
func (c *configuration) numberLabel(number string) string { return labelOf(c.snapshot(), number) }

func labelOf(s *flow.Snapshot, number string) string {
	d := resolve(s, number, "")
	switch {
	case d.number != nil:
		return d.number.Label
	case d.line != nil:
		return d.line.Name
	}
	return ""
}

// userName is the name of a user for others.
func (c *configuration) userName(id string) string {
	if u := c.snapshot().Users[id]; u != nil {
		return u.Name
	}
	return id
}
