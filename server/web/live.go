package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/a-h/templ"

	"github.com/carillon-cc/carillon/ui"
)

const (
	// streamLife is how long a stream of events lasts: then the page asks for a
	// new one, and it is looked anew whether it still may.
	streamLife = 10 * time.Minute
	// streamPause is the least time between two events of a stream: calls come
	// and go faster than anybody can read.
	streamPause = 250 * time.Millisecond
	// streamRetry is when a page asks for a new stream after one has ended.
	streamRetry = time.Second
	// streamPulse keeps what is between us and the browser from closing a
	// connection on which nothing happens.
	streamPulse = 25 * time.Second
)

// live wakes the streams of events when something has changed.
type live struct {
	mu    sync.Mutex
	wake  map[chan struct{}]struct{}
	ended chan struct{} // closed by end
}

func newLive() *live {
	return &live{wake: make(map[chan struct{}]struct{}), ended: make(chan struct{})}
}

// watch returns a channel that is filled when something changes.
func (l *live) watch() (changed chan struct{}, done func()) {
	changed = make(chan struct{}, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wake[changed] = struct{}{}
	return changed, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.wake, changed)
	}
}

// Refresh has the pages that are open show how trunks, lines and agents are
// now. It only wakes; any goroutine may call it, as often as it likes.
func (w *Web) Refresh() {
	w.live.mu.Lock()
	defer w.live.mu.Unlock()
	for changed := range w.live.wake {
		select {
		case changed <- struct{}{}:
		default: // it has been told and has not looked yet
		}
	}
}

// EndStreams ends the streams of events, which otherwise keep a server from
// stopping. It is for the time after which no request is served.
func (w *Web) EndStreams() {
	w.live.mu.Lock()
	defer w.live.mu.Unlock()
	select {
	case <-w.live.ended:
	default:
		close(w.live.ended)
	}
}

// parts are pieces of a page that change while it is open, by their key.
type parts map[string]templ.Component

// stream sends the parts of a page, at once and whenever they change, as
// server-sent events: each is a JSON object of the HTML by key.
func (w *Web) stream(read func(ctx context.Context, page *ui.Page) (parts, error)) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		ctx, done, err := w.holds(r, UserFrom(r.Context()))
		switch {
		case err != nil:
			w.failed(rw, r, "look whether a stream may be opened", err)
			return
		case done == nil: // signed out since require has let them pass
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		defer done()
		ctx, cancel := context.WithTimeout(ctx, streamLife)
		defer cancel()
		changed, forget := w.live.watch()
		defer forget()
		rw.Header().Set("Content-Type", "text/event-stream")
		rw.Header().Set("Cache-Control", "no-store")
		rw.Header().Set("X-Accel-Buffering", "no") // proxies would wait for more
		control := http.NewResponseController(rw)
		// The server's own limit is meant for pages.
		_ = control.SetWriteDeadline(time.Now().Add(streamLife + time.Minute))
		if _, err := fmt.Fprintf(rw, "retry: %d\n\n", streamRetry.Milliseconds()); err != nil {
			return
		}
		s := eventStream{rw: rw, control: control, shown: map[string]string{}}
		pulse := time.NewTicker(streamPulse)
		defer pulse.Stop()
		for {
			found, err := read(ctx, w.page(r, "nav.label"))
			if err == nil {
				err = s.send(ctx, found)
			}
			if err != nil {
				return // the page asks again
			}
			select {
			case <-time.After(streamPause):
			case <-ctx.Done():
				return
			case <-w.live.ended:
				return
			}
			if !s.wait(ctx, changed, w.live.ended, pulse.C) {
				return
			}
		}
	}
}

// eventStream is one browser that looks on.
type eventStream struct {
	rw      http.ResponseWriter
	control *http.ResponseController
	shown   map[string]string // what the page has, by key
}

// wait returns when there may be something new; false when the stream is over.
func (s *eventStream) wait(ctx context.Context, changed, ended <-chan struct{}, pulse <-chan time.Time) bool {
	for {
		select {
		case <-changed:
			return true
		case <-pulse:
			// A comment, which the page does not notice.
			if _, err := s.rw.Write([]byte(":\n\n")); err != nil {
				return false
			}
			if err := s.control.Flush(); err != nil {
				return false
			}
		case <-ctx.Done():
			return false
		case <-ended:
			return false
		}
	}
}

// send sends the parts that differ from what the page has.
func (s *eventStream) send(ctx context.Context, found parts) error {
	news := map[string]string{}
	for key, part := range found {
		var html bytes.Buffer
		if err := part.Render(ctx, &html); err != nil {
			return fmt.Errorf("render a part: %w", err)
		}
		if text := html.String(); s.shown[key] != text {
			s.shown[key], news[key] = text, text
		}
	}
	if len(news) == 0 {
		return nil
	}
	data, err := json.Marshal(news)
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	if _, err := fmt.Fprintf(s.rw, "data: %s\n\n", data); err != nil {
		return err
	}
	return s.control.Flush()
}
