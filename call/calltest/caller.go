package calltest

import "github.com/carillon-cc/carillon/call"

// Caller is a telephone that calls us.
type Caller struct{ *Called }

var _ call.CallerLeg = (*Caller)(nil)

// NewCaller makes a telephone that has called and waits.
func NewCaller(name string) *Caller { return &Caller{NewCalled(name)} }

func (l *Caller) note(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.did = append(l.did, what)
}

// Ring is kept for Did as "ring".
func (l *Caller) Ring() { l.note("ring") }

// Progress is kept for Did as "progress".
func (l *Caller) Progress() error { l.note("progress"); return nil }

// Answer is kept for Did as "answer".
func (l *Caller) Answer() error { l.note("answer"); return nil }

// Refuse is kept for Did, such as "refuse system/noPlan".
func (l *Caller) Refuse(c call.Cause) { l.note("refuse " + c.String()) }

// Leave has the caller hang up.
func (l *Caller) Leave() {
	l.Tell(call.Gone{Leg: l, Cause: call.Cause{By: call.ByCaller, Reason: call.ReasonHangup}})
}
