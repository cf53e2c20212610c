package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/carillon-cc/carillon/server"
	"github.com/carillon-cc/carillon/server/archive"
	"github.com/carillon-cc/carillon/store"
)

type backupCommand struct {
	server.StoreConfig
	File  string `arg:"" help:"File to write, such as carillon.backup.tar.gz; - is standard output."`
	Force bool   `help:"Replace the file if it is there."`
}

func (c *backupCommand) Run() error {
	return withStore(c.OpenExisting, func(ctx context.Context, db store.Store) error {
		var summary archive.Summary
		err := archive.WriteFile(c.File, c.Force, func(w io.Writer) error {
			var err error
			summary, err = archive.Backup(ctx, db, w, version)
			return err
		})
		if err != nil {
			return err
		}
		say("Backed up: %s.\nThe file holds hashes of passwords, telephone numbers and recordings: keep it safe.", summary)
		return nil
	})
}

// withStore runs f on a store that open opens, until Ctrl-C.
func withStore(open func(context.Context) (store.Store, error), f func(ctx context.Context, db store.Store) error) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	db, err := open(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if closed := db.Close(); err == nil && closed != nil {
			err = fmt.Errorf("close the store: %w", closed)
		}
	}()
	return f(ctx, db)
}

// say prints a sentence for people; standard output is for what was asked for.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
