package archive

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Standard is the name of standard input or output among the names of files.
const Standard = "-"

// WriteFile has write fill a file that only the user may read. It appears under
// its name when it is complete, and not at all where write fails. A file that
// is there is replaced only by force. The name Standard is standard output.
func WriteFile(path string, force bool, write func(io.Writer) error) error {
	if path == Standard {
		return flushed(os.Stdout, write)
	}
	if err := vacant(path, force); err != nil {
		return err
	}
	// CreateTemp makes files of mode 0600.
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".part-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	err = flushed(f, write)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = vacant(path, force) // it took a while
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(f.Name()))
	}
	return nil
}

func flushed(f *os.File, write func(io.Writer) error) error {
	w := bufio.NewWriterSize(f, 1<<16)
	if err := write(w); err != nil {
		return err
	}
	return w.Flush()
}

func vacant(path string, force bool) error {
	if force {
		return nil
	}
	_, err := os.Lstat(path)
	switch {
	case err == nil:
		return fmt.Errorf("%s is there already; --force replaces it", path)
	case errors.Is(err, os.ErrNotExist):
		return nil
	}
	return err
}

// OpenFile opens a file for Restore. Standard input, which cannot be read
// twice, is copied to a temporary file, that only the user may read, in the
// folder of $TMPDIR. The caller calls discard at the end.
func OpenFile(path string) (f *os.File, discard func(), err error) {
	if path != Standard {
		f, err := os.Open(path)
		if err != nil {
			return nil, nil, err
		}
		return f, func() { _ = f.Close() }, nil
	}
	f, err = os.CreateTemp("", "carillon-restore-*")
	if err != nil {
		return nil, nil, fmt.Errorf("keep the backup for a second reading: %w", err)
	}
	discard = func() {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}
	if _, err = io.Copy(f, os.Stdin); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		discard()
		return nil, nil, fmt.Errorf("keep the backup for a second reading: %w", err)
	}
	return f, discard, nil
}
