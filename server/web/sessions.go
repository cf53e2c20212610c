package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
)

const (
	sessionLife    = 7 * 24 * time.Hour
	sessionRenewed = 6 * 24 * time.Hour // a session with less left is prolonged
	sessionUser    = "user"             // key of the user's id
	sessionMark    = "mark"             // key of passwordMark
	sessionsKept   = 10_000
)

func newSessions(s *sessionStore, secure bool) *scs.SessionManager {
	// Not scs.New: its store in memory has a goroutine that would never end.
	m := &scs.SessionManager{
		Lifetime: sessionLife,
		Store:    s,
		Codec:    scs.GobCodec{},
		// Whoever reads the store must not be able to sign in with what it holds.
		HashTokenInStore: true,
		Cookie: scs.SessionCookie{
			Name: "carillon", Path: "/", Persist: true, HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode,
		},
	}
	if secure {
		m.Cookie.Name = "__Host-carillon"
	}
	return m
}

// sessionStore keeps sessions in the database. It remembers the latest ones, so
// that people stay signed in while the database is away.
type sessionStore struct {
	table *store.Table[ccs.Session, *ccs.Session]
	mu    sync.Mutex
	known map[string]ccs.Session // by hashed token; at most sessionsKept
}

var _ scs.CtxStore = (*sessionStore)(nil)

func newSessionStore(t *store.Tables) *sessionStore {
	return &sessionStore{table: t.Sessions, known: map[string]ccs.Session{}}
}

// FindCtx returns the data of a session that has not expired.
func (s *sessionStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	session, err := s.table.Get(ctx, token)
	switch {
	case errors.Is(err, store.ErrNotFound):
		s.forget(token)
		return nil, false, nil
	case err != nil:
		kept, ok := s.recall(token)
		if !ok {
			return nil, false, fmt.Errorf("find session: %w", err)
		}
		session = &kept
	default:
		s.remember(*session)
	}
	if !time.Now().Before(session.Expires) {
		return nil, false, nil
	}
	return session.Data, true, nil
}

// CommitCtx creates or replaces a session.
func (s *sessionStore) CommitCtx(ctx context.Context, token string, data []byte, expires time.Time) error {
	for range 3 { // two requests of one browser may write at the same time
		session, err := s.table.Get(ctx, token)
		if errors.Is(err, store.ErrNotFound) {
			session, err = &ccs.Session{Meta: ccs.Meta{ID: token}}, nil
		}
		if err != nil {
			return fmt.Errorf("save session: %w", err)
		}
		session.Data, session.Expires = data, expires.UTC().Truncate(time.Millisecond)
		err = s.table.Put(ctx, session)
		if err == nil {
			s.remember(*session)
			return nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("save session: %w", err)
		}
	}
	return fmt.Errorf("save session: %w", store.ErrConflict)
}

// DeleteCtx ends a session; one that does not exist is not an error.
func (s *sessionStore) DeleteCtx(ctx context.Context, token string) error {
	s.forget(token)
	err := s.table.Delete(ctx, &ccs.Session{Meta: ccs.Meta{ID: token}})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// Find, Commit and Delete complete scs.Store; scs calls the others.
func (s *sessionStore) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is CommitCtx without a context.
func (s *sessionStore) Commit(token string, data []byte, expires time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expires)
}

// Delete is DeleteCtx without a context.
func (s *sessionStore) Delete(token string) error {
	return s.DeleteCtx(context.Background(), token)
}

func (s *sessionStore) remember(session ccs.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.known[session.ID]; !ok && len(s.known) >= sessionsKept {
		for id := range s.known { // any one: the memory is a help, not a promise
			delete(s.known, id)
			break
		}
	}
	s.known[session.ID] = session
}

func (s *sessionStore) recall(token string) (ccs.Session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	session, ok := s.known[token]
	return session, ok
}

func (s *sessionStore) forget(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, token)
}

// removeExpired deletes the sessions that ended before now.
func (s *sessionStore) removeExpired(ctx context.Context, now time.Time) error {
	for {
		list, _, err := s.table.List(ctx, store.Query{To: now, Limit: 200})
		if err != nil {
			return fmt.Errorf("find expired sessions: %w", err)
		}
		if len(list) == 0 {
			return nil
		}
		for _, session := range list {
			if err := s.DeleteCtx(ctx, session.ID); err != nil {
				return err
			}
		}
	}
}
