package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/store"
)

// uploadRetry is how long the spool waits before it tries again to store a
// recording while the store is away.
const uploadRetry = 5 * time.Second

// spool is the folder in which recordings grow, each beside a note of whose
// they are. A finished one moves into the store; one that a crash left behind
// is closed and moved at the next start.
type spool struct {
	folder     string
	writer     *media.RecordWriter
	recordings *store.Table[ccs.Recording, *ccs.Recording]
	blobs      store.Blobs
	log        *slog.Logger

	closing sync.WaitGroup // recorders that are being closed
	ready   chan string    // call ids whose files are complete
}

// spoolNote is kept beside a growing file.
type spoolNote struct {
	Call    string    `json:"call"`
	Queue   string    `json:"queue"`
	Started time.Time `json:"started"`
	Done    bool      `json:"done"` // the call ended in order
}

func newSpool(folder string, w *media.RecordWriter, t *store.Tables, blobs store.Blobs, log *slog.Logger) (*spool, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the spool: %w", err)
	}
	return &spool{folder: folder, writer: w, recordings: t.Recordings, blobs: blobs, log: log, ready: make(chan string, 1024)}, nil
}

func (s *spool) wav(callID string) string  { return filepath.Join(s.folder, callID+".wav") }
func (s *spool) note(callID string) string { return filepath.Join(s.folder, callID+".json") }

// Open starts the recording of a call.
func (s *spool) Open(callID, queueID string, law media.Codec) (*media.Recorder, error) {
	if err := s.writeNote(spoolNote{Call: callID, Queue: queueID, Started: time.Now().UTC()}); err != nil {
		return nil, err
	}
	r, err := media.NewRecorder(s.wav(callID), law, s.writer, func(err error) {
		s.log.Error("recording failed", "call", callID, "err", err)
	})
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	return r, nil
}

// Done takes the recording of a call that is over.
func (s *spool) Done(callID string, r *media.Recorder) {
	s.closing.Go(func() {
		if _, err := r.Close(); err != nil {
			s.log.Error("recording was not closed", "call", callID, "err", err)
		}
		note, err := s.readNote(callID)
		if err == nil {
			note.Done = true
			err = s.writeNote(note)
		}
		if err != nil {
			s.log.Error("recording lost its note", "call", callID, "err", err)
		}
		select {
		case s.ready <- callID:
		default: // the next start finds it in the folder
		}
	})
}

func (s *spool) writeNote(n spoolNote) error {
	data, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("write note of recording: %w", err)
	}
	// Renamed into place: a crash leaves the old note or the new one.
	if err := os.WriteFile(s.note(n.Call)+".new", data, 0o600); err != nil {
		return fmt.Errorf("write note of recording: %w", err)
	}
	return os.Rename(s.note(n.Call)+".new", s.note(n.Call))
}

func (s *spool) readNote(callID string) (spoolNote, error) {
	var n spoolNote
	data, err := os.ReadFile(s.note(callID))
	if err != nil {
		return n, fmt.Errorf("read note of recording: %w", err)
	}
	if err := json.Unmarshal(data, &n); err != nil {
		return n, fmt.Errorf("read note of recording: %w", err)
	}
	return n, nil
}

// leftBehind lists the calls whose recordings lie in the spool.
func (s *spool) leftBehind() ([]string, error) {
	entries, err := os.ReadDir(s.folder)
	if err != nil {
		return nil, fmt.Errorf("read the spool: %w", err)
	}
	var calls []string
	for _, entry := range entries {
		if id, ok := strings.CutSuffix(entry.Name(), ".json"); ok {
			calls = append(calls, id)
		}
	}
	return calls, nil
}

// run moves finished recordings into the store until ctx ends; first those that
// lay there at the start.
func (s *spool) run(ctx context.Context, found []string) {
	pending := found
	for {
		var retry <-chan time.Time
		var failed []string
		for _, id := range pending {
			if err := s.upload(ctx, id); err != nil {
				if ctx.Err() != nil {
					return
				}
				s.log.Warn("recording not stored yet", "call", id, "err", err)
				failed = append(failed, id)
			}
		}
		pending = failed
		if len(pending) > 0 {
			retry = time.After(uploadRetry)
		}
		select {
		case <-ctx.Done():
			return
		case id := <-s.ready:
			pending = append(pending, id)
		case <-retry:
		}
	}
}

// finish waits for recorders that are closing and moves what is complete.
func (s *spool) finish(ctx context.Context) {
	s.closing.Wait()
	for {
		select {
		case id := <-s.ready:
			if err := s.upload(ctx, id); err != nil {
				s.log.Warn("recording stays in the spool until the next start", "call", id, "err", err)
			}
		default:
			return
		}
	}
}

// upload moves one recording into the store. It may be repeated.
func (s *spool) upload(ctx context.Context, callID string) error {
	note, err := s.readNote(callID)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(s.wav(callID), os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return s.forget(callID) // the crash came before the first flush, or between the two removals below
	}
	if err != nil {
		return fmt.Errorf("open recording: %w", err)
	}
	defer file.Close()
	bytes, err := media.RepairWAV(file)
	if err != nil {
		return fmt.Errorf("close recording after a crash: %w", err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read recording: %w", err)
	}
	size, err := s.store(ctx, callID, file)
	if err != nil {
		return err
	}
	recording := ccs.Recording{
		Meta: ccs.Meta{ID: callID}, CallID: callID, QueueID: note.Queue, Blob: recordingBlob(callID),
		Started: note.Started, Size: size, Repaired: !note.Done,
		Duration: ccs.MillisOf(time.Duration(bytes/2) * time.Second / 8000), // two channels, 8 kHz, a byte a sample
	}
	if kept, err := s.recordings.Get(ctx, callID); err == nil {
		recording.Meta = kept.Meta
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err := s.recordings.Put(ctx, &recording); err != nil {
		return err
	}
	return s.forget(callID)
}

func (s *spool) store(ctx context.Context, callID string, file io.Reader) (int64, error) {
	w, err := s.blobs.Create(ctx, recordingBlob(callID))
	if err != nil {
		return 0, fmt.Errorf("store recording: %w", err)
	}
	defer w.Close()
	size, err := io.Copy(w, file)
	if err == nil {
		err = w.Commit()
	}
	if err != nil {
		return 0, fmt.Errorf("store recording: %w", err)
	}
	return size, nil
}

func (s *spool) forget(callID string) error {
	err := os.Remove(s.wav(callID))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("clear the spool: %w", err)
	}
	if err := os.Remove(s.note(callID)); err != nil {
		return fmt.Errorf("clear the spool: %w", err)
	}
	return nil
}

func recordingBlob(callID string) string { return "recording/" + callID }
