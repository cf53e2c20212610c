package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/carillon-cc/carillon/store"
)

// noise is n bytes that do not repeat, the same for the same seed.
func noise(n int, seed byte) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b) // never fails
	return b
}

func create(t *testing.T, s store.Store, id string) store.BlobWriter {
	t.Helper()
	w, err := s.Blobs().Create(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func writeAll(t *testing.T, w io.Writer, data []byte) {
	t.Helper()
	if n, err := w.Write(data); err != nil || n != len(data) {
		t.Fatalf("wrote %d of %d: %v", n, len(data), err)
	}
}

func commit(t *testing.T, w store.BlobWriter) {
	t.Helper()
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatalf("close after commit: %v", err)
	}
}

func save(t *testing.T, s store.Store, id string, data []byte) {
	t.Helper()
	w := create(t, s, id)
	writeAll(t, w, data)
	commit(t, w)
}

func openBlob(t *testing.T, s store.Store, id string) store.Blob {
	t.Helper()
	b, err := s.Blobs().Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func noBlob(t *testing.T, s store.Store, id string) {
	t.Helper()
	b, err := s.Blobs().Open(t.Context(), id)
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("open of blob %q: %v, %v, want ErrNotFound", id, b, err)
	}
}

func hasBlob(t *testing.T, s store.Store, id string, want []byte) {
	t.Helper()
	b := openBlob(t, s, id)
	if b.Size() != int64(len(want)) {
		t.Errorf("blob %q has size %d, want %d", id, b.Size(), len(want))
	}
	got, err := io.ReadAll(b)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("blob %q: read %d bytes, equal %v, %v", id, len(got), bytes.Equal(got, want), err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func testBlob(t *testing.T, s store.Store) {
	noBlob(t, s, "a")
	for i, size := range []int{0, 1, 1000, store.ChunkSize - 1, store.ChunkSize, store.ChunkSize + 1, 3*store.ChunkSize + 5} {
		id := fmt.Sprintf("sound/%d %s", i, "é'$.")
		data := noise(size, 1)
		w := create(t, s, id)
		for rest := data; len(rest) > 0; { // in pieces of odd sizes
			n := min(len(rest), 77_777)
			writeAll(t, w, rest[:n])
			rest = rest[n:]
		}
		noBlob(t, s, id)
		commit(t, w)
		if _, err := w.Write([]byte("x")); err == nil {
			t.Error("write after commit did not fail")
		}
		hasBlob(t, s, id, data)
	}
	for _, bad := range []string{"", "\xff"} {
		if _, err := s.Blobs().Create(t.Context(), bad); err == nil {
			t.Errorf("a blob of id %q was created", bad)
		}
	}
}

func testBlobAbort(t *testing.T, s store.Store) {
	w := create(t, s, "a")
	writeAll(t, w, noise(600_000, 1))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	noBlob(t, s, "a")
	if err := w.Commit(); err == nil {
		t.Error("commit after close did not fail")
	}
	noBlob(t, s, "a")
	// One that is there stays.
	save(t, s, "a", []byte("first"))
	w = create(t, s, "a")
	writeAll(t, w, noise(600_000, 2))
	hasBlob(t, s, "a", []byte("first"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Errorf("close twice: %v", err)
	}
	hasBlob(t, s, "a", []byte("first"))
}

func testBlobReplace(t *testing.T, s store.Store) {
	old, replaced := noise(700_000, 1), noise(800_000, 2)
	save(t, s, "a", old)
	save(t, s, "b", old)
	reader := openBlob(t, s, "a")
	if _, err := io.ReadFull(reader, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	save(t, s, "a", replaced)
	hasBlob(t, s, "a", replaced)
	// The reader of the old one gets its bytes or an error, never others.
	rest, err := io.ReadAll(reader)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Errorf("reading on in a replaced blob: %v", err)
	}
	if !bytes.HasPrefix(old[10:], rest) || err == nil && len(rest) != len(old)-10 {
		t.Errorf("reading on in a replaced blob gave %d bytes of something else, %v", len(rest), err)
	}
	for range 2 { // the second time there is nothing, which is no error
		if err := s.Blobs().Delete(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		noBlob(t, s, "a")
	}
	hasBlob(t, s, "b", old)
	save(t, s, "a", old)
	hasBlob(t, s, "a", old)
	// A blob that is being written is none that Delete removes.
	w := create(t, s, "a")
	writeAll(t, w, replaced)
	if err := s.Blobs().Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	commit(t, w)
	hasBlob(t, s, "a", replaced)
}

func testBlobList(t *testing.T, s store.Store) {
	list := func(after string, limit int) []string {
		t.Helper()
		ids, err := s.Blobs().List(t.Context(), after, limit)
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	equal(t, list("", 10), nil)
	for _, id := range []string{"b", "a/2", "é", "B", "a", "gone"} {
		save(t, s, id, []byte(id))
	}
	save(t, s, "b", []byte("replaced"))
	writeAll(t, create(t, s, "unfinished"), []byte("x"))
	if err := s.Blobs().Delete(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	equal(t, list("", 10), []string{"B", "a", "a/2", "b", "é"})
	equal(t, list("", 2), []string{"B", "a"})
	equal(t, list("a", 2), []string{"a/2", "b"})
	equal(t, list("aa", 10), []string{"b", "é"})
	equal(t, list("é", 10), nil)
	if _, err := s.Blobs().List(t.Context(), "", 0); err == nil {
		t.Error("a list of at most 0 was made")
	}
}

func testBlobSeek(t *testing.T, s store.Store) {
	data := noise(2*store.ChunkSize+1000, 1)
	save(t, s, "a", data)
	b := openBlob(t, s, "a")
	size := int64(len(data))
	p := make([]byte, 300)
	for _, c := range []struct {
		offset int64
		whence int
		want   int64
	}{
		{0, io.SeekStart, 0},
		{store.ChunkSize - 100, io.SeekStart, store.ChunkSize - 100}, // over the edge of a chunk
		{-300, io.SeekCurrent, store.ChunkSize - 100},
		{-300, io.SeekEnd, size - 300},
		{5, io.SeekStart, 5},
		{2 * store.ChunkSize, io.SeekStart, 2 * store.ChunkSize},
	} {
		at, err := b.Seek(c.offset, c.whence)
		if err != nil || at != c.want {
			t.Fatalf("seek %d from %d: at %d, %v, want %d", c.offset, c.whence, at, err, c.want)
		}
		if _, err := io.ReadFull(b, p); err != nil || !bytes.Equal(p, data[at:at+int64(len(p))]) {
			t.Errorf("read at %d: %v or other bytes", at, err)
		}
	}
	if _, err := b.Seek(size+10, io.SeekStart); err != nil {
		t.Error(err)
	}
	if n, err := b.Read(p); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("read behind the end: %d, %v", n, err)
	}
	if _, err := b.Seek(-1, io.SeekStart); err == nil {
		t.Error("seek before the beginning did not fail")
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if _, err := b.Read(p); err == nil {
		t.Error("read after close did not fail")
	}
}

func testBlobLarge(t *testing.T, s store.Store) {
	data := noise(10<<20, 1)
	save(t, s, "a", data)
	hasBlob(t, s, "a", data)
	if err := s.Blobs().Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	noBlob(t, s, "a")
}

func testBlobConcurrent(t *testing.T, s store.Store) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			data := noise(500_000+i, byte(i))
			id := fmt.Sprint("blob", i)
			w, err := s.Blobs().Create(t.Context(), id)
			if err != nil {
				t.Error(err)
				return
			}
			shared, err := s.Blobs().Create(t.Context(), "shared")
			if err != nil {
				t.Error(err)
				return
			}
			for part := data; len(part) > 0; {
				n := min(len(part), 100_000)
				for _, w := range []io.Writer{w, shared} {
					if _, err := w.Write(part[:n]); err != nil {
						t.Error(err)
						return
					}
				}
				part = part[n:]
			}
			for _, w := range []store.BlobWriter{w, shared} {
				if err := errors.Join(w.Commit(), w.Close()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for i := range 8 {
		hasBlob(t, s, fmt.Sprint("blob", i), noise(500_000+i, byte(i)))
	}
	// Of those of one id the last is whole.
	last := openBlob(t, s, "shared")
	hasBlob(t, s, "shared", noise(int(last.Size()), byte(last.Size()-500_000)))
}

// A blob is written as slowly as a call is spoken; nobody waits for it.
func testBlobWriterWaits(t *testing.T, s store.Store) {
	ensure(t, s, plain)
	w := create(t, s, "a")
	writeAll(t, w, noise(store.ChunkSize*2, 1))
	if _, err := s.Put(short(t), "plain", store.Document{ID: "x", Data: []byte(`{}`)}); err != nil {
		t.Fatalf("a put waits for the writer of a blob: %v", err)
	}
	save(t, s, "b", []byte("meanwhile"))
	reader := openBlob(t, s, "b")
	if _, err := s.Put(short(t), "plain", store.Document{ID: "y", Data: []byte(`{}`)}); err != nil {
		t.Fatalf("a put waits for the reader of a blob: %v", err)
	}
	if err := reader.Close(); err != nil {
		t.Error(err)
	}
	commit(t, w)
	hasBlob(t, s, "a", noise(store.ChunkSize*2, 1))
}
