package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
)

func TestRestoreBringsEverythingBack(t *testing.T) {
	for _, c := range []struct {
		name     string
		from, to func(t *testing.T) store.Store
	}{
		{"sqlite", func(t *testing.T) store.Store { return openSQLite(t) }, func(t *testing.T) store.Store { return openSQLite(t) }},
		{"sqlite to mongo", func(t *testing.T) store.Store { return openSQLite(t) }, openMongo},
		{"mongo to sqlite", openMongo, func(t *testing.T) store.Store { return openSQLite(t) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			from, to := c.from(t), c.to(t)
			fillCenter(t, from)
			began := time.Now()
			data := backupOf(t, from)
			took := time.Since(began)
			manifest, summary, err := Restore(t.Context(), to, bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if manifest.Carillon != "1.2.3" || manifest.Created.Sub(began) < -time.Second || manifest.Created.Sub(began) > took+time.Second {
				t.Errorf("manifest %+v", manifest)
			}
			if summary.Blobs != 2 || summary.Documents["calls"] != 2 || summary.Documents["users"] != 3 {
				t.Errorf("summary %s", summary)
			}
			compare(t, from, to)
			if err := CheckWhole(t.Context(), to); err != nil {
				t.Error(err)
			}
			// Indexes are there too.
			if u, err := tablesOf(t, to).Users.Find(t.Context(), "login", "alice"); err != nil || u.Name != "Alice" {
				t.Errorf("alice is not found: %v", err)
			}
			if _, err := tablesOf(t, to).Sessions.Get(t.Context(), "session"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("a session came back: %v", err)
			}
			if _, err := tablesOf(t, to).Bindings.Get(t.Context(), "n-00"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("a line's telephone came back: %v", err)
			}
		})
	}
}

// compare tells that two stores have the same, but for the call that ran.
func compare(t *testing.T, from, to store.Store) {
	t.Helper()
	docs, blobs := content(t, from)
	gotDocs, gotBlobs := content(t, to)
	if !reflect.DeepEqual(gotBlobs, blobs) {
		t.Error("blobs differ")
	}
	if len(gotDocs) != len(docs) {
		t.Errorf("%d documents, want %d", len(gotDocs), len(docs))
	}
	for at, want := range docs {
		got := gotDocs[at]
		if at == "calls call-2" {
			checkCutOff(t, got)
			continue
		}
		var g, w any
		if err := errors.Join(json.Unmarshal(got.Data, &g), json.Unmarshal(want.Data, &w)); err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		if !reflect.DeepEqual(g, w) || got.Revision != want.Revision || !got.Time.Equal(want.Time) || !reflect.DeepEqual(got.Fields, want.Fields) {
			t.Errorf("%s: got %+v, want %+v", at, got, want)
		}
	}
	if docs["calls call-1"].Revision != 5 {
		t.Error("the call's revision says nothing")
	}
}

func checkCutOff(t *testing.T, doc store.Document) {
	t.Helper()
	var record ccs.CallRecord
	if err := json.Unmarshal(doc.Data, &record); err != nil {
		t.Fatal(err)
	}
	if !record.Ended.Equal(noon.Add(61*time.Minute)) || record.Cause != "crash" || doc.Fields["open"] != "" || len(record.Events) != 3 {
		t.Errorf("the call that ran came back as %+v", record)
	}
}

func TestRestoreRefusesAStoreThatHasSomething(t *testing.T) {
	from, to := openSQLite(t), openSQLite(t)
	fillCenter(t, from)
	put(t, tablesOf(t, to).Menus, ccs.Menu{Name: "x"})
	saveBlob(t, to, "b", nil)
	before, _ := content(t, to)
	_, _, err := Restore(t.Context(), to, bytes.NewReader(backupOf(t, from)))
	if !errors.Is(err, ErrNotEmpty) || !strings.Contains(err.Error(), "menus, blobs") {
		t.Errorf("error %v", err)
	}
	if after, _ := content(t, to); !reflect.DeepEqual(before, after) {
		t.Error("the store was changed")
	}
}

// rewrite makes a backup of the entries of another, changed by edit; "" as a
// name drops an entry.
func rewrite(t testing.TB, data []byte, edit func(name string, body []byte) (string, []byte)) []byte {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	in := tar.NewReader(zip)
	var out bytes.Buffer
	packed := gzip.NewWriter(&out)
	w := tar.NewWriter(packed)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		name, body := edit(h.Name, body)
		if name == "" {
			continue
		}
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(body)), Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(body); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), packed.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func replaced(name, old, now string) func(string, []byte) (string, []byte) {
	return func(n string, body []byte) (string, []byte) {
		if n == name {
			body = bytes.ReplaceAll(body, []byte(old), []byte(now))
		}
		return n, body
	}
}

func renamed(name, now string) func(string, []byte) (string, []byte) {
	return func(n string, body []byte) (string, []byte) {
		if n == name {
			n = now
		}
		return n, body
	}
}

func TestBadBackupsAreRefusedInWords(t *testing.T) {
	from, to := openSQLite(t), openSQLite(t)
	fillCenter(t, from)
	good := backupOf(t, from)
	flipped := bytes.Clone(good)
	flipped[len(good)/2] ^= 0x10
	menus := tablesFolder + "menus/000001.jsonl"
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":             {nil, "no backup of Carillon"},
		"another file":        {[]byte(`{"format":"carillon-configuration"}`), "no backup of Carillon"},
		"cut in the middle":   {good[:len(good)/2], "cut off: it ends in " + blobsFolder},
		"cut at the end":      {good[:len(good)-4], "cut off: it ends in " + endName},
		"a bit changed":       {flipped, "damaged"},
		"followed by more":    {append(bytes.Clone(good), "more and more and more"...), "damaged"},
		"no end":              {rewrite(t, good, renamed(endName, "")), "cut off: end.json is missing"},
		"no manifest":         {rewrite(t, good, renamed(manifestName, "")), "does not begin with manifest.json"},
		"another format":      {rewrite(t, good, replaced(manifestName, backupFormat, "x")), `format: is "x"`},
		"newer":               {rewrite(t, good, replaced(manifestName, `"version": 1`, `"version": 2`)), "newer Carillon"},
		"a table missing":     {rewrite(t, good, renamed(menus, "")), "menus 1"},
		"a table unknown":     {rewrite(t, good, renamed(menus, tablesFolder+"spells/000001.jsonl")), `no table "spells"`},
		"an entry unknown":    {rewrite(t, good, renamed(menus, "passwd")), "no such entry"},
		"an object changed":   {rewrite(t, good, replaced(menus, "Main menu", "Side menu")), "SHA-256"},
		"an object broken":    {rewrite(t, good, replaced(menus, `"keys":[`, `"keys":{`)), menus + ": line 1"},
		"an object of others": {rewrite(t, good, replaced(menus, `"keys":[`, `"keys":7,"x":[`)), menus + ": line 1: decode"},
		"no revision":         {rewrite(t, good, replaced(menus, `"revision":1`, `"revision":0`)), "below 1"},
		"a blob twice":        {rewrite(t, good, renamed(blobEntry("uploads/greeting-1.wav"), blobEntry("recording-call-1"))), "comes after"},
		"a blob's odd name":   {rewrite(t, good, renamed(blobEntry("recording-call-1"), blobsFolder+"../../x.blob")), "not the name of a blob"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := Restore(t.Context(), to, bytes.NewReader(c.data))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want one with %q", err, c.want)
			}
			if docs, blobs := content(t, to); len(docs)+len(blobs) > 0 {
				t.Error("something was restored")
			}
			if err := CheckWhole(t.Context(), to); err != nil {
				t.Error(err)
			}
		})
	}
}

// failing is a store that takes only so many documents.
type failing struct {
	store.Store
	left int
}

func (f *failing) Restore(ctx context.Context, table string, doc store.Document) error {
	if f.left--; f.left < 0 {
		return errors.New("the disk is full")
	}
	return f.Store.Restore(ctx, table, doc)
}

func TestRestoreThatFailsIsNotedAndCanBeRepeated(t *testing.T) {
	from, to := openSQLite(t), openSQLite(t)
	fillCenter(t, from)
	data := backupOf(t, from)
	_, _, err := Restore(t.Context(), &failing{Store: to, left: 5}, bytes.NewReader(data))
	if !errors.Is(err, ErrUnfinished) || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("error %v", err)
	}
	if docs, _ := content(t, to); len(docs) != 5 {
		t.Errorf("%d documents are there, which shows nothing", len(docs))
	}
	for what, err := range map[string]error{
		"check": CheckWhole(t.Context(), to), "export": Export(t.Context(), to, io.Discard, false), "backup": second(Backup(t.Context(), to, io.Discard, "")),
	} {
		if !errors.Is(err, ErrUnfinished) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, _, err := Restore(t.Context(), to, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	compare(t, from, to)
	if err := CheckWhole(t.Context(), to); err != nil {
		t.Error(err)
	}
}

func second[T any](_ T, err error) error { return err }

// vanishing is a store one of whose blobs goes away while it is read.
type vanishing struct{ store.Store }

type vanishingBlobs struct{ store.Blobs }

type vanishingBlob struct {
	store.Blob
	left int
}

func (v vanishing) Blobs() store.Blobs { return vanishingBlobs{v.Store.Blobs()} }

func (v vanishingBlobs) Open(ctx context.Context, id string) (store.Blob, error) {
	b, err := v.Blobs.Open(ctx, id)
	if err == nil && id == "recording-call-1" {
		b = &vanishingBlob{b, 1000}
	}
	return b, err
}

func (v *vanishingBlob) Read(p []byte) (int, error) {
	if v.left == 0 {
		return 0, fmt.Errorf("read: %w", store.ErrNotFound)
	}
	n, err := v.Blob.Read(p[:min(len(p), v.left)])
	v.left -= n
	return n, err
}

func TestBlobDeletedDuringTheBackupIsLeftOut(t *testing.T) {
	from, to := openSQLite(t), openSQLite(t)
	fillCenter(t, from)
	if _, _, err := Restore(t.Context(), to, bytes.NewReader(backupOf(t, vanishing{from}))); err != nil {
		t.Fatal(err)
	}
	docs, blobs := content(t, to)
	if len(blobs) != 1 || blobs["uploads/greeting-1.wav"] == nil || len(docs) == 0 {
		t.Errorf("%d blobs came back", len(blobs))
	}
}

func TestBackupTakesManyObjectsAndOddIDs(t *testing.T) {
	from, to := openSQLite(t), openSQLite(t)
	tables := tablesOf(t, from)
	for i := range 3*documentsPage + 1 {
		put(t, tables.Calls, ccs.CallRecord{Meta: ccs.Meta{ID: fmt.Sprint("call", i)}, Started: noon.Add(time.Duration(i%7) * time.Second), Ended: noon})
	}
	for _, id := range []string{"..", "a/b", "é %2F", ".", strings.Repeat("x", store.MaxKey)} {
		saveBlob(t, from, id, []byte(id))
	}
	if _, _, err := Restore(t.Context(), to, bytes.NewReader(backupOf(t, from))); err != nil {
		t.Fatal(err)
	}
	docs, blobs := content(t, from)
	gotDocs, gotBlobs := content(t, to)
	if !reflect.DeepEqual(blobs, gotBlobs) || !reflect.DeepEqual(docs, gotDocs) {
		t.Errorf("%d documents and %d blobs of %d and %d came back alike", len(gotDocs), len(gotBlobs), len(docs), len(blobs))
	}
}

// Whatever comes as a backup is refused or can be read again to the same end.
func FuzzBackup(f *testing.F) {
	from := openSQLite(f)
	put(f, tablesOf(f, from).Menus, ccs.Menu{Meta: ccs.Meta{ID: "m"}, Name: "x"})
	saveBlob(f, from, "b", []byte("sound"))
	good := unpack(f, backupOf(f, from))
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte{})
	_, tables := kept(store.NewTables(from))
	f.Fuzz(func(t *testing.T, data []byte) {
		// The mutations are made within the compression, which would refuse
		// nearly all of them.
		var packed bytes.Buffer
		zip := gzip.NewWriter(&packed)
		if _, err := zip.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := zip.Close(); err != nil {
			t.Fatal(err)
		}
		manifest, last, err := read(t.Context(), bytes.NewReader(packed.Bytes()), tables, looker{})
		if err != nil {
			return
		}
		again, lastAgain, err := read(t.Context(), bytes.NewReader(packed.Bytes()), tables, looker{})
		if err != nil || again != manifest || !reflect.DeepEqual(last, lastAgain) {
			t.Errorf("%+v, then %+v, %v", manifest, again, err)
		}
		if manifest.check() != nil || last.Blobs < 0 {
			t.Errorf("taken: %+v %+v", manifest, last)
		}
	})
}

func unpack(t testing.TB, data []byte) []byte {
	zip, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(zip)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}
