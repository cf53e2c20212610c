package phone

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Press is telephone keys and when to press them, after the answer.
type Press struct {
	Keys string
	At   time.Duration
}

// maxPressTime is the latest time that a key may be pressed at.
const maxPressTime = 4 * time.Hour

// ParsePresses reads keys with their times, such as "2@4s,#@6s" or "1234#@500ms",
// and returns them in the order of their times. An empty text is no keys. The
// error names the part that is wrong.
func ParsePresses(text string) ([]Press, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var presses []Press
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		keys, at, ok := strings.Cut(part, "@")
		if !ok {
			return nil, fmt.Errorf("%q has no time: want KEYS@TIME, such as 2@4s", part)
		}
		if keys == "" {
			return nil, fmt.Errorf("%q has no key before @", part)
		}
		keys = strings.ToUpper(keys)
		for _, key := range keys {
			if !strings.ContainsRune("0123456789*#ABCD", key) {
				return nil, fmt.Errorf("%q is no telephone key in %q: they are 0-9 * # A-D", key, part)
			}
		}
		when, err := time.ParseDuration(at)
		if err != nil {
			return nil, fmt.Errorf("%q is no time in %q: want such as 4s or 500ms", at, part)
		}
		if when < 0 || when > maxPressTime {
			return nil, fmt.Errorf("the time in %q must be from 0s to %s", part, maxPressTime)
		}
		presses = append(presses, Press{keys, when})
	}
	slices.SortStableFunc(presses, func(a, b Press) int { return int(a.At - b.At) })
	return presses, nil
}
