package server

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/tts"
)

// warm returns the hold music, and has all other sounds of the configuration
// made ready in the background, so that calls do not wait for them.
func (s *server) warm(ctx context.Context, parts *sync.WaitGroup) (*media.Prompt, error) {
	type loaded struct {
		prompt *media.Prompt
		err    error
	}
	music := make(chan loaded, 1)
	snapshot := s.config.snapshot()
	s.prompts.Load(snapshot, ccs.Prompt{Builtin: ccs.BuiltinMusic}, "", func(p *media.Prompt, err error) { music <- loaded{p, err} })
	got := <-music
	if got.err != nil {
		return nil, fmt.Errorf("make the hold music: %w", got.err)
	}
	parts.Go(func() {
		if err := s.prompts.Warm(ctx, snapshot, snapshot.Prompts(), tts.Languages()...); err != nil && !errors.Is(err, context.Canceled) {
			s.log.Error("some prompts cannot be heard", "err", err)
		}
		// The start is over by now, and it used more than an idle server does: for
		// a password's hash, for speech, for the tables that it read. It would be
		// given back bit by bit in minutes only.
		debug.FreeOSMemory()
	})
	return got.prompt, nil
}
