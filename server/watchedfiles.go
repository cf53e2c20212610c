package server

import (
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

// watchedFilesCheck is how often files that may be replaced are looked at.
const watchedFilesCheck = 10 * time.Second

// watchedFiles are files that may be replaced while we run. What is in them is
// taken anew when somebody asks for it; no timer runs.
type watchedFiles struct {
	names []string
	read  func() error // takes what is in them; called with mu held
	what  string       // is in them, for the log
	log   *slog.Logger

	mu      sync.Mutex  // guards what read takes, too
	changed []time.Time // of the files, when they were read
	checked time.Time
}

// load reads the files for the first time.
func (f *watchedFiles) load() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, err := f.times()
	if err != nil {
		return err
	}
	f.checked = time.Now()
	return f.take(at)
}

// refresh reads files that were replaced. Those that cannot be read leave what
// was taken before in use. f.mu is held.
func (f *watchedFiles) refresh() {
	if time.Since(f.checked) < watchedFilesCheck {
		return
	}
	f.checked = time.Now()
	if at, err := f.times(); err == nil && !slices.Equal(at, f.changed) {
		if err := f.take(at); err != nil {
			f.log.Error("what was replaced cannot be used", "what", f.what, "err", err)
		}
	}
}

// take reads the files as they were at these times. f.mu is held.
func (f *watchedFiles) take(at []time.Time) error {
	if err := f.read(); err != nil {
		return err
	}
	f.changed = at
	return nil
}

func (f *watchedFiles) times() ([]time.Time, error) {
	at := make([]time.Time, len(f.names))
	for i, name := range f.names {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		at[i] = info.ModTime()
	}
	return at, nil
}
