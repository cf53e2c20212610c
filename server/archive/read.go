package archive

import (
	"archive/tar"
	"bufio"
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"strings"

	"github.com/carillon-cc/carillon/store"
)

// errCutOff and errDamaged are what is wrong with a file that was a backup.
var (
	errCutOff  = errors.New("the backup is cut off")
	errDamaged = errors.New("the backup is damaged")
)

// maxPadding bounds the zeros behind the last entry, in bytes.
const maxPadding = 1 << 20

// visitor is given what a backup has in it, in its order.
type visitor interface {
	document(ctx context.Context, table store.AnyTable, doc store.Document) error
	// blob need not read r to its end.
	blob(ctx context.Context, id string, r io.Reader) error
}

// read goes through a backup and checks all of it. What v was given counts only
// if read returns no error.
func read(ctx context.Context, from io.Reader, tables map[string]store.AnyTable, v visitor) (Manifest, end, error) {
	zip, err := gzip.NewReader(bufio.NewReaderSize(from, 1<<16))
	if err != nil {
		return Manifest{}, end{}, fmt.Errorf("this is no backup of Carillon: %w", err)
	}
	r := &reader{
		tar: tar.NewReader(zip), sum: sha256.New(), tables: tables, visitor: v,
		seen: Summary{Documents: make(map[string]int64)}, at: "its beginning",
	}
	manifest, last, err := r.run(ctx)
	if err == nil {
		err = drain(zip)
	}
	return manifest, last, r.explain(err)
}

// drain reads on to the sum of gzip itself, which stands behind what tar needs.
func drain(zip *gzip.Reader) error {
	n, err := io.Copy(io.Discard, io.LimitReader(zip, maxPadding))
	if err == nil && n == maxPadding {
		err = fmt.Errorf("%w: something follows %s", errDamaged, endName)
	}
	return err
}

type reader struct {
	tar      *tar.Reader
	sum      hash.Hash
	body     io.Reader // of the entry, summed up
	tables   map[string]store.AnyTable
	visitor  visitor
	seen     Summary
	lastBlob string
	at       string // name of the entry
}

// explain says in words what an error of the formats below means.
func (r *reader) explain(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: it ends in %s", errCutOff, r.at)
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.Is(err, tar.ErrHeader), errors.As(err, &corrupt):
		return fmt.Errorf("%w at %s: %w", errDamaged, r.at, err)
	}
	return err
}

func (r *reader) run(ctx context.Context) (Manifest, end, error) {
	name, err := r.next()
	if err != nil || name != manifestName {
		return Manifest{}, end{}, errors.Join(fmt.Errorf("this is no backup of Carillon: it does not begin with %s", manifestName), notEOF(err))
	}
	var manifest Manifest
	if err := r.own(&manifest); err != nil {
		return manifest, end{}, err
	}
	if err := manifest.check(); err != nil {
		return manifest, end{}, err
	}
	for {
		if err := ctx.Err(); err != nil {
			return manifest, end{}, err
		}
		sum := hex.EncodeToString(r.sum.Sum(nil)) // before end.json adds to it
		name, err := r.next()
		switch {
		case errors.Is(err, io.EOF):
			return manifest, end{}, fmt.Errorf("%w: %s is missing", errCutOff, endName)
		case err != nil:
			return manifest, end{}, err
		case name == endName:
			last, err := r.end(sum)
			return manifest, last, err
		case strings.HasPrefix(name, tablesFolder):
			err = r.documents(ctx, name)
		case strings.HasPrefix(name, blobsFolder):
			err = r.blob(ctx, name)
		default:
			err = errors.New("a backup has no such entry")
		}
		if err != nil {
			return manifest, end{}, fmt.Errorf("%s: %w", name, err)
		}
	}
}

func notEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// next begins the next entry.
func (r *reader) next() (string, error) {
	header, err := r.tar.Next()
	if err != nil {
		return "", err
	}
	if header.Typeflag != tar.TypeReg {
		return "", fmt.Errorf("%w: %q is not a plain file", errDamaged, header.Name)
	}
	r.at = header.Name
	sumUp(r.sum, header.Name, header.Size)
	r.body = io.TeeReader(r.tar, r.sum)
	return header.Name, nil
}

// own reads an entry of the format's own.
func (r *reader) own(into any) error {
	data, err := io.ReadAll(io.LimitReader(r.body, maxOwnEntry))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%w: %s: %w", errDamaged, r.at, err)
	}
	return nil
}

// end compares what the backup says of itself with what it is.
func (r *reader) end(sum string) (end, error) {
	var last end
	if err := r.own(&last); err != nil {
		return last, err
	}
	told := maps.Clone(last.Documents)
	maps.DeleteFunc(told, func(_ string, n int64) bool { return n == 0 })
	if !maps.Equal(told, r.seen.Documents) || last.Blobs != r.seen.Blobs || last.Bytes != r.seen.Bytes {
		return last, fmt.Errorf("%w: it should hold %s, but holds %s", errDamaged, last.Summary, r.seen)
	}
	if last.SHA256 != sum {
		return last, fmt.Errorf("%w: its content was changed (SHA-256)", errDamaged)
	}
	if _, err := r.tar.Next(); !errors.Is(err, io.EOF) {
		return last, errors.Join(fmt.Errorf("%w: something follows %s", errDamaged, endName), err)
	}
	return last, nil
}

func (r *reader) documents(ctx context.Context, entry string) error {
	name, _, _ := strings.Cut(strings.TrimPrefix(entry, tablesFolder), "/")
	table, ok := r.tables[name]
	if !ok {
		return fmt.Errorf("this Carillon has no table %q: restore with the one that made the backup", name)
	}
	lines := json.NewDecoder(r.body)
	for n := 1; ; n++ {
		var l line
		err := lines.Decode(&l)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if l.Revision < 1 {
			return fmt.Errorf("line %d: revision: %d is below 1", n, l.Revision)
		}
		doc, err := table.Document(l.Revision, l.Data)
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if err := r.visitor.document(ctx, table, doc); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		r.seen.Documents[name]++
	}
}

func (r *reader) blob(ctx context.Context, entry string) error {
	id, err := blobID(entry)
	if err != nil {
		return err
	}
	// In order, so that none can be there twice.
	if id <= r.lastBlob {
		return fmt.Errorf("%w: the blob comes after %q", errDamaged, r.lastBlob)
	}
	r.lastBlob = id
	size := &counter{r: r.body}
	if err := r.visitor.blob(ctx, id, size); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, size); err != nil {
		return err
	}
	r.seen.Blobs++
	r.seen.Bytes += size.n
	return nil
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
