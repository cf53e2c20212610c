package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// ChunkSize is the piece in which engines keep a blob, in bytes.
const ChunkSize = 256 * 1024

// NewBlob reads a blob of size bytes that an engine keeps in chunks of
// chunkSize bytes, the last one shorter. load returns chunk n, counted from 0;
// only the chunks that are read are loaded.
func NewBlob(size int64, chunkSize int, load func(n int64) ([]byte, error)) Blob {
	return &chunked{size: size, chunkSize: int64(chunkSize), load: load, held: -1}
}

type chunked struct {
	size, chunkSize int64
	load            func(n int64) ([]byte, error)
	offset          int64
	held            int64 // number of the chunk in data, -1 for none
	data            []byte
	closed          bool
}

func (b *chunked) Size() int64 { return b.size }

func (b *chunked) Read(p []byte) (int, error) {
	if b.closed {
		return 0, fs.ErrClosed
	}
	if b.offset >= b.size {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, within := b.offset/b.chunkSize, b.offset%b.chunkSize
	if n != b.held {
		data, err := b.load(n)
		if err != nil {
			return 0, err
		}
		if want := min(b.chunkSize, b.size-n*b.chunkSize); int64(len(data)) != want {
			return 0, fmt.Errorf("chunk %d of a blob has %d bytes instead of %d: %w", n, len(data), want, io.ErrUnexpectedEOF)
		}
		b.held, b.data = n, data
	}
	count := copy(p, b.data[within:])
	b.offset += int64(count)
	return count, nil
}

func (b *chunked) Seek(offset int64, whence int) (int64, error) {
	if b.closed {
		return 0, fs.ErrClosed
	}
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += b.offset
	case io.SeekEnd:
		offset += b.size
	default:
		return 0, fmt.Errorf("seek in a blob: whence %d is unknown", whence)
	}
	if offset < 0 {
		return 0, errors.New("seek in a blob: before its beginning")
	}
	b.offset = offset
	return offset, nil
}

func (b *chunked) Close() error {
	b.closed, b.data, b.held = true, nil, -1
	return nil
}

// ChunkSink is what an engine does for a BlobWriter made by NewBlobWriter.
type ChunkSink interface {
	// Chunk keeps chunk n, counted from 0; data may not be kept.
	Chunk(n int64, data []byte) error
	// Commit makes the blob of all chunks visible.
	Commit(size int64) error
	// Drop removes the chunks of a blob that is not to be.
	Drop() error
}

// NewBlobWriter cuts what is written into chunks of ChunkSize bytes.
func NewBlobWriter(sink ChunkSink) BlobWriter {
	return &chunkWriter{sink: sink, buffer: make([]byte, 0, ChunkSize)}
}

type chunkWriter struct {
	sink   ChunkSink
	buffer []byte
	next   int64
	size   int64
	err    error // of the first failure: what follows would leave a hole
	done   bool
}

func (w *chunkWriter) Write(p []byte) (int, error) {
	if w.done {
		return 0, fs.ErrClosed
	}
	written := 0
	for len(p) > 0 {
		if w.err != nil {
			return written, w.err
		}
		n := copy(w.buffer[len(w.buffer):cap(w.buffer)], p)
		w.buffer = w.buffer[:len(w.buffer)+n]
		p = p[n:]
		written += n
		if len(w.buffer) == cap(w.buffer) {
			w.flush()
		}
	}
	return written, w.err
}

func (w *chunkWriter) flush() {
	if w.err != nil || len(w.buffer) == 0 {
		return
	}
	if w.err = w.sink.Chunk(w.next, w.buffer); w.err != nil {
		return
	}
	w.next++
	w.size += int64(len(w.buffer))
	w.buffer = w.buffer[:0]
}

func (w *chunkWriter) Commit() error {
	if w.done {
		return fs.ErrClosed
	}
	w.flush()
	if w.err != nil {
		return w.err
	}
	if w.err = w.sink.Commit(w.size); w.err != nil {
		return w.err
	}
	w.done, w.buffer = true, nil
	return nil
}

func (w *chunkWriter) Close() error {
	if w.done {
		return nil
	}
	w.done, w.buffer = true, nil
	return w.sink.Drop()
}
