package server

import (
	"context"
	"fmt"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw/trunk"
	"github.com/carillon-cc/carillon/store"
)

// callsOfBefore is how long before a day calls may have begun that were led on
// within it: the longest duration of a call.
const callsOfBefore = 4 * time.Hour

// dailyCounts says how many calls went out through each trunk since the beginning
// of a day, and on whose account, by the records of calls.
func (s *server) dailyCounts(day time.Time) ([]trunk.DailyCount, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	counts := make(map[[2]string]int)
	query := store.Query{From: day.Add(-callsOfBefore), Limit: 500}
	for {
		records, next, err := s.tables.Calls.List(ctx, query)
		if err != nil {
			return nil, fmt.Errorf("count the calls of today: %w", err)
		}
		for _, record := range records {
			for _, e := range record.Events {
				if e.Kind == ccs.EventDialled && !e.At.Before(day) {
					counts[[2]string{e.Trunk, e.By}]++
				}
			}
		}
		if next == "" {
			break
		}
		query.After = next
	}
	list := make([]trunk.DailyCount, 0, len(counts))
	for of, n := range counts {
		list = append(list, trunk.DailyCount{Trunk: of[0], By: of[1], Calls: n})
	}
	return list, nil
}
