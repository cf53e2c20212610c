package archive

import (
	"context"
	"fmt"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
)

// Import is a configuration about to go into a store.
type Import struct {
	Changes []Change // in the order of writing
	// Adopted says, of users of the file who are in the store under another id,
	// which one counts; a line each.
	Adopted []string
	// WithoutPassword are the logins of users who cannot sign in until a
	// password is set.
	WithoutPassword []string
	// WithoutSecret names the lines and trunks that cannot sign on until a
	// password is set.
	WithoutSecret []string

	db       store.Store
	sections *sections
	audio    audioOf
	order    []filed
}

// PlanImport compares a configuration with the store and says what an import
// would change; it changes nothing. Objects of the same id are replaced, others
// are created, and none is deleted. Its error is a *Problems where the
// configuration is bad.
func PlanImport(ctx context.Context, db store.Store, c *Configuration) (*Import, error) {
	t := store.NewTables(db)
	if err := t.Ensure(ctx); err != nil {
		return nil, err
	}
	if err := CheckWhole(ctx, db); err != nil {
		return nil, err
	}
	m := &Import{db: db, sections: newSections(t), audio: make(audioOf)}
	m.sections.sounds.decode = m.audio.decode
	m.order = m.sections.inOrder(c)
	p := &Problems{}
	for _, s := range m.order {
		if err := s.load(ctx); err != nil {
			return nil, fmt.Errorf("read the store: %w", err)
		}
		s.parse(*s.in, p)
	}
	readable := p.result() == nil
	m.adoptUsers()
	if err := m.keep(ctx); err != nil {
		return nil, fmt.Errorf("read the store: %w", err)
	}
	for _, s := range m.order {
		s.checkEach(p)
	}
	if !readable {
		// References to what could not be read would all look wrong.
		return nil, p
	}
	m.sections.checkReferences(p)
	m.sections.checkFlows(p)
	for _, s := range m.order {
		changes, err := s.plan(p)
		if err != nil {
			return nil, err
		}
		m.Changes = append(m.Changes, changes...)
	}
	if err := p.result(); err != nil {
		return nil, err
	}
	return m, nil
}

// keep leaves what is in the store and not in the file: passwords, and blobs of
// the same sound.
func (m *Import) keep(ctx context.Context) error {
	users := &m.sections.users
	users.all(func(_ int, u *ccs.User) {
		if old := users.stored[u.ID]; old != nil && u.PasswordHash == "" {
			u.PasswordHash = old.PasswordHash
		}
		if u.PasswordHash == "" {
			m.WithoutPassword = append(m.WithoutPassword, u.Login)
		}
	})
	m.keepSecrets()
	for _, v := range m.sections.sounds.given {
		if v == nil {
			continue
		}
		if err := m.audio.keepStored(ctx, m.db.Blobs(), v, m.sections.sounds.stored[v.ID]); err != nil {
			return err
		}
	}
	return nil
}

// Apply writes the changes, what others refer to first. Where it fails (with
// store.ErrConflict if somebody changed an object since PlanImport), what was
// written stays, and the same import can be done again.
func (m *Import) Apply(ctx context.Context) error {
	err := m.apply(ctx)
	if err != nil {
		return fmt.Errorf("import: %w; what comes before it in the list is in the store. The same import, done again, does the rest", err)
	}
	return nil
}

func (m *Import) apply(ctx context.Context) error {
	sounds := &m.sections.sounds
	for _, i := range sounds.order {
		if err := m.audio.write(ctx, m.db.Blobs(), sounds.given[i]); err != nil {
			return fmt.Errorf("%s.audio: %w", sounds.at(i), err)
		}
	}
	for _, s := range m.order {
		if err := s.write(ctx); err != nil {
			return err
		}
	}
	return nil
}
