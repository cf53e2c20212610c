package archive

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/ccs/demo"
	"github.com/carillon-cc/carillon/internal/leaks"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/mongo"
	"github.com/carillon-cc/carillon/sqlite"
	"github.com/carillon-cc/carillon/store"
)

func TestMain(m *testing.M) { leaks.Verify(m) }

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// passwordHash is that of some password.
const passwordHash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$qqxHG1lUYVxYkA5cN6mTjvJ3wbpbCvjBCBmr9a9sQ2I"

// trunkPassword is that of the trunk.
const trunkPassword = "open sesame 12"

func openSQLite(t testing.TB) store.Store {
	t.Helper()
	db, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, db) })
	return db
}

func closeStore(t testing.TB, db store.Store) {
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// openMongo is an empty database on the server of CARILLON_TEST_MONGO, which
// goes with the test.
func openMongo(t *testing.T) store.Store {
	t.Helper()
	uri := os.Getenv("CARILLON_TEST_MONGO")
	if uri == "" {
		t.Skip("CARILLON_TEST_MONGO names no server: export CARILLON_TEST_MONGO=$(scripts/mongo-for-tests)")
	}
	uri, query, _ := strings.Cut(uri, "?")
	scheme, rest, _ := strings.Cut(uri, "://")
	host, _, _ := strings.Cut(rest, "/")
	name := "test_" + strings.ToLower(ulid.Make().String())
	uri = scheme + "://" + host + "/" + name + "?" + query
	db, err := mongo.Open(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		closeStore(t, db)
		client, err := driver.Connect(options.Client().ApplyURI(uri))
		if err != nil {
			t.Error(err)
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if err := client.Database(name).RunCommand(ctx, bson.D{{Key: "dropDatabase", Value: 1}}).Err(); err != nil {
			t.Error(err)
		}
		if err := client.Disconnect(ctx); err != nil {
			t.Error(err)
		}
	})
	return db
}

func tablesOf(t testing.TB, db store.Store) *store.Tables {
	t.Helper()
	tables := store.NewTables(db)
	if err := tables.Ensure(context.Background()); err != nil {
		t.Fatal(err)
	}
	return tables
}

func put[T any, P store.Object[T]](t testing.TB, table *store.Table[T, P], list ...T) {
	t.Helper()
	for i := range list {
		if err := table.Put(context.Background(), &list[i]); err != nil {
			t.Fatal(err)
		}
	}
}

// fillCenter writes what a small center has: the demo set, an administrator, a
// sound, calls of which one still runs, and a recording.
func fillCenter(t testing.TB, db store.Store) {
	t.Helper()
	tables := tablesOf(t, db)
	set := demo.New("en", noon)
	for i := range set.Users {
		set.Users[i].PasswordHash = passwordHash
	}
	put(t, tables.Users, set.Users...)
	put(t, tables.Users, ccs.User{Meta: ccs.Meta{ID: "boss"}, Login: "admin", Role: ccs.RoleAdministrator, PasswordHash: passwordHash})
	put(t, tables.Agents, set.Agents...)
	put(t, tables.VoiceTexts, set.VoiceTexts...)
	put(t, tables.Queues, set.Queues...)
	put(t, tables.Menus, set.Menus...)
	put(t, tables.Versions, set.Version)
	put(t, tables.Plans, set.Plan)
	put(t, tables.Numbers, set.Number)
	saveBlob(t, db, "uploads/greeting-1.wav", wavFile(800))
	put(t, tables.Sounds, ccs.Sound{Meta: ccs.Meta{ID: "greeting"}, Name: "Greeting <&>", Blob: "uploads/greeting-1.wav", Duration: 100})
	put(t, tables.Lines, ccs.Line{
		Meta: ccs.Meta{ID: "reception"}, Number: "201", Name: "Reception",
		Secrets: ccs.LineSecrets{MD5: strings.Repeat("a", 32), SHA256: strings.Repeat("b", 64)},
	})
	put(t, tables.Trunks, ccs.Trunk{
		Meta: ccs.Meta{ID: "provider"}, Name: "Provider", Targets: []ccs.TrunkTarget{{Host: "sip.example.org"}}, Register: true,
		Username: "account", Password: trunkPassword,
	})
	put(t, tables.Sessions, ccs.Session{Meta: ccs.Meta{ID: "session"}, Expires: noon})
	put(t, tables.Bindings, ccs.Bindings{Meta: ccs.Meta{ID: "n-00"}, Node: "n", List: []ccs.Binding{{Line: "reception"}}})

	ended := ccs.CallRecord{
		Meta: ccs.Meta{ID: "call-1"}, Direction: "in", From: "+441632960001", To: demo.Number, Queue: demo.SalesID, Started: noon,
		Ended: noon.Add(time.Minute), EndedBy: "caller", Recording: "call-1", Node: "n",
		Events: []ccs.CallEvent{{At: noon, Kind: ccs.EventArrived}},
	}
	put(t, tables.Calls, ended)
	for range 4 { // so that its revision is not the first
		kept, err := tables.Calls.Get(context.Background(), "call-1")
		if err != nil {
			t.Fatal(err)
		}
		put(t, tables.Calls, *kept)
	}
	put(t, tables.Calls, ccs.CallRecord{
		Meta: ccs.Meta{ID: "call-2"}, From: "+441632960002", To: demo.Number, Started: noon.Add(time.Hour), Node: "n",
		Events: []ccs.CallEvent{{At: noon.Add(time.Hour), Kind: ccs.EventArrived}, {At: noon.Add(61 * time.Minute), Kind: ccs.EventQueued}},
	})
	saveBlob(t, db, "recording-call-1", noise(3*store.ChunkSize+11))
	put(t, tables.Recordings, ccs.Recording{Meta: ccs.Meta{ID: "call-1"}, CallID: "call-1", Blob: "recording-call-1", Started: noon})
}

// noise is n bytes that do not repeat soon.
func noise(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

// wavFile is a sound of so many samples.
func wavFile(samples int) []byte {
	head := media.AppendWAVHeader(nil, media.WAV{Codec: media.PCMA, Channels: 1, SampleRate: 8000, DataBytes: int64(samples)})
	return append(head, noise(samples)...)
}

func saveBlob(t testing.TB, db store.Store, id string, data []byte) {
	t.Helper()
	w, err := db.Blobs().Create(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(data)
	if err := errors.Join(err, w.Commit(), w.Close()); err != nil {
		t.Fatal(err)
	}
}

// content is all that is in a store, but for what a backup leaves out: documents by table and
// id, and blobs.
func content(t testing.TB, db store.Store) (docs map[string]store.Document, blobs map[string][]byte) {
	t.Helper()
	docs, blobs = make(map[string]store.Document), make(map[string][]byte)
	order, _ := kept(tablesOf(t, db))
	for _, table := range order {
		name := table.Schema().Table
		page, err := db.List(context.Background(), name, store.Query{})
		if err != nil {
			t.Fatal(err)
		}
		for _, doc := range page.Documents {
			docs[name+" "+doc.ID] = doc
		}
	}
	ids, err := db.Blobs().List(context.Background(), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if blobs[id], err = readBlob(context.Background(), db.Blobs(), id); err != nil {
			t.Fatal(err)
		}
	}
	return docs, blobs
}

func backupOf(t testing.TB, db store.Store) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := Backup(context.Background(), db, &b, "1.2.3"); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func exportOf(t testing.TB, db store.Store, passwords bool) string {
	t.Helper()
	var b bytes.Buffer
	if err := Export(context.Background(), db, &b, passwords); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// planOf reads and plans, for a file that can be read.
func planOf(t testing.TB, db store.Store, file string) (*Import, error) {
	t.Helper()
	c, err := ReadConfiguration(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return PlanImport(context.Background(), db, c)
}

func mustImport(t testing.TB, db store.Store, file string) *Import {
	t.Helper()
	m, err := planOf(t, db, file)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Apply(context.Background()); err != nil {
		t.Fatal(err)
	}
	return m
}
