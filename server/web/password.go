package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
)

// Lengths of passwords, in characters.
const (
	MinPassword = 8
	MaxPassword = 200
)

// parameters cost about 40 ms and 19 MiB a try: the second recommendation of
// RFC 9106 §4 is for more memory than a small server has to spare when a shift
// signs in at once.
var parameters = &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// ErrPassword is a password that cannot be taken: too short or too long.
var ErrPassword = fmt.Errorf("password: must have %d to %d characters", MinPassword, MaxPassword)

// HashPassword makes what User.PasswordHash keeps. It takes some 40 ms.
func HashPassword(password string) (string, error) {
	if n := utf8.RuneCountInString(password); n < MinPassword || n > MaxPassword {
		return "", ErrPassword
	}
	hash, err := argon2id.CreateHash(password, parameters)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return hash, nil
}

// CreateUser stores a new user with this password, and the agent of the same
// id where the role is that of an agent. The login must be free
// (store.ErrDuplicate).
func CreateUser(ctx context.Context, t *store.Tables, user *ccs.User, password string) error {
	if user.Login == "" {
		return errors.New("login: must not be empty")
	}
	hash, err := HashPassword(password)
	if err != nil {
		return err
	}
	user.PasswordHash = hash
	if err := t.Users.Put(ctx, user); err != nil {
		return fmt.Errorf("create user: %w", err)
	}
	if user.Role != ccs.RoleAgent {
		return nil
	}
	if err := t.Agents.Put(ctx, &ccs.Agent{Meta: ccs.Meta{ID: user.ID}}); err != nil {
		return fmt.Errorf("create agent of user: %w", err)
	}
	return nil
}

// passwords compares passwords, few at a time: each comparison takes memory
// and a processor, which strangers must not be able to use up.
type passwords struct {
	slots chan struct{}
	decoy func() (string, error) // hash compared where there is no such user; made once
}

func newPasswords() *passwords {
	return &passwords{
		slots: make(chan struct{}, 2),
		decoy: sync.OnceValues(func() (string, error) { return HashPassword(rand.Text()) }),
	}
}

// turn waits for a slot, in which match may be called until done.
func (p *passwords) turn(ctx context.Context) (done func(), err error) {
	select {
	case p.slots <- struct{}{}:
		return func() { <-p.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// match tells whether the password is the user's. For a nil user, and for one
// who has no password yet, it takes as long as for any other, so that nobody
// learns which logins exist.
func (p *passwords) match(user *ccs.User, password string) (bool, error) {
	hash, err := "", error(nil)
	known := user != nil && user.PasswordHash != ""
	if known {
		hash = user.PasswordHash
	} else if hash, err = p.decoy(); err != nil {
		return false, err
	}
	ok, err := argon2id.ComparePasswordAndHash(password, hash)
	if err != nil {
		return false, fmt.Errorf("compare password: %w", err)
	}
	return ok && known, nil
}

// passwordMark tells one password of a user from another, so that a session ends
// when the password changes. It says nothing about the password.
func passwordMark(user *ccs.User) string {
	sum := sha256.Sum256([]byte("session of " + user.PasswordHash))
	return hex.EncodeToString(sum[:8])
}
