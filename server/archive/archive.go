// Package archive takes a store's content out and puts it back: all of it as a
// backup, which fits the same store or one of another engine, or the
// configuration alone as a file that people read, compare and edit.
//
// A backup is a tar archive compressed with gzip. Its entries come in this
// order: manifest.json; tables/TABLE/N.jsonl, a stored object a line;
// blobs/ID.blob, the id escaped as in a URL's path; end.json, which counts and
// sums up what came before. Both directions hold no more in memory than a few
// objects and a piece of a blob.
package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/carillon-cc/carillon/store"
)

const (
	backupFormat = "carillon-backup"
	// backupVersion counts changes after which an older Carillon would read a
	// backup wrongly.
	backupVersion = 1

	manifestName = "manifest.json"
	endName      = "end.json"
	tablesFolder = "tables/"
	blobsFolder  = "blobs/"
	blobEnding   = ".blob"
	// maxOwnEntry bounds manifest.json and end.json, in bytes.
	maxOwnEntry = 16 << 20
)

// Manifest says what a backup is.
type Manifest struct {
	Format   string    `json:"format"`
	Version  int       `json:"version"`
	Created  time.Time `json:"created"`
	Carillon string    `json:"carillon"` // version of the program that wrote it
}

func (m Manifest) check() error {
	switch {
	case m.Format != backupFormat:
		return fmt.Errorf("%s: format: is %q, not %q", manifestName, m.Format, backupFormat)
	case m.Version > backupVersion:
		return fmt.Errorf("%s: version: the backup has format %d of a newer Carillon (%s); this one reads up to %d",
			manifestName, m.Version, m.Carillon, backupVersion)
	case m.Version < 1:
		return fmt.Errorf("%s: version: %d is below 1", manifestName, m.Version)
	}
	return nil
}

// Summary is what a backup has in it.
type Summary struct {
	Documents map[string]int64 `json:"documents"` // number of objects by table
	Blobs     int64            `json:"blobs"`
	Bytes     int64            `json:"bytes"` // of all blobs
}

// String is the summary in a line.
func (s Summary) String() string {
	var b strings.Builder
	for _, table := range slices.Sorted(maps.Keys(s.Documents)) {
		if n := s.Documents[table]; n > 0 {
			fmt.Fprintf(&b, "%s %d, ", table, n)
		}
	}
	fmt.Fprintf(&b, "blobs %d (%.1f MB)", s.Blobs, float64(s.Bytes)/1e6)
	return b.String()
}

// end is the last entry: only a backup that has it is whole.
type end struct {
	Summary
	// Gone are blobs that were deleted while they were being read. Their
	// entries are filled up with zeros and not restored.
	Gone []string `json:"gone,omitempty"`
	// SHA256 is over the names, sizes and contents of all entries before, in
	// hexadecimal.
	SHA256 string `json:"sha256"`
}

// line is an object in a table's entry.
type line struct {
	Revision int64           `json:"revision"`
	Data     json.RawMessage `json:"data"`
}

// kept are the tables that a backup has, by name. Sessions stay out: whoever
// has signed out since must not be signed in again by a restore. So do the
// telephones of lines: within the hour none is where the backup has it, and calls
// would go to whoever has its address by then.
func kept(t *store.Tables) (order []store.AnyTable, byName map[string]store.AnyTable) {
	byName = make(map[string]store.AnyTable)
	for _, table := range t.All() {
		name := table.Schema().Table
		if name == t.Sessions.Schema().Table || name == t.Bindings.Schema().Table {
			continue
		}
		order = append(order, table)
		byName[name] = table
	}
	return order, byName
}

func blobEntry(id string) string { return blobsFolder + url.PathEscape(id) + blobEnding }

func blobID(entry string) (string, error) {
	escaped, ok := strings.CutSuffix(strings.TrimPrefix(entry, blobsFolder), blobEnding)
	if !ok {
		return "", fmt.Errorf("does not end in %s", blobEnding)
	}
	id, err := url.PathUnescape(escaped)
	if err != nil {
		return "", err
	}
	if blobEntry(id) != entry {
		return "", errors.New("is not the name of a blob")
	}
	return id, store.CheckID(id)
}
