package web

import (
	"context"
	"fmt"
	"net/http"

	"github.com/carillon-cc/carillon/store"
)

// NewSession signs a user in without a password, for programs that own the
// store such as measurements, and returns the cookie that browsers would have
// got. It is that of a server without HTTPS.
func NewSession(ctx context.Context, t *store.Tables, userID string) (*http.Cookie, error) {
	sessions := newSessions(newSessionStore(t), false)
	ctx, err := sessions.Load(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("begin a session: %w", err)
	}
	sessions.Put(ctx, sessionUser, userID)
	token, expires, err := sessions.Commit(ctx)
	if err != nil {
		return nil, fmt.Errorf("begin a session: %w", err)
	}
	return &http.Cookie{Name: sessions.Cookie.Name, Value: token, Path: "/", Expires: expires, HttpOnly: true, SameSite: http.SameSiteLaxMode}, nil
}
