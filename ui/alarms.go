package ui

import "time"

// Alarm is outgoing calls that a trunk's guard stopped for the same reason, in
// words. Only administrators are shown it: it has the number that was dialled.
type Alarm struct {
	TrunkID   string
	Trunk     string // its name, in a sentence
	TrunkHref string // "" where it was deleted
	At        time.Time
	Count     int
	What      string // who called whom
	Why       string // what stopped it
	Do        string // what to do about it, "" for nothing
}

// AlarmsOf are those of a trunk.
func AlarmsOf(all []Alarm, trunk string) []Alarm {
	var its []Alarm
	for _, a := range all {
		if a.TrunkID == trunk {
			its = append(its, a)
		}
	}
	return its
}
