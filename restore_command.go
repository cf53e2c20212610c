package main

import (
	"context"
	"time"

	"github.com/carillon-cc/carillon/server"
	"github.com/carillon-cc/carillon/server/archive"
	"github.com/carillon-cc/carillon/store"
)

type restoreCommand struct {
	server.StoreConfig
	File string `arg:"" help:"Backup to restore; - is standard input, which is first copied to a temporary file."`
}

func (c *restoreCommand) Run() error {
	file, discard, err := archive.OpenFile(c.File)
	if err != nil {
		return err
	}
	defer discard()
	return withStore(c.Open, func(ctx context.Context, db store.Store) error {
		manifest, summary, err := archive.Restore(ctx, db, file)
		if err != nil {
			return err
		}
		say("Restored the backup of %s (Carillon %s): %s.\nEverybody signs in anew.",
			manifest.Created.Format(time.RFC3339), manifest.Carillon, summary)
		return nil
	})
}
