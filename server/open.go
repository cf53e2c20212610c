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

// StoreConfig says where the store is. The commands that read or fill a store
// take it as the server does.
type StoreConfig struct {
	Data  string `name:"data" env:"CARILLON_DATA" default:"./data" help:"Folder of the embedded store, spool and certificates."`
	Store string `name:"store" env:"CARILLON_STORE" help:"Store: sqlite:PATH or a mongodb:// URI. Default: sqlite in the data folder."`
}

func (c StoreConfig) uri() (string, error) {
	if c.Store == "" {
		return "sqlite:" + filepath.Join(c.Data, "carillon.db"), nil
	}
	for _, scheme := range []string{"sqlite:", "mongodb://", "mongodb+srv://"} {
		if strings.HasPrefix(c.Store, scheme) {
			return c.Store, nil
		}
	}
	return "", errors.New("CARILLON_STORE: must begin with sqlite: or mongodb://")
}

// Open opens the store, an embedded one that is not there yet being made. The
// caller closes it.
func (c StoreConfig) Open(ctx context.Context) (store.Store, error) {
	uri, err := c.uri()
	if err != nil {
		return nil, err
	}
	if path, ok := strings.CutPrefix(uri, "sqlite:"); ok {
		return sqlite.Open(ctx, path)
	}
	return mongo.Open(ctx, uri)
}

// OpenExisting is Open, but refuses to make an embedded store.
func (c StoreConfig) OpenExisting(ctx context.Context) (store.Store, error) {
	uri, err := c.uri()
	if err != nil {
		return nil, err
	}
	if path, ok := strings.CutPrefix(uri, "sqlite:"); ok {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("open the store: %w (which store it is, --data and --store say)", err)
		}
	}
	return c.Open(ctx)
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
