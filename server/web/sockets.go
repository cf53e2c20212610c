package web

import (
	"context"
	"sync"
)

// sockets are the WebSockets of sessions: what is open when somebody signs out
// must not go on in their name.
type sockets struct {
	mu   sync.Mutex
	open map[string]map[*context.CancelFunc]struct{} // by the session's token
}

func newSockets() *sockets {
	return &sockets{open: make(map[string]map[*context.CancelFunc]struct{})}
}

// add returns a context that ends with the session. The caller calls done when
// the socket is closed.
func (s *sockets) add(parent context.Context, token string) (ctx context.Context, done func()) {
	ctx, cancel := context.WithCancel(parent)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[token] == nil {
		s.open[token] = make(map[*context.CancelFunc]struct{})
	}
	s.open[token][&cancel] = struct{}{}
	return ctx, func() {
		cancel()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.open[token], &cancel)
		if len(s.open[token]) == 0 {
			delete(s.open, token)
		}
	}
}

// end ends the contexts of a session's sockets.
func (s *sockets) end(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for cancel := range s.open[token] {
		(*cancel)()
	}
}
