package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/carillon-cc/carillon/bench"
)

// errNotGood is the exit status of measurements that do not count or that miss
// a bound; why was printed.
var errNotGood = errors.New("not clean, or a bound was missed")

type benchCommand struct {
	Calls    int           `help:"Calls at the same time." default:"200"`
	Duration time.Duration `help:"How long the steady load is measured." default:"30s"`
	Record   bool          `help:"Record every call."`
	Flood    int           `help:"INVITEs a second that strangers send meanwhile."`
	JSON     bool          `name:"json" help:"Print one JSON object."`
	Suite    bool          `help:"Measure latency and capacity, without and with recording, and fail where a bound is missed."`
}

func (c *benchCommand) Run() error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	options := bench.Options{
		Calls: c.Calls, Duration: c.Duration, Record: c.Record, Flood: c.Flood,
		Server: []string{program, "serve"}, Progress: os.Stderr,
	}
	if c.Suite {
		return c.suite(ctx, options)
	}
	report, err := bench.Run(ctx, options)
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(report)
	} else {
		fmt.Print(report)
	}
	if err == nil && !report.Clean {
		err = errNotGood
	}
	return err
}

func (c *benchCommand) suite(ctx context.Context, options bench.Options) error {
	suite, err := bench.RunSuite(ctx, options)
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(suite)
	} else {
		fmt.Print(suite)
	}
	if err == nil && len(suite.Missed) > 0 {
		err = errNotGood
	}
	return err
}

func printJSON(v any) error {
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	if err := out.Encode(v); err != nil {
		return fmt.Errorf("print the measurement: %w", err)
	}
	return nil
}
