package server

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"github.com/alexedwards/argon2id"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/server/archive"
	"github.com/carillon-cc/carillon/sqlite"
	"github.com/carillon-cc/carillon/store"
)

// stored is a server that has got as far as its store.
func stored(t *testing.T, db store.Store, password string) *server {
	t.Helper()
	s := &server{settings: settings{Config: Config{AdminPassword: password}}, db: db, tables: store.NewTables(db)}
	if err := s.tables.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestImportedAdministratorGetsAPasswordAtTheFirstStart(t *testing.T) {
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := stored(t, db, "the first password")
	imported := ccs.User{Meta: ccs.Meta{ID: "boss"}, Login: adminLogin, Name: "Boss", Role: ccs.RoleAdministrator}
	if err := s.tables.Users.Put(t.Context(), &imported); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second start changes nothing
		if err := s.firstStart(t.Context()); err != nil {
			t.Fatal(err)
		}
		admin, err := s.tables.Users.Find(t.Context(), "login", adminLogin)
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := argon2id.ComparePasswordAndHash("the first password", admin.PasswordHash); !ok || err != nil {
			t.Errorf("the password does not fit: %v", err)
		}
		if admin.ID != "boss" || admin.Name != "Boss" {
			t.Errorf("the administrator is %+v", admin)
		}
		s = stored(t, db, "another password")
	}
}

func TestNoServerStartsOnAPartOfABackup(t *testing.T) {
	from, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "from.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	menu := ccs.Menu{Name: "x"}
	if err := stored(t, from, "").tables.Menus.Put(t.Context(), &menu); err != nil {
		t.Fatal(err)
	}
	var backup bytes.Buffer
	if _, err := archive.Backup(t.Context(), from, &backup, ""); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	config := good()
	config.Data = folder
	to, err := config.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// The second reading of the backup, the one that fills the store, fails.
	_, _, err = archive.Restore(t.Context(), to, &onceReadable{Reader: bytes.NewReader(backup.Bytes())})
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(err, archive.ErrUnfinished) {
		t.Fatalf("restore: %v", err)
	}
	if err := Run(t.Context(), config); !errors.Is(err, archive.ErrUnfinished) {
		t.Errorf("the server started: %v", err)
	}
}

type onceReadable struct {
	*bytes.Reader
	sought bool
}

func (o *onceReadable) Seek(offset int64, whence int) (int64, error) {
	o.sought = true
	return o.Reader.Seek(offset, whence)
}

func (o *onceReadable) Read(p []byte) (int, error) {
	if o.sought {
		return 0, errors.New("the disk is broken")
	}
	return o.Reader.Read(p)
}
