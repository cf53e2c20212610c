package ui

import "time"

// AwayReasons are the reasons an agent may give for being away; their texts
// are away.reason.<id>.
var AwayReasons = []string{"break", "lunch", "meeting", "training"}

// Today sums up an agent's day beside the desk.
type Today struct {
	Answered int
	Talked   time.Duration
	Recent   []CallRow // the latest first
}
