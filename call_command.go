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

	"github.com/carillon-cc/carillon/sipgw/phone"
)

// errNotAnswered is the exit status of a call that nobody answered; what
// happened was printed.
var errNotAnswered = errors.New("the call was not answered")

type callCommand struct {
	URI         string        `arg:"" help:"Whom to call, such as sip:1000@127.0.0.1."`
	From        string        `help:"The number to show." placeholder:"NUMBER"`
	Codec       string        `help:"Offer this codec before the others." enum:"PCMA,PCMU,G722" default:"PCMA"`
	Tone        float64       `help:"Play a tone of this frequency." placeholder:"HZ" xor:"sound"`
	Play        string        `help:"Play a WAV file." placeholder:"FILE" xor:"sound" type:"existingfile"`
	Keys        string        `help:"Keys and when to press them after the answer, such as 2@4s,#@6s." placeholder:"KEYS"`
	Record      string        `help:"Write what is heard to a WAV file." placeholder:"FILE"`
	HangupAfter time.Duration `help:"Hang up so long after the answer. Without it: when the other side does, or at Ctrl-C." placeholder:"TIME"`
}

func (c *callCommand) Run() error {
	presses, err := phone.ParsePresses(c.Keys)
	if err != nil {
		return fmt.Errorf("--keys: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	result, err := phone.RunTrial(ctx, phone.TrialOptions{
		URI: c.URI, From: c.From, Codec: c.Codec, ToneHz: c.Tone, PlayPath: c.Play, Presses: presses, RecordPath: c.Record, HangUp: c.HangupAfter,
	})
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	if err := out.Encode(result); err != nil {
		return fmt.Errorf("print what happened: %w", err)
	}
	if !result.Answered {
		return errNotAnswered
	}
	return nil
}
