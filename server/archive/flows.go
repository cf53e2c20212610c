package archive

import (
	"fmt"
	"maps"
	"slices"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/flow"
	"github.com/carillon-cc/carillon/store"
)

// trouble is a problem of package flow, with the version in whose plan it is.
type trouble struct {
	version string
	flow.Problem
}

// checkFlows validates what calls would run: the file's plans, menus and
// queues, and those of the store that refer to them. What was wrong with the
// store before is not the file's fault.
func (s *sections) checkFlows(p *Problems) {
	known := make(map[string]bool)
	for _, t := range troubles(s.snapshot(false), nil) {
		known[t.text(s)] = true
	}
	// Versions that nobody publishes are looked at too: they may be later.
	for _, t := range troubles(s.snapshot(true), s.planVersions.given) {
		if text := t.text(s); !known[text] {
			p.fault(t.place(s), ccs.FieldError{Field: t.Path, Code: t.Code, Params: t.Params})
		}
	}
}

func troubles(snapshot *flow.Snapshot, more []*ccs.PlanVersion) []trouble {
	var list []trouble
	add := func(version string, problems []flow.Problem) {
		for _, p := range problems {
			if p.Severity == flow.SeverityError {
				list = append(list, trouble{version, p})
			}
		}
	}
	versions := make(map[string]*ccs.PlanVersion)
	for _, v := range snapshot.Versions {
		versions[v.ID] = v
	}
	for _, v := range more {
		versions[v.ID] = v
	}
	for _, id := range slices.Sorted(maps.Keys(versions)) {
		add(id, flow.Validate(snapshot, &versions[id].Flow))
	}
	for _, id := range slices.Sorted(maps.Keys(snapshot.Menus)) {
		m := snapshot.Menus[id]
		add("", flow.ValidateMenu(snapshot, m))
	}
	for _, id := range slices.Sorted(maps.Keys(snapshot.Queues)) {
		add("", flow.ValidateQueue(snapshot, snapshot.Queues[id]))
	}
	return list
}

// place is the object that has the trouble.
func (t trouble) place(s *sections) string {
	find := func(name, id string, index func(string) (int, bool)) string {
		if i, ok := index(id); ok {
			return fmt.Sprintf("%s[%d]", name, i)
		}
		return fmt.Sprintf("%s of the store: %s", name, id)
	}
	switch t.In {
	case flow.InMenu:
		return find(s.menus.name, t.ID, s.menus.index)
	case flow.InQueue:
		return find(s.queues.name, t.ID, s.queues.index)
	}
	return find(s.planVersions.name, t.version, s.planVersions.index) + ".flow"
}

func (t trouble) text(s *sections) string {
	return t.place(s) + ccs.FieldError{Field: t.Path, Code: t.Code, Params: t.Params}.Error()
}

// snapshot is the configuration as calls use it: the store's, or as it would be
// after the import.
func (s *sections) snapshot(after bool) *flow.Snapshot {
	plans, versions := pick(&s.plans, after), pick(&s.planVersions, after)
	snapshot := &flow.Snapshot{
		Versions: make(map[string]*ccs.PlanVersion),
		Menus:    pick(&s.menus, after), Queues: pick(&s.queues, after), Sounds: pick(&s.sounds, after),
		VoiceTexts: pick(&s.voiceTexts, after), Agents: pick(&s.agents, after), Users: pick(&s.users, after), Lines: pick(&s.lines, after),
	}
	for id, p := range plans {
		if v := versions[p.Published]; v != nil {
			snapshot.Versions[id] = v
		}
	}
	return snapshot
}

func pick[T any, P store.Object[T]](s *section[T, P], after bool) map[string]*T {
	if after {
		return s.merged()
	}
	return s.stored
}
