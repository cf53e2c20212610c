package mongo

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/carillon-cc/carillon/internal/leaks"
	"github.com/carillon-cc/carillon/store"
	"github.com/carillon-cc/carillon/store/storetest"
)

func TestMain(m *testing.M) { leaks.Verify(m) }

const howTo = `
**********************************************************************
THE MONGODB STORE IS NOT TESTED: CARILLON_TEST_MONGO names no server.
Get one with:  export CARILLON_TEST_MONGO=$(scripts/mongo-for-tests)
**********************************************************************`

// patient is a URI with time limits for a machine that has much else to do.
func patient(uri string) string {
	separator := "?"
	if strings.Contains(uri, "?") {
		separator = "&"
	}
	return uri + separator + "serverSelectionTimeoutMS=60000&connectTimeoutMS=60000&timeoutMS=60000"
}

// testURI is the URI of a database of the test's own.
func testURI(t *testing.T) string {
	t.Helper()
	uri := os.Getenv("CARILLON_TEST_MONGO")
	if uri == "" {
		t.Skip(howTo)
	}
	uri, query, _ := strings.Cut(uri, "?")
	scheme, rest, _ := strings.Cut(uri, "://")
	host, _, _ := strings.Cut(rest, "/")
	uri = scheme + "://" + host + "/test_" + strings.ToLower(ulid.Make().String())
	if query != "" {
		uri += "?" + query
	}
	return uri
}

func open(t *testing.T, uri string) *Store {
	t.Helper()
	s, err := Open(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, driver.ErrClientDisconnected) {
			t.Error(err)
		}
	})
	return s
}

// fresh is a store over an empty database that goes with the test.
func fresh(t *testing.T) *Store {
	t.Helper()
	return freshAt(t, patient(testURI(t)))
}

func freshAt(t *testing.T, uri string) *Store {
	t.Helper()
	t.Cleanup(func() {
		// Not the test's own client, which the test may have closed.
		client, err := driver.Connect(options.Client().ApplyURI(uri))
		if err != nil {
			t.Error(err)
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := errors.Join(client.Database(database(uri)).Drop(ctx), client.Disconnect(ctx)); err != nil {
			t.Error(err)
		}
	})
	return open(t, uri)
}

func TestConformance(t *testing.T) {
	testURI(t) // skips as a whole
	storetest.Run(t, func(t *testing.T) store.Store { return fresh(t) })
}

func TestDatabaseOfURI(t *testing.T) {
	for uri, want := range map[string]string{
		"mongodb://localhost":                           "carillon",
		"mongodb://localhost/":                          "carillon",
		"mongodb://localhost/?w=majority":               "carillon",
		"mongodb://localhost?w=majority":                "carillon",
		"mongodb://localhost:27017/calls":               "calls",
		"mongodb://u:p%2Fq@a:1,b:2/calls?replicaSet=rs": "calls",
		"mongodb+srv://u:p@cluster.example/calls":       "calls",
	} {
		if got := database(uri); got != want {
			t.Errorf("%s: database %q, want %q", uri, got, want)
		}
	}
}

func TestOpenTellsWhatIsWrong(t *testing.T) {
	for _, uri := range []string{"", "http://localhost/", "mongodb://", "mongodb://u:secret@127.0.0.1:1/?serverSelectionTimeoutMS=200"} {
		for try := 1; ; try++ {
			begun := time.Now()
			s, err := Open(t.Context(), uri)
			if err == nil {
				t.Errorf("%q was opened", uri)
				_ = s.Close()
				break
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the password is in the error: %v", err)
			}
			took := time.Since(begun)
			if took < 3*time.Second {
				break
			}
			if try == 3 { // the machine may stand still during one of them
				t.Errorf("%q took %v", uri, took)
				break
			}
		}
	}
}

// Operators look into the data with the server's own tools.
func TestDataIsQueryable(t *testing.T) {
	s := fresh(t)
	if err := s.Ensure(t.Context(), store.Schema{Table: "things"}); err != nil {
		t.Fatal(err)
	}
	doc := store.Document{ID: "a", Data: []byte(`{"n":41,"in":{"list":[{"x":"y"}]},"at":"2025-03-01T12:00:00Z"}`)}
	if _, err := s.Put(t.Context(), "things", doc); err != nil {
		t.Fatal(err)
	}
	n, err := s.db.Collection("things").CountDocuments(t.Context(), bson.D{
		{Key: "data.n", Value: bson.D{{Key: "$gt", Value: 40}}},
		{Key: "data.in.list.x", Value: "y"},
		{Key: "data.at", Value: bson.D{{Key: "$type", Value: "string"}}},
	})
	if err != nil || n != 1 {
		t.Errorf("found %d, %v", n, err)
	}
	// What an operator put there by hand comes back as JSON.
	if _, err := s.db.Collection("things").UpdateOne(t.Context(), byID("a"), bson.D{{Key: "$set", Value: bson.D{
		{Key: "data", Value: bson.D{{Key: "n", Value: int32(7)}, {Key: "at", Value: time.Unix(1740830400, 0)}}},
	}}}); err != nil {
		t.Fatal(err)
	}
	got, err := s.Get(t.Context(), "things", "a")
	if want := `{"n":7,"at":"2025-03-01T12:00:00Z"}`; err != nil || string(got.Data) != want {
		t.Errorf("got %s, %v, want %s", got.Data, err, want)
	}
}

func TestBlobsAreGridFS(t *testing.T) {
	s := fresh(t)
	want := strings.Repeat("0123456789", 60_000)
	for range 2 { // the second replaces the first
		w, err := s.Blobs().Create(t.Context(), "sound")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(want)); err != nil {
			t.Fatal(err)
		}
		if err := w.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	var got strings.Builder
	bucket := s.db.GridFSBucket(options.GridFSBucket().SetName("blobs"))
	if _, err := bucket.DownloadToStreamByName(t.Context(), "sound", &got); err != nil || got.String() != want {
		t.Errorf("GridFS has %d bytes, %v", got.Len(), err)
	}
	left(t, s, map[string]int64{"files": 1, "chunks": 3, "current": 1, "loose": 0})
}

// left counts what the blobs' collections hold.
func left(t *testing.T, s *Store, want map[string]int64) {
	t.Helper()
	for name, want := range want {
		n, err := s.db.Collection("blobs."+name).CountDocuments(t.Context(), bson.D{})
		if err != nil || n != want {
			t.Errorf("blobs.%s has %d documents, %v, want %d", name, n, err, want)
		}
	}
}

func TestNoChunksAreLeft(t *testing.T) {
	s := fresh(t)
	ctx, cancel := context.WithCancel(t.Context())
	w, err := s.Blobs().Create(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 2*store.ChunkSize)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := w.Commit(); !errors.Is(err, context.Canceled) {
		t.Errorf("commit after cancel: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Errorf("close after cancel: %v", err)
	}
	left(t, s, map[string]int64{"files": 0, "chunks": 0, "current": 0, "loose": 0})
}

// Files of a writer whose process died go when the store is opened a day later;
// those of one that may still write, or that became a blob, stay.
func TestAbandonedBlobsAreRemoved(t *testing.T) {
	s := fresh(t)
	for _, id := range []string{"dead", "writing", "done"} {
		w, err := s.Blobs().Create(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, store.ChunkSize)); err != nil {
			t.Fatal(err)
		}
		if id == "done" {
			if err := w.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		if id == "dead" {
			if _, err := s.blobs().loose.UpdateMany(t.Context(), bson.D{}, bson.D{{Key: "$set", Value: bson.D{
				{Key: "since", Value: time.Now().Add(-abandoned - time.Hour)},
			}}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	var done currentBlob
	if err := s.blobs().current.FindOne(t.Context(), byID("done")).Decode(&done); err != nil {
		t.Fatal(err)
	}
	if _, err := s.blobs().loose.InsertOne(t.Context(), bson.D{{Key: "_id", Value: done.File}, {Key: "since", Value: time.Unix(0, 0)}}); err != nil {
		t.Fatal(err)
	}
	if err := s.prepareBlobs(t.Context()); err != nil {
		t.Fatal(err)
	}
	left(t, s, map[string]int64{"files": 1, "chunks": 2, "current": 1, "loose": 1})
}

// Two processes over one database.
func TestDatabaseIsShared(t *testing.T) {
	uri := patient(testURI(t))
	one := freshAt(t, uri)
	two := open(t, uri)
	schema := store.Schema{Table: "things", Fields: []string{"login"}, Unique: []string{"login"}}
	for _, s := range []*Store{one, two} {
		if err := s.Ensure(t.Context(), schema); err != nil {
			t.Fatal(err)
		}
	}
	doc := store.Document{ID: "a", Data: []byte(`{}`), Fields: map[string]string{"login": "ann"}}
	if _, err := one.Put(t.Context(), "things", doc); err != nil {
		t.Fatal(err)
	}
	if _, err := two.Put(t.Context(), "things", doc); !errors.Is(err, store.ErrConflict) {
		t.Errorf("create in both: %v", err)
	}
	doc.ID = "b"
	if _, err := two.Put(t.Context(), "things", doc); !errors.Is(err, store.ErrDuplicate) {
		t.Errorf("duplicate in both: %v", err)
	}
}
