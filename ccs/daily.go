package ccs

// DailyCalls is how many calls one run of a process placed through a trunk on one
// day on somebody's account. The sum over all runs is what the limits of a day
// count.
type DailyCalls struct {
	Meta
	Day   string `json:"day"` // of UTC, such as 2026-11-22
	Run   string `json:"run"`
	Trunk string `json:"trunk"`        // id
	By    string `json:"by,omitempty"` // id of the agent or line; "" for a plan
	Calls int    `json:"calls"`
}
