package web

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sqlite"
	"github.com/carillon-cc/carillon/store"
)

func TestPasswordsHaveALength(t *testing.T) {
	for _, p := range []string{"", "short", strings.Repeat("x", MaxPassword+1)} {
		if _, err := HashPassword(p); !errors.Is(err, ErrPassword) {
			t.Errorf("a password of %d characters: %v", len(p), err)
		}
	}
	hash, err := HashPassword("ééééééé!")
	if err != nil || !strings.HasPrefix(hash, "$argon2id$") {
		t.Errorf("got %q, %v", hash, err)
	}
}

func TestCreateUserMakesTheAgentToo(t *testing.T) {
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tables := store.NewTables(db)
	if err := tables.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	user := &ccs.User{Login: "alice", Role: ccs.RoleAgent}
	if err := CreateUser(t.Context(), tables, user, password); err != nil {
		t.Fatal(err)
	}
	if _, err := tables.Agents.Get(t.Context(), user.ID); err != nil {
		t.Error(err)
	}
	if ok, err := newPasswords().match(user, password); !ok || err != nil {
		t.Errorf("the password does not fit: %v", err)
	}
	twin := &ccs.User{Login: "alice", Role: ccs.RoleAgent}
	if err := CreateUser(t.Context(), tables, twin, password); !errors.Is(err, store.ErrDuplicate) {
		t.Errorf("a second alice: %v", err)
	}
}

func TestNobodySignsInAsAUserWithoutAPassword(t *testing.T) {
	for _, typed := range []string{"", "a password for tests"} {
		if ok, err := newPasswords().match(&ccs.User{Login: "imported"}, typed); ok || err != nil {
			t.Errorf("password %q: fits %v, %v", typed, ok, err)
		}
	}
}
