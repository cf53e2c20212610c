package archive

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/carillon-cc/carillon/ccs"
)

func versionTitle(v *ccs.PlanVersion) string {
	return fmt.Sprintf("version %d of %s", v.Version, v.PlanID)
}

// checkVersion checks what is around a published flow; the flow itself is
// package flow's to check.
func checkVersion(v *ccs.PlanVersion) error {
	var list ccs.FieldErrors
	if v.PlanID == "" {
		list = append(list, ccs.FieldError{Field: "planId", Code: ccs.CodeRequired})
	}
	if v.Version < 1 {
		list = append(list, ccs.FieldError{Field: "version", Code: ccs.CodeOutOfRange, Params: map[string]any{"min": 1}})
	}
	if v.PublishedAt.IsZero() {
		list = append(list, ccs.FieldError{Field: "publishedAt", Code: ccs.CodeRequired})
	}
	if len(list) == 0 {
		return nil
	}
	return list
}

// checkReferences finds what leads nowhere in the store as it would be, but
// for the content of plans, menus and queues (checkFlows).
func (s *sections) checkReferences(p *Problems) {
	users, plans, versions := s.users.merged(), s.plans.merged(), s.planVersions.merged()
	lines := s.lines.merged()
	s.checkAdministrators(p, users)
	s.agents.all(func(i int, a *ccs.Agent) {
		if users[a.ID] == nil {
			p.add(s.agents.at(i)+".id", "there is no user %q", a.ID)
		}
		if a.Device.Line != "" && lines[a.Device.Line] == nil {
			p.add(s.agents.at(i)+".device.line", "there is no line %q", a.Device.Line)
		}
	})
	s.numbers.all(func(i int, n *ccs.Number) {
		if n.PlanID != "" && plans[n.PlanID] == nil {
			p.add(s.numbers.at(i)+".planId", "there is no plan %q", n.PlanID)
		}
	})
	s.plans.all(func(i int, v *ccs.Plan) {
		if v.Published == "" {
			return
		}
		if version := versions[v.Published]; version == nil {
			p.add(s.plans.at(i)+".published", "there is no plan version %q", v.Published)
		} else if version.PlanID != v.ID {
			p.add(s.plans.at(i)+".published", "%q is a version of the plan %q", v.Published, version.PlanID)
		}
	})
	s.planVersions.all(func(i int, v *ccs.PlanVersion) {
		at := s.planVersions.at(i)
		if v.PlanID != "" && plans[v.PlanID] == nil {
			p.add(at+".planId", "there is no plan %q", v.PlanID)
		}
		for id, other := range versions {
			if id != v.ID && other.PlanID == v.PlanID && other.Version == v.Version {
				p.add(at+".version", "%d is also the number of the version %q", v.Version, id)
			}
		}
		if old := s.planVersions.stored[v.ID]; old != nil {
			p.fields(at, unchanged(old, v))
		}
	})
}

// unchanged refuses to change what was published: calls and their records refer
// to it.
func unchanged(old, v *ccs.PlanVersion) error {
	before, err := object(old, storeOnly...)
	if err != nil {
		return err
	}
	after, err := object(v, storeOnly...)
	if err != nil {
		return err
	}
	if bytes.Equal(before, after) {
		return nil
	}
	return errors.New("was published and differs from the store's: change it under a new id with a new version number, and name that in the plan's published")
}

func (s *sections) checkAdministrators(p *Problems, after map[string]*ccs.User) {
	has := func(users map[string]*ccs.User) bool {
		for _, u := range users {
			if u.Role == ccs.RoleAdministrator {
				return true
			}
		}
		return false
	}
	if has(s.users.stored) && !has(after) {
		p.add("users", "no administrator would be left")
	}
}
