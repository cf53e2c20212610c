package server

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
)

// closeCrashed ends the records of calls that an earlier process of this node
// left running when it died, and returns the calls whose recordings lie in the
// spool. It runs before the first call.
func (s *server) closeCrashed(ctx context.Context) (spooled []string, err error) {
	spooled, err = s.spool.leftBehind()
	if err != nil {
		return nil, err
	}
	open, _, err := s.tables.Calls.List(ctx, store.Query{Equal: map[string]string{"open": "yes"}})
	if err != nil {
		return nil, fmt.Errorf("look for calls that were cut off: %w", err)
	}
	for _, record := range open {
		if record.Node != s.node {
			continue
		}
		record.Ended = s.lastSign(record, slices.Contains(spooled, record.ID))
		record.EndedBy = string(call.BySystem)
		record.Cause = string(call.ReasonCrash)
		record.Events = append(record.Events, ccs.CallEvent{At: record.Ended, Kind: ccs.EventEnded, Reason: record.Cause})
		if err := s.tables.Calls.Put(ctx, record); err != nil {
			return nil, fmt.Errorf("end a call that was cut off: %w", err)
		}
		s.log.Warn("a call was cut off when the process ended", "call", record.ID)
	}
	return spooled, nil
}

// lastSign is when a call that was cut off is known to have lived last: the
// recording was written until then, or else its last event.
func (s *server) lastSign(record *ccs.CallRecord, spooled bool) time.Time {
	last := record.Started
	if n := len(record.Events); n > 0 {
		last = record.Events[n-1].At
	}
	if !spooled {
		return last
	}
	if info, err := os.Stat(s.spool.wav(record.ID)); err == nil && info.ModTime().After(last) {
		return info.ModTime().UTC().Truncate(time.Millisecond)
	}
	return last
}
