package main

import (
	"context"
	"os"
	"strings"

	"github.com/carillon-cc/carillon/server"
	"github.com/carillon-cc/carillon/server/archive"
	"github.com/carillon-cc/carillon/store"
)

type importCommand struct {
	server.StoreConfig
	File   string `arg:"" help:"File that export has written, and that may have been edited; - is standard input."`
	DryRun bool   `help:"Only check the file and print what would change."`
}

func (c *importCommand) Run() error {
	in := os.Stdin
	if c.File != archive.Standard {
		var err error
		if in, err = os.Open(c.File); err != nil {
			return err
		}
		defer in.Close()
	}
	configuration, err := archive.ReadConfiguration(in)
	if err != nil {
		return err
	}
	return withStore(c.Open, func(ctx context.Context, db store.Store) error {
		plan, err := archive.PlanImport(ctx, db, configuration)
		if err != nil {
			return err
		}
		if err := archive.Describe(os.Stdout, plan.Changes); err != nil {
			return err
		}
		for _, note := range plan.Adopted {
			say("%s", note)
		}
		if len(plan.WithoutPassword) > 0 {
			say("Without a password, and unable to sign in until one is set: %s.", strings.Join(plan.WithoutPassword, ", "))
		}
		if len(plan.WithoutSecret) > 0 {
			say("Without a password, and unable to sign on until one is set: %s.", strings.Join(plan.WithoutSecret, ", "))
		}
		if c.DryRun {
			say("Nothing was changed.")
			return nil
		}
		if err := plan.Apply(ctx); err != nil {
			return err
		}
		say("Imported. A server that is running uses the new configuration after its next start.")
		return nil
	})
}
