// Carillon is a contact center that a small team runs itself.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/carillon-cc/carillon/server"
)

// version is set by the linker at a release.
var version = "dev"

type cli struct {
	Serve   serveCommand   `cmd:"" help:"Run the contact center."`
	Bench   benchCommand   `cmd:"" help:"Measure what calls cost, with simulated callers and agents."`
	Call    callCommand    `cmd:"" help:"Call a SIP address, as a telephone would, and print what happened."`
	Backup  backupCommand  `cmd:"" help:"Write everything in the store to a file, also while the server runs."`
	Restore restoreCommand `cmd:"" help:"Fill an empty store from a backup, of this or the other kind of store."`
	Export  exportCommand  `cmd:"" help:"Write the configuration to a readable file."`
	Import  importCommand  `cmd:"" help:"Check a configuration and put it into the store, beside what is there."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

type serveCommand struct {
	server.Config
}

func (c *serveCommand) Run() error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	now := make(chan struct{})
	c.EndNow = now
	go func() { // until the process ends
		<-signals
		stop()
		<-signals
		close(now)
	}()
	return server.Run(ctx, c.Config)
}

type versionCommand struct{}

func (versionCommand) Run() error {
	fmt.Println("carillon", version)
	return nil
}

func main() {
	if err := tidyEnvironment(); err != nil {
		fmt.Fprintln(os.Stderr, "carillon: reading the environment:", err)
		os.Exit(1)
	}
	var c cli
	k := kong.Parse(&c, kong.Name("carillon"),
		kong.Description("A contact center that a small team runs itself: telephone calls, answered in the browser."),
		kong.ShortUsageOnError())
	k.FatalIfErrorf(k.Run())
}
