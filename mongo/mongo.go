// Package mongo is the store on MongoDB 6 and later, or on FerretDB 2 over
// DocumentDB. It needs neither transactions nor change streams: one document is
// the unit of change.
package mongo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/carillon-cc/carillon/store"
)

const (
	// defaultDatabase is used where the URI names none.
	defaultDatabase = "carillon"
	// selectTimeout is how long a call waits for a server to be there, and for
	// a connection to it; operationTimeout is how long it may take as a whole.
	// The URI can set others (serverSelectionTimeoutMS, connectTimeoutMS,
	// timeoutMS), a call's context shorter ones.
	selectTimeout    = 5 * time.Second
	operationTimeout = 15 * time.Second
)

// Store is a store.Store in one database of a server.
type Store struct {
	client *driver.Client
	db     *driver.Database

	mu     sync.RWMutex
	tables map[string]store.Schema

	turn chan struct{} // see takeTurn
}

var _ store.Store = (*Store)(nil)

// Open connects to the server of a mongodb:// or mongodb+srv:// URI, whose path
// names the database, and waits until it answers. The caller closes the store.
func Open(ctx context.Context, uri string) (*Store, error) {
	client, err := driver.Connect(options.Client().
		SetAppName("carillon").
		SetServerSelectionTimeout(selectTimeout).
		SetConnectTimeout(selectTimeout).
		SetTimeout(operationTimeout).
		ApplyURI(uri))
	if err != nil {
		return nil, fmt.Errorf("open mongo store: %w", err)
	}
	s := &Store{client: client, db: client.Database(database(uri)), tables: make(map[string]store.Schema), turn: make(chan struct{}, 1)}
	if err = s.Ping(ctx); err == nil {
		err = s.prepareBlobs(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open mongo store: %w", err), s.Close())
	}
	return s, nil
}

// database is the URI's path. The driver checks the URI; package net/url cannot
// read one with several hosts.
func database(uri string) string {
	_, rest, _ := strings.Cut(uri, "://")
	rest, _, _ = strings.Cut(rest, "?")
	_, name, _ := strings.Cut(rest, "/")
	if name == "" {
		return defaultDatabase
	}
	return name
}

// Ping asks the server that takes the writes.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.client.Ping(ctx, readpref.Primary()); err != nil {
		return fmt.Errorf("ping mongo store: %w", err)
	}
	return nil
}

// Close ends the connections.
func (s *Store) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), selectTimeout)
	defer cancel()
	if err := s.client.Disconnect(ctx); err != nil {
		return fmt.Errorf("close mongo store: %w", err)
	}
	return nil
}

// schema returns what Ensure was told of the table.
func (s *Store) schema(table string) (store.Schema, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	schema, ok := s.tables[table]
	if !ok {
		return store.Schema{}, fmt.Errorf("table %q is not prepared", table)
	}
	return schema, nil
}

// byID is the filter of one document.
func byID(id any) bson.D { return bson.D{{Key: "_id", Value: id}} }
