package sipp

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// between stands between two messages of the file that -trace_msg writes, and
	// unexpected before a second copy of one that the scenario did not wait for.
	between    = "-----------------------------------------------"
	unexpected = "Unexpected UDP message received:"
)

var received = regexp.MustCompile(`(?s)^.*?UDP message received \[\d+\] bytes :\s+(.*)`)

// surprises are the messages that a scenario did not wait for. A message that came
// before, byte for byte, is none: whoever stands still for half a second is sent it
// again.
func surprises(messages string) (all []string) {
	var known []string
	for part := range strings.SplitSeq(messages, between) {
		if m := received.FindStringSubmatch(part); m != nil {
			known = append(known, strings.TrimSpace(m[1]))
			continue
		}
		_, text, ok := strings.Cut(part, unexpected)
		if text = strings.TrimSpace(text); !ok {
			continue
		}
		// The last one is the message itself.
		if n := len(known); n == 0 || !slices.Contains(known[:n-1], text) {
			all = append(all, text)
		}
	}
	return all
}

var tripped = regexp.MustCompile(`watchdog timer \d+ms has been tripped \((\d+)\)`)

// stoodStill is the longest time in which SIPp itself did nothing, as it wrote into
// the file of -trace_err.
func stoodStill(errors string) (longest time.Duration) {
	for _, m := range tripped.FindAllStringSubmatch(errors, -1) {
		if ms, err := strconv.Atoi(m[1]); err == nil {
			longest = max(longest, time.Duration(ms)*time.Millisecond)
		}
	}
	return longest
}
