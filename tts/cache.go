package tts

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/store"
)

// rendering is part of what names a cached rendering: a change of how sound is
// made here (speed, filter, loudness) changes it, so that all is made anew.
const rendering = "1"

// maxBlob bounds what is read of a blob: two hours of sound.
const maxBlob = 64 << 20

// Blobs is what the package needs of the store.
type Blobs interface {
	Create(ctx context.Context, id string) (store.BlobWriter, error)
	Open(ctx context.Context, id string) (store.Blob, error)
}

// Cache renders each text once for each voice and keeps the sound in the
// store. It is safe for concurrent use; two that ask for the same at the same
// time may render it twice.
type Cache struct {
	blobs   Blobs
	engines map[string]Engine
	log     *slog.Logger
}

// NewCache makes a cache over the engines.
func NewCache(blobs Blobs, engines []Engine, log *slog.Logger) *Cache {
	c := &Cache{blobs: blobs, engines: make(map[string]Engine), log: log}
	for _, e := range engines {
		c.engines[e.Name()] = e
	}
	return c
}

// Key names the rendering of text by a voice; it is also the id of its blob.
func Key(voice, text string) string {
	hash := sha256.Sum256([]byte(rendering + "\x00" + voice + "\x00" + text))
	return "tts-" + hex.EncodeToString(hash[:])
}

// Speak returns text as voice (engine, ":", voice) speaks it, from the store if
// it was rendered before. A store that fails does not keep it from speaking.
func (c *Cache) Speak(ctx context.Context, voice, text string) (*media.Prompt, error) {
	key := Key(voice, text)
	prompt, err := c.read(ctx, key)
	if err == nil {
		return prompt, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		c.log.Warn("cached speech cannot be read", "err", err)
	}
	name, of, _ := strings.Cut(voice, ":")
	engine := c.engines[name]
	if engine == nil {
		return nil, fmt.Errorf("there is no voice engine %q", name)
	}
	samples, err := engine.Speak(ctx, of, text)
	if err != nil {
		return nil, fmt.Errorf("render a text: %w", err)
	}
	prompt = media.NewPromptFromPCM(samples)
	if err := c.write(ctx, key, EncodeWAV(prompt)); err != nil {
		c.log.Warn("speech cannot be cached", "err", err)
	}
	return prompt, nil
}

// read returns the sound of a blob.
func (c *Cache) read(ctx context.Context, id string) (*media.Prompt, error) {
	data, err := c.bytes(ctx, id)
	if err != nil {
		return nil, err
	}
	prompt, err := decodeWAV(data)
	if err != nil {
		return nil, fmt.Errorf("read sound %s: %w", id, err)
	}
	return prompt, nil
}

func (c *Cache) bytes(ctx context.Context, id string) ([]byte, error) {
	blob, err := c.blobs.Open(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("open sound %s: %w", id, err)
	}
	defer blob.Close()
	data, err := io.ReadAll(io.LimitReader(blob, maxBlob))
	if err != nil {
		return nil, fmt.Errorf("read sound %s: %w", id, err)
	}
	return data, nil
}

func (c *Cache) write(ctx context.Context, id string, data []byte) error {
	w, err := c.blobs.Create(ctx, id)
	if err != nil {
		return fmt.Errorf("create sound %s: %w", id, err)
	}
	defer w.Close()
	if _, err := w.Write(data); err != nil {
		return fmt.Errorf("write sound %s: %w", id, err)
	}
	if err := w.Commit(); err != nil {
		return fmt.Errorf("write sound %s: %w", id, err)
	}
	return nil
}

// EncodeWAV is the prompt as a file: A-law, 8 kHz, mono, which browsers and
// sound programs play.
func EncodeWAV(p *media.Prompt) []byte {
	sound := p.ALaw()
	head := media.AppendWAVHeader(nil, media.WAV{Codec: media.PCMA, Channels: 1, SampleRate: SampleRate, DataBytes: int64(len(sound))})
	return append(head, sound...)
}

// decodeWAV makes a prompt of a file. Those that Carillon writes need no
// conversion; a file of another form, left by an older program, gets one.
func decodeWAV(data []byte) (*media.Prompt, error) {
	r := bytes.NewReader(data)
	wav, err := media.ParseWAV(r, r.Size())
	if err != nil {
		return nil, err
	}
	if wav.Codec == media.PCMA && wav.Channels == 1 && wav.SampleRate == SampleRate {
		return media.NewPrompt(data[wav.DataOffset : wav.DataOffset+wav.DataBytes]), nil
	}
	channels, err := wav.Decode(r)
	if err != nil {
		return nil, err
	}
	samples, err := Resample(channels[0], wav.SampleRate)
	if err != nil {
		return nil, err
	}
	return media.NewPromptFromPCM(samples), nil
}
