package archive

import (
	"errors"
	"fmt"
	"strings"

	"github.com/alexedwards/argon2id"

	"github.com/carillon-cc/carillon/ccs"
)

// checkUser is the user's own Check, and what signing in needs.
func checkUser(u *ccs.User) error {
	var list ccs.FieldErrors
	errors.As(u.Check(), &list)
	if u.Login != strings.ToLower(u.Login) {
		// Whoever signs in may type capitals; they are taken for small letters.
		list = append(list, ccs.FieldError{Field: "login", Code: ccs.CodeFormat, Params: map[string]any{"want": "small letters"}})
	}
	if u.PasswordHash != "" {
		if _, _, _, err := argon2id.DecodeHash(u.PasswordHash); err != nil {
			list = append(list, ccs.FieldError{Field: "passwordHash", Code: ccs.CodeFormat, Params: map[string]any{"want": "argon2id"}})
		}
	}
	if len(list) == 0 {
		return nil
	}
	return list
}

// adoptUsers takes a user of the file for the one of the store who has the same
// login under another id: every installation makes its own first administrator.
// What refers to the user's id in the file is changed along.
func (m *Import) adoptUsers() {
	s := m.sections
	byLogin := make(map[string]*ccs.User)
	for _, u := range s.users.stored {
		byLogin[u.Login] = u
	}
	now := make(map[string]string) // id in the store by id in the file
	s.users.all(func(_ int, u *ccs.User) {
		old := byLogin[u.Login]
		if old == nil || old.ID == u.ID || s.users.stored[u.ID] != nil {
			return
		}
		if _, inFile := s.users.index(old.ID); inFile {
			return // who may be getting another login
		}
		now[u.ID] = old.ID
		m.Adopted = append(m.Adopted, fmt.Sprintf("user %s has the id %s in the file and stays %s here", u.Login, u.ID, old.ID))
		u.ID = old.ID
	})
	rename := func(id *string) {
		if to, ok := now[*id]; ok {
			*id = to
		}
	}
	s.agents.all(func(_ int, a *ccs.Agent) { rename(&a.ID) })
	s.queues.all(func(_ int, q *ccs.Queue) {
		for i := range q.Members {
			rename(&q.Members[i].Agent)
		}
	})
	s.planVersions.all(func(_ int, v *ccs.PlanVersion) { rename(&v.PublishedBy) })
}
