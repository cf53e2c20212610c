package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/carillon-cc/carillon/mongo"
	"github.com/carillon-cc/carillon/sqlite"
	"github.com/carillon-cc/carillon/store"
)

// openStore opens the store that a URI names.
func openStore(ctx context.Context, uri string) (store.Store, error) {
	if path, ok := strings.CutPrefix(uri, "sqlite:"); ok {
		return sqlite.Open(ctx, path)
	}
	return mongo.Open(ctx, uri)
}

// storeKind is for logs: a URI may hold a password.
func storeKind(uri string) string {
	kind, _, _ := strings.Cut(uri, ":")
	return kind
}

// nodeName returns the name of this installation among those that share a
// store. It is made at the first start and kept in the data folder.
func nodeName(folder string) (string, error) {
	path := filepath.Join(folder, "node")
	data, err := os.ReadFile(path)
	if err == nil && len(data) > 0 {
		return strings.TrimSpace(string(data)), nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read the node's name: %w", err)
	}
	name := ulid.Make().String()
	if err := os.WriteFile(path, []byte(name+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep the node's name: %w", err)
	}
	return name, nil
}

// newPassword makes a password that a person can type.
func newPassword() string {
	return strings.ToLower(rand.Text()[:16])
}
