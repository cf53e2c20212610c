package main

import (
	"context"
	"io"

	"github.com/carillon-cc/carillon/server"
	"github.com/carillon-cc/carillon/server/archive"
	"github.com/carillon-cc/carillon/store"
)

type exportCommand struct {
	server.StoreConfig
	File      string `arg:"" help:"File to write, such as configuration.json; - is standard output."`
	Force     bool   `help:"Replace the file if it is there."`
	Passwords bool   `help:"Write secrets too: the hashes of the passwords of users and lines, and the passwords of trunks as they are."`
}

func (c *exportCommand) Run() error {
	return withStore(c.OpenExisting, func(ctx context.Context, db store.Store) error {
		return archive.WriteFile(c.File, c.Force, func(w io.Writer) error { return archive.Export(ctx, db, w, c.Passwords) })
	})
}
