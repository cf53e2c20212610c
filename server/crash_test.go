package server

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sqlite"
	"github.com/carillon-cc/carillon/store"
)

// opened is a server with a store and a spool, and nothing else.
func opened(t *testing.T) *server {
	t.Helper()
	folder := t.TempDir()
	db, err := sqlite.Open(t.Context(), filepath.Join(folder, "carillon.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s := &server{db: db, tables: store.NewTables(db), node: "node-1", log: slog.New(slog.DiscardHandler)}
	if err := s.tables.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.spool, err = newSpool(filepath.Join(folder, "spool"), media.NewRecordWriter(), s.tables, db.Blobs(), s.log)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// leaveRecording writes what a process leaves behind that dies while it
// records: a header that says nothing was recorded yet, and sound after it.
func leaveRecording(t *testing.T, s *server, callID string, length time.Duration) {
	t.Helper()
	r, err := s.spool.Open(callID, "queue-1", media.PCMA)
	if err != nil {
		t.Fatal(err)
	}
	header, err := os.ReadFile(s.spool.wav(callID))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Close(); err != nil {
		t.Fatal(err)
	}
	sound := make([]byte, length.Milliseconds()*16) // stereo, 8 kHz, a byte a sample
	if err := os.WriteFile(s.spool.wav(callID), append(header, sound...), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCallsThatACrashCutOffAreClosedAtTheNextStart(t *testing.T) {
	s := opened(t)
	started := time.Now().UTC().Add(-time.Minute).Truncate(time.Millisecond)
	for id, node := range map[string]string{"mine": "node-1", "theirs": "node-2"} {
		record := ccs.CallRecord{
			Meta: ccs.Meta{ID: id}, Node: node, Started: started, From: "+33123456789",
			Events: []ccs.CallEvent{{At: started, Kind: ccs.EventArrived}},
		}
		if err := s.tables.Calls.Put(t.Context(), &record); err != nil {
			t.Fatal(err)
		}
	}
	leaveRecording(t, s, "mine", 12*time.Second)

	found, err := s.closeCrashed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0] != "mine" {
		t.Fatalf("found recordings of %v", found)
	}
	mine, err := s.tables.Calls.Get(t.Context(), "mine")
	if err != nil {
		t.Fatal(err)
	}
	if mine.Cause != "crash" || mine.EndedBy != "system" || !mine.Ended.After(started) {
		t.Errorf("record says %q by %q at %v", mine.Cause, mine.EndedBy, mine.Ended)
	}
	if last := mine.Events[len(mine.Events)-1]; last.Kind != ccs.EventEnded {
		t.Errorf("the timeline ends with %q", last.Kind)
	}
	theirs, err := s.tables.Calls.Get(t.Context(), "theirs")
	if err != nil {
		t.Fatal(err)
	}
	if !theirs.Ended.IsZero() {
		t.Error("a call of another node, which may be running, was closed")
	}

	if err := s.spool.upload(t.Context(), "mine"); err != nil {
		t.Fatal(err)
	}
	recording, err := s.tables.Recordings.Get(t.Context(), "mine")
	if err != nil {
		t.Fatal(err)
	}
	if !recording.Repaired || recording.Duration != 12000 || recording.QueueID != "queue-1" {
		t.Errorf("recording %+v", recording)
	}
	blob, err := s.db.Blobs().Open(t.Context(), recording.Blob)
	if err != nil {
		t.Fatal(err)
	}
	defer blob.Close()
	data, err := io.ReadAll(blob)
	if err != nil || int64(len(data)) != recording.Size {
		t.Errorf("blob of %d bytes, want %d (%v)", len(data), recording.Size, err)
	}
	if left, err := s.spool.leftBehind(); err != nil || len(left) != 0 {
		t.Errorf("the spool still holds %v (%v)", left, err)
	}
}

func TestFinishedRecordingIsNotCalledRepaired(t *testing.T) {
	s := opened(t)
	r, err := s.spool.Open("call", "queue", media.PCMU)
	if err != nil {
		t.Fatal(err)
	}
	s.spool.Done("call", r)
	s.spool.finish(t.Context())
	recording, err := s.tables.Recordings.Get(t.Context(), "call")
	if err != nil {
		t.Fatal(err)
	}
	if recording.Repaired {
		t.Error("an orderly recording counts as repaired")
	}
}

func TestRecordingWithoutItsFileIsForgotten(t *testing.T) {
	s := opened(t)
	if err := s.spool.writeNote(spoolNote{Call: "call"}); err != nil {
		t.Fatal(err)
	}
	if err := s.spool.upload(t.Context(), "call"); err != nil {
		t.Fatal(err)
	}
	if left, err := s.spool.leftBehind(); err != nil || len(left) != 0 {
		t.Errorf("the spool still holds %v (%v)", left, err)
	}
}
