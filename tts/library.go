package tts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
)

// The defaults of Config.
const (
	defaultWorkers = 2
	defaultMemory  = 128 << 20
)

const (
	loadTime = time.Minute // for one prompt, rendering included
	// retryAfter is how long a prompt that failed is not tried again, so that
	// calls do not wait for a broken engine each time.
	retryAfter = 10 * time.Second
)

// ErrClosed is what prompts asked for after Close get.
var ErrClosed = errors.New("the prompt library is closed")

// Objects finds what a prompt's ids stand for; nil where nothing does.
type Objects interface {
	Sound(id string) *ccs.Sound
	VoiceText(id string) *ccs.VoiceText
}

// Config is what a Library works with.
type Config struct {
	Blobs   Blobs
	Engines []Engine
	Workers int   // prompts loaded or rendered at a time; 0 is 2
	Memory  int64 // bytes of sound kept in memory; 0 is 128 MB
	Log     *slog.Logger
}

// Library gives calls the sound of prompts. It keeps what was used in memory,
// loads from the store and has engines render, in the background. All methods
// are safe from any goroutine.
type Library struct {
	cache  *Cache
	log    *slog.Logger
	most   int
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	memory  *memory
	failed  map[string]failure
	jobs    map[string]*job // under way or waiting, by key
	queue   []*job
	workers int
	good    map[string]string // key of the last good sound, by the text's id
}

// source is where a prompt's sound comes from.
type source struct {
	key  string // names the sound
	text string // id of the voice text whose last good sound may stand in, or ""
	load func(ctx context.Context) (*media.Prompt, error)
}

type job struct {
	source
	waiting []func(*media.Prompt, error)
}

// failure is a source that is not tried again for a while, with the sound that
// stands in, if any.
type failure struct {
	until  time.Time
	prompt *media.Prompt
	err    error
}

// NewLibrary makes a library. Close ends it.
func NewLibrary(c Config) *Library {
	if c.Workers <= 0 {
		c.Workers = defaultWorkers
	}
	if c.Memory <= 0 {
		c.Memory = defaultMemory
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Library{
		cache: NewCache(c.Blobs, c.Engines, c.Log), log: c.Log, most: c.Workers, ctx: ctx, cancel: cancel,
		memory: newMemory(c.Memory), failed: make(map[string]failure), jobs: make(map[string]*job), good: make(map[string]string),
	}
}

// Close stops what is under way, which then fails, and waits for its end.
func (l *Library) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.cancel()
	l.wg.Wait()
}

// Voices lists the voices of all engines. Those of an engine that fails are
// left out, and the error says so.
func (l *Library) Voices(ctx context.Context) ([]Voice, error) {
	var all []Voice
	var errs []error
	for _, e := range l.cache.engines {
		voices, err := e.Voices(ctx)
		all, errs = append(all, voices...), append(errs, err)
	}
	return all, errors.Join(errs...)
}

// Speak renders a text that need not be stored, to listen to it.
func (l *Library) Speak(ctx context.Context, voice, text string) (*media.Prompt, error) {
	return l.cache.Speak(ctx, voice, text)
}

// Load gives done the sound that ref names, once. lang is the language of
// built-in prompts. done is called before Load returns where the sound is at
// hand, and else later, in another goroutine; it must not block.
//
// The prompt is nil where ref is silence (the error is nil too) or the sound
// cannot be had. An error with a prompt says that the prompt is the last good
// one of a text that could not be rendered as it is now.
func (l *Library) Load(o Objects, ref ccs.Prompt, lang string, done func(*media.Prompt, error)) {
	if ref.IsZero() {
		done(nil, nil)
		return
	}
	s, err := l.find(o, ref, lang)
	if err != nil {
		done(nil, err)
		return
	}
	if prompt, err, known := l.request(s, done); known {
		done(prompt, err)
	}
}

// Ask gives done the question that asks who picks up for a key: to take a call of
// the queue of this name, another call where it is "", or the call that the asked
// person makes. done is called as by Load.
func (l *Library) Ask(lang, queue string, own bool, key byte, done func(*media.Prompt, error)) {
	voice, text := question(lang, queue, own, key)
	if prompt, err, known := l.request(l.speech(voice, text, ""), done); known {
		done(prompt, err)
	}
}

// request answers from memory, or has the source loaded and done called.
func (l *Library) request(s source, done func(*media.Prompt, error)) (_ *media.Prompt, _ error, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if prompt := l.memory.get(s.key); prompt != nil {
		return prompt, nil, true
	}
	if f, ok := l.failed[s.key]; ok {
		if time.Now().Before(f.until) {
			return f.prompt, f.err, true
		}
		delete(l.failed, s.key)
	}
	if l.closed {
		return nil, ErrClosed, true
	}
	if j := l.jobs[s.key]; j != nil {
		j.waiting = append(j.waiting, done)
		return nil, nil, false
	}
	j := &job{source: s, waiting: []func(*media.Prompt, error){done}}
	l.jobs[s.key] = j
	l.queue = append(l.queue, j)
	if l.workers < l.most {
		l.workers++
		l.wg.Go(l.work)
	}
	return nil, nil, false
}

// work does jobs until none waits.
func (l *Library) work() {
	for {
		l.mu.Lock()
		if len(l.queue) == 0 {
			l.workers--
			l.mu.Unlock()
			return
		}
		j := l.queue[0]
		l.queue = l.queue[1:]
		l.mu.Unlock()

		prompt, err := l.do(j)

		l.mu.Lock()
		delete(l.jobs, j.key)
		if err == nil {
			l.memory.put(j.key, prompt)
		} else if l.ctx.Err() == nil {
			l.forgetFailures()
			l.failed[j.key] = failure{time.Now().Add(retryAfter), prompt, err}
		}
		waiting := j.waiting
		l.mu.Unlock()
		for _, done := range waiting {
			done(prompt, err)
		}
	}
}

// forgetFailures keeps old failures from adding up.
func (l *Library) forgetFailures() {
	for key, f := range l.failed {
		if time.Now().After(f.until) {
			delete(l.failed, key)
		}
	}
}

func (l *Library) do(j *job) (*media.Prompt, error) {
	ctx, cancel := context.WithTimeout(l.ctx, loadTime)
	defer cancel()
	prompt, err := j.load(ctx)
	if l.ctx.Err() != nil {
		return prompt, err // Close ended it: nothing to complain of
	}
	if j.text == "" {
		if err != nil {
			l.log.Error("a prompt cannot be had", "err", err)
		}
		return prompt, err
	}
	if err == nil {
		l.remember(ctx, j.text, j.key)
		return prompt, nil
	}
	last, lastErr := l.lastGood(j.text)
	if lastErr != nil {
		l.log.Error("a text cannot be spoken, and there is no sound of it from before", "text", j.text, "err", err, "before", lastErr)
		return nil, err
	}
	l.log.Error("a text cannot be spoken; the last good sound of it stays in use", "text", j.text, "err", err)
	return last, fmt.Errorf("the last good sound stays in use: %w", err)
}

// lastBlob is the id of the blob that holds the key of a text's last good
// sound.
func lastBlob(text string) string { return "tts-last-" + text }

// remember notes in the store which sound of a text was the last good one, so
// that a restart does not forget it.
func (l *Library) remember(ctx context.Context, text, key string) {
	l.mu.Lock()
	known := l.good[text] == key
	l.good[text] = key
	l.mu.Unlock()
	if known {
		return
	}
	if err := l.cache.write(ctx, lastBlob(text), []byte(key)); err != nil {
		l.log.Warn("the last good sound of a text cannot be noted", "text", text, "err", err)
	}
}

func (l *Library) lastGood(text string) (*media.Prompt, error) {
	// Not in the time of the job: an engine may have used that up.
	ctx, cancel := context.WithTimeout(l.ctx, loadTime)
	defer cancel()
	l.mu.Lock()
	key := l.good[text]
	prompt := l.memory.get(key)
	l.mu.Unlock()
	if prompt != nil {
		return prompt, nil
	}
	if key == "" {
		data, err := l.cache.bytes(ctx, lastBlob(text))
		if err != nil {
			return nil, err
		}
		key = string(data)
	}
	return l.cache.read(ctx, key)
}

// find says where the sound of ref comes from.
func (l *Library) find(o Objects, ref ccs.Prompt, lang string) (source, error) {
	switch {
	case ref.Sound != "":
		sound := o.Sound(ref.Sound)
		if sound == nil {
			return source{}, fmt.Errorf("there is no sound %q", ref.Sound)
		}
		blob := sound.Blob
		return source{key: "sound " + blob, load: func(ctx context.Context) (*media.Prompt, error) { return l.cache.read(ctx, blob) }}, nil
	case ref.VoiceText != "":
		text := o.VoiceText(ref.VoiceText)
		if text == nil {
			return source{}, fmt.Errorf("there is no voice text %q", ref.VoiceText)
		}
		return l.speech(text.Voice, text.Text, text.ID), nil
	}
	switch ref.Builtin {
	case ccs.BuiltinMusic:
		return computed(ref.Builtin, media.HoldMusic), nil
	case ccs.BuiltinRingback:
		return computed(ref.Builtin, media.RingBack), nil
	case ccs.BuiltinBeep:
		return computed(ref.Builtin, media.Beep), nil
	}
	voice, text := spokenBuiltin(ref.Builtin, lang)
	if text == "" {
		return source{}, fmt.Errorf("there is no built-in prompt %q", ref.Builtin)
	}
	// As if it were a stored text, so that its sound survives an engine that is
	// uninstalled after the texts of a new version have changed.
	return l.speech(voice, text, "builtin-"+lang+"-"+ref.Builtin), nil
}

func (l *Library) speech(voice, text, id string) source {
	return source{key: Key(voice, text), text: id, load: func(ctx context.Context) (*media.Prompt, error) {
		return l.cache.Speak(ctx, voice, text)
	}}
}

func computed(name string, compute func() *media.Prompt) source {
	return source{key: "builtin " + name, load: func(context.Context) (*media.Prompt, error) { return compute(), nil }}
}

// Warm has the prompts ready, built-in ones in each of the languages, so that
// no call waits for them. It returns when all are, or ctx ends; the error joins
// what could not be had.
func (l *Library) Warm(ctx context.Context, o Objects, prompts []ccs.Prompt, languages ...string) error {
	type result struct {
		ref ccs.Prompt
		err error
	}
	total := 0
	results := make(chan result, len(prompts)*max(len(languages), 1))
	ask := func(ref ccs.Prompt, lang string) {
		total++
		l.Load(o, ref, lang, func(_ *media.Prompt, err error) { results <- result{ref, err} })
	}
	for _, ref := range prompts {
		if ref.Builtin == "" || len(languages) == 0 {
			ask(ref, "")
			continue
		}
		for _, lang := range languages {
			ask(ref, lang)
		}
	}
	var errs []error
	for range total {
		select {
		case r := <-results:
			if r.err != nil {
				errs = append(errs, fmt.Errorf("prompt %s%s%s: %w", r.ref.Sound, r.ref.VoiceText, r.ref.Builtin, r.err))
			}
		case <-ctx.Done():
			return errors.Join(append(errs, ctx.Err())...)
		}
	}
	return errors.Join(errs...)
}
