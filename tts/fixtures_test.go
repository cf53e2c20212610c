package tts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/internal/leaks"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/store"
)

func TestMain(m *testing.M) { leaks.Verify(m) }

var quiet = slog.New(slog.DiscardHandler)

// blobs keeps blobs in memory.
type blobs struct {
	mu   sync.Mutex
	data map[string][]byte
	err  error // of all operations, when set
}

func newBlobs() *blobs { return &blobs{data: make(map[string][]byte)} }

func (b *blobs) Create(_ context.Context, id string) (store.BlobWriter, error) {
	if b.err != nil {
		return nil, b.err
	}
	return &blobWriter{blobs: b, id: id}, nil
}

func (b *blobs) Open(_ context.Context, id string) (store.Blob, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return nil, b.err
	}
	data, ok := b.data[id]
	if !ok {
		return nil, fmt.Errorf("%s: %w", id, store.ErrNotFound)
	}
	return blob{bytes.NewReader(data)}, nil
}

type blobWriter struct {
	bytes.Buffer
	blobs *blobs
	id    string
}

func (w *blobWriter) Commit() error {
	w.blobs.mu.Lock()
	defer w.blobs.mu.Unlock()
	w.blobs.data[w.id] = w.Bytes()
	return nil
}

func (w *blobWriter) Close() error { return nil }

type blob struct{ *bytes.Reader }

func (blob) Close() error { return nil }

// toneEngine speaks every text as a tone and counts how often it did.
type toneEngine struct {
	mu      sync.Mutex
	calls   int
	running int
	most    int           // that ran at the same time
	err     error         // of Speak, when set
	gate    chan struct{} // Speak waits until it is closed, when set
}

func (e *toneEngine) Name() string { return "tone" }

func (e *toneEngine) Voices(context.Context) ([]Voice, error) {
	return []Voice{{ID: "tone:a"}}, nil
}

func (e *toneEngine) Speak(ctx context.Context, _, text string) ([]int16, error) {
	e.mu.Lock()
	e.calls++
	e.running++
	e.most = max(e.most, e.running)
	err, gate := e.err, e.gate
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		e.running--
		e.mu.Unlock()
	}()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return make([]int16, 160*len(text)), err
}

func (e *toneEngine) set(err error) {
	e.mu.Lock()
	e.err = err
	e.mu.Unlock()
}

func (e *toneEngine) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.calls
}

// objects is what prompts refer to.
type objects struct {
	sounds map[string]*ccs.Sound
	texts  map[string]*ccs.VoiceText
}

func (o objects) Sound(id string) *ccs.Sound         { return o.sounds[id] }
func (o objects) VoiceText(id string) *ccs.VoiceText { return o.texts[id] }

func text(id, words string) objects {
	return objects{texts: map[string]*ccs.VoiceText{id: {Meta: ccs.Meta{ID: id}, Text: words, Voice: "tone:a"}}}
}

// load waits for what Load gives.
func load(l *Library, o Objects, ref ccs.Prompt, lang string) (*media.Prompt, error) {
	type result struct {
		p   *media.Prompt
		err error
	}
	c := make(chan result, 1)
	l.Load(o, ref, lang, func(p *media.Prompt, err error) { c <- result{p, err} })
	r := <-c
	return r.p, r.err
}

var errBroken = errors.New("broken")
