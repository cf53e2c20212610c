package tts

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/store"
)

func library(t *testing.T, b Blobs, e Engine) *Library {
	t.Helper()
	l := NewLibrary(Config{Blobs: b, Engines: []Engine{e}, Log: quiet})
	t.Cleanup(l.Close)
	return l
}

var greeting = ccs.Prompt{VoiceText: "greeting"}

func TestSecondLoadIsAnsweredAtOnce(t *testing.T) {
	e := &toneEngine{}
	l := library(t, newBlobs(), e)
	o := text("greeting", "hello")
	first, err := load(l, o, greeting, "en")
	if err != nil || first.Duration() != 100*time.Millisecond {
		t.Fatalf("got %v, %v", first, err)
	}
	var second *media.Prompt
	l.Load(o, greeting, "en", func(p *media.Prompt, _ error) { second = p })
	if second != first {
		t.Error("the sound in memory was not given before Load returned")
	}
	if n := e.count(); n != 1 {
		t.Errorf("the text was rendered %d times", n)
	}
}

func TestLoadsOfTheSameRenderOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &toneEngine{gate: make(chan struct{})}
		l := NewLibrary(Config{Blobs: newBlobs(), Engines: []Engine{e}, Log: quiet})
		defer l.Close()
		var wg sync.WaitGroup
		for range 20 {
			wg.Add(1)
			l.Load(text("greeting", "hello"), greeting, "en", func(p *media.Prompt, err error) {
				if p == nil || err != nil {
					t.Errorf("got %v, %v", p, err)
				}
				wg.Done()
			})
		}
		synctest.Wait()
		close(e.gate)
		wg.Wait()
		if n := e.count(); n != 1 {
			t.Errorf("the text was rendered %d times", n)
		}
	})
}

func TestWorkersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &toneEngine{gate: make(chan struct{})}
		l := NewLibrary(Config{Blobs: newBlobs(), Engines: []Engine{e}, Log: quiet, Workers: 3})
		defer l.Close()
		done := make(chan error, 20)
		for i := range 20 {
			l.Load(text("greeting", fmt.Sprint(i)), greeting, "en", func(_ *media.Prompt, err error) { done <- err })
		}
		synctest.Wait()
		if e.most != 3 {
			t.Errorf("%d were rendered at a time, want 3", e.most)
		}
		close(e.gate)
		for range 20 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestSoundOutlivesTheProcessInTheStore(t *testing.T) {
	b := newBlobs()
	if _, err := load(library(t, b, &toneEngine{}), text("greeting", "hello"), greeting, "en"); err != nil {
		t.Fatal(err)
	}
	again := &toneEngine{err: errBroken}
	p, err := load(library(t, b, again), text("greeting", "hello"), greeting, "en")
	if err != nil || p.Duration() != 100*time.Millisecond || again.count() != 0 {
		t.Errorf("got %v, %v after %d renderings", p, err, again.count())
	}
}

func TestFailingEngineLeavesTheLastGoodSoundInUse(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprint("restart ", restart), func(t *testing.T) {
			b, e := newBlobs(), &toneEngine{}
			l := library(t, b, e)
			if _, err := load(l, text("greeting", "hello"), greeting, "en"); err != nil {
				t.Fatal(err)
			}
			if restart {
				l = library(t, b, e)
			}
			e.set(errBroken)
			p, err := load(l, text("greeting", "changed"), greeting, "en")
			if p == nil || p.Duration() != 100*time.Millisecond {
				t.Errorf("got %v instead of the sound from before", p)
			}
			if !errors.Is(err, errBroken) {
				t.Errorf("the error %v does not say why", err)
			}
		})
	}
}

func TestFailureIsAnsweredAtOnceForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &toneEngine{err: errBroken}
		l := NewLibrary(Config{Blobs: newBlobs(), Engines: []Engine{e}, Log: quiet})
		defer l.Close()
		o := text("greeting", "hello")
		for range 3 {
			if p, err := load(l, o, greeting, "en"); p != nil || !errors.Is(err, errBroken) {
				t.Errorf("got %v, %v", p, err)
			}
		}
		if n := e.count(); n != 1 {
			t.Errorf("the broken engine was asked %d times", n)
		}
		e.set(nil)
		time.Sleep(retryAfter)
		if p, err := load(l, o, greeting, "en"); p == nil || err != nil {
			t.Errorf("got %v, %v after the engine was mended", p, err)
		}
	})
}

func TestUploadedSoundComesFromItsBlob(t *testing.T) {
	b := newBlobs()
	want := media.NewPromptFromPCM(media.Tone(700, time.Second, 0.5))
	b.data["blob"] = EncodeWAV(want)
	b.data["broken"] = []byte("not sound at all")
	o := objects{sounds: map[string]*ccs.Sound{"s": {Blob: "blob"}, "x": {Blob: "nowhere"}, "y": {Blob: "broken"}}}
	l := library(t, b, &toneEngine{})
	p, err := load(l, o, ccs.Prompt{Sound: "s"}, "")
	if err != nil || string(p.ALaw()) != string(want.ALaw()) {
		t.Errorf("the sound is not what was stored: %v", err)
	}
	if _, err := load(l, o, ccs.Prompt{Sound: "x"}, ""); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a lost blob gives %v", err)
	}
	if _, err := load(l, o, ccs.Prompt{Sound: "y"}, ""); !errors.Is(err, media.ErrNotWAV) {
		t.Errorf("a broken blob gives %v", err)
	}
}

func TestPromptsThatDoNotExist(t *testing.T) {
	l := library(t, newBlobs(), &toneEngine{})
	if p, err := load(l, objects{}, ccs.Prompt{}, "en"); p != nil || err != nil {
		t.Errorf("silence gives %v, %v", p, err)
	}
	for _, ref := range []ccs.Prompt{{Sound: "x"}, {VoiceText: "x"}, {Builtin: "x"}} {
		if p, err := load(l, objects{}, ref, "en"); p != nil || err == nil {
			t.Errorf("%v gives %v, %v", ref, p, err)
		}
	}
	o := text("greeting", "hello")
	o.texts["greeting"].Voice = "piper:x"
	if _, err := load(l, o, greeting, "en"); err == nil {
		t.Error("a voice of an engine that is not there gives no error")
	}
}

func TestEveryBuiltInPromptSpeaksEveryLanguage(t *testing.T) {
	// The default voices are espeak-ng's.
	l := library(t, newBlobs(), Espeak{})
	var prompts []ccs.Prompt
	for _, name := range ccs.Builtins() {
		prompts = append(prompts, ccs.Prompt{Builtin: name})
	}
	if err := l.Warm(t.Context(), objects{}, prompts, Languages()...); err != nil {
		t.Fatal(err)
	}
	for _, ref := range prompts {
		sounds := make(map[string]bool)
		for _, lang := range append(Languages(), "xx") {
			at := false
			l.Load(objects{}, ref, lang, func(p *media.Prompt, err error) {
				at = true
				if err != nil || p.Duration() < 200*time.Millisecond || p.Duration() > time.Minute {
					t.Errorf("%s in %s: %v, %v", ref.Builtin, lang, p, err)
					return
				}
				sounds[string(p.ALaw())] = true
			})
			if !at {
				t.Errorf("%s in %s was not ready after Warm", ref.Builtin, lang)
			}
		}
		if _, text := spokenBuiltin(ref.Builtin, "en"); text != "" && len(sounds) != 2 {
			t.Errorf("%s sounds in %d ways, want one for each language", ref.Builtin, len(sounds))
		}
	}
}

func TestWarmReportsWhatIsMissing(t *testing.T) {
	l := library(t, newBlobs(), &toneEngine{})
	err := l.Warm(t.Context(), text("greeting", "hello"), []ccs.Prompt{greeting, {Sound: "x"}})
	if err == nil {
		t.Error("a missing sound is not reported")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	blocked := library(t, newBlobs(), &toneEngine{gate: make(chan struct{})})
	if err := blocked.Warm(ctx, text("greeting", "hello"), []ccs.Prompt{greeting}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	l := NewLibrary(Config{Blobs: newBlobs(), Engines: []Engine{&toneEngine{gate: make(chan struct{})}}, Log: quiet})
	errs := make(chan error, 10)
	for i := range 10 {
		l.Load(text("greeting", fmt.Sprint(i)), greeting, "en", func(_ *media.Prompt, err error) { errs <- err })
	}
	l.Close()
	for range 10 {
		if err := <-errs; err == nil {
			t.Error("a prompt came of a rendering that was stopped")
		}
	}
	if _, err := load(l, text("greeting", "x"), greeting, "en"); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestStoreThatFailsDoesNotKeepAVoiceFromSpeaking(t *testing.T) {
	b := newBlobs()
	b.err = errBroken
	if p, err := load(library(t, b, &toneEngine{}), text("greeting", "hello"), greeting, "en"); p == nil || err != nil {
		t.Errorf("got %v, %v", p, err)
	}
}

func TestBrokenCacheIsRenderedAgain(t *testing.T) {
	b := newBlobs()
	b.data[Key("tone:a", "hello")] = []byte("RIFF")
	if p, err := load(library(t, b, &toneEngine{}), text("greeting", "hello"), greeting, "en"); p == nil || err != nil {
		t.Errorf("got %v, %v", p, err)
	}
	if len(b.data[Key("tone:a", "hello")]) < 100 {
		t.Error("the broken sound is still in the store")
	}
}

func TestMemoryDropsTheLeastRecentlyUsed(t *testing.T) {
	second := media.NewPrompt(make([]byte, 8000))
	m := newMemory(3 * 16000)
	for _, key := range []string{"a", "b", "c"} {
		m.put(key, second)
	}
	m.get("a")
	m.put("d", second)
	for key, want := range map[string]bool{"a": true, "b": false, "c": true, "d": true} {
		if got := m.get(key) != nil; got != want {
			t.Errorf("%s is in memory: %v", key, got)
		}
	}
	m.put("large", media.NewPrompt(make([]byte, 100_000)))
	if m.get("large") == nil || m.order.Len() != 1 {
		t.Error("a prompt larger than the memory must push out all others and stay")
	}
}
