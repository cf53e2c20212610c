package web

import (
	"context"
	"sync"

	"github.com/carillon-cc/carillon/ccs"
)

// sockets are the WebSockets and the streams of events that are open: they must
// not go on in the name of somebody who has signed out, or who may no longer do
// what they were opened for.
type sockets struct {
	mu   sync.Mutex
	open map[*openSocket]struct{}
}

// openSocket is one of them.
type openSocket struct {
	token  string // of the session
	user   string // id
	cancel context.CancelFunc
}

func newSockets() *sockets { return &sockets{open: make(map[*openSocket]struct{})} }

// add returns a context that ends with the session, and when its user is cut
// off. The caller calls done when the socket is closed.
func (s *sockets) add(parent context.Context, token, user string) (ctx context.Context, done func()) {
	ctx, cancel := context.WithCancel(parent)
	one := &openSocket{token, user, cancel}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[one] = struct{}{}
	return ctx, func() {
		cancel()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.open, one)
	}
}

// endSession ends what a session has open.
func (s *sockets) endSession(token string) {
	s.end(func(one *openSocket) bool { return one.token == token })
}

// endUser ends what a user has open, in all sessions.
func (s *sockets) endUser(user string) {
	s.end(func(one *openSocket) bool { return one.user == user })
}

func (s *sockets) end(which func(*openSocket) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for one := range s.open {
		if which(one) {
			one.cancel()
		}
	}
}

// userChanged ends at once what a user has open who was deleted (after is nil),
// has got another password, or another role: sessions with the old password
// are worth nothing from then on, and what the pages of a role show is for that
// role. It is called after the change is in the store: whatever is opened in
// between is looked at again (see holds).
func (w *Web) userChanged(before, after *ccs.User) {
	if after != nil && after.PasswordHash == before.PasswordHash && after.Role == before.Role {
		return
	}
	w.sockets.endUser(before.ID)
	if w.o.CutOff != nil {
		w.o.CutOff(before.ID)
	}
}
