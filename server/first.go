package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/ccs/demo"
	"github.com/carillon-cc/carillon/server/web"
	"github.com/carillon-cc/carillon/store"
)

// adminLogin is the name of the first administrator.
const adminLogin = "admin"

// firstStart fills an empty store: the administrator and, if asked for, the
// demo set. A store that has an administrator of this login is left as it is,
// but for one without a password, as an import makes it: nobody could sign in.
func (s *server) firstStart(ctx context.Context) error {
	admin, err := s.tables.Users.Find(ctx, "login", adminLogin)
	there := err == nil
	if there && admin.PasswordHash != "" || !there && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	password := s.settings.AdminPassword
	if password == "" {
		password = newPassword()
		// Printed, not logged: logs are kept and sent elsewhere.
		fmt.Fprintf(os.Stderr, "\n  First start. Sign in as %q with the password %s\n\n", adminLogin, password)
	}
	hash, err := web.HashPassword(password)
	if err != nil {
		return fmt.Errorf("CARILLON_ADMIN_PASSWORD: set the administrator's password: %w", err)
	}
	if there {
		admin.PasswordHash = hash
		if err := s.tables.Users.Put(ctx, admin); err != nil {
			return fmt.Errorf("set the administrator's password: %w", err)
		}
		return nil
	}
	if s.settings.Demo {
		if err := s.fillDemo(ctx, hash); err != nil {
			return fmt.Errorf("fill in the demo set: %w", err)
		}
	}
	// Last, so that a start that failed half-way is done again in full.
	admin = &ccs.User{Login: adminLogin, Name: "Administrator", Role: ccs.RoleAdministrator, PasswordHash: hash}
	if err := s.tables.Users.Put(ctx, admin); err != nil {
		return fmt.Errorf("create the administrator: %w", err)
	}
	return nil
}

// fillDemo writes the demo set. What an earlier, interrupted start has written
// stays.
func (s *server) fillDemo(ctx context.Context, hash string) error {
	set := demo.New("en", time.Now().UTC())
	for i := range set.Users {
		set.Users[i].PasswordHash = hash
	}
	return errors.Join(
		create(ctx, s.tables.Users, set.Users...), create(ctx, s.tables.Agents, set.Agents...),
		create(ctx, s.tables.VoiceTexts, set.VoiceTexts...), create(ctx, s.tables.Queues, set.Queues...),
		create(ctx, s.tables.Menus, set.Menus...), create(ctx, s.tables.Versions, set.Version),
		create(ctx, s.tables.Plans, set.Plan), create(ctx, s.tables.Numbers, set.Number),
	)
}

// create writes objects that may be there already.
func create[T any, P store.Object[T]](ctx context.Context, table *store.Table[T, P], list ...T) error {
	for i := range list {
		err := table.Put(ctx, &list[i])
		if err != nil && !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrDuplicate) {
			return err
		}
	}
	return nil
}
