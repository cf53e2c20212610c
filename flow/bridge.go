package flow

import (
	"errors"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
)

// defaultTransfer is how long a bridge rings where the plan does not say.
const defaultTransfer = 60 * time.Second

// bridge rings an agent, a line or a number. Answered, the call ends with it.
func (r *run) bridge(a *ccs.Action) (outcome, error) {
	if !r.snapshot.reachable(a.Bridge) {
		r.fail(a, "unknownObject")
		return unreached, nil
	}
	_, err := r.phone.Bridge(Bridge{
		Bridge: a.Bridge, Timeout: r.flow.TransferTimeout.Or(defaultTransfer), Presentation: r.flow.Presentation,
	})
	if err != nil {
		if errors.Is(err, call.ErrOver) {
			return next, err
		}
		r.fail(a, "failed")
	}
	return unreached, nil
}

// reachable tells whether what b names exists; whether a number does, its network
// knows.
func (s *Snapshot) reachable(b *ccs.Bridge) bool {
	switch {
	case b.Agent != "":
		return s.Agents[b.Agent] != nil
	case b.Line != "":
		return s.Lines[b.Line] != nil
	}
	return b.Number != ""
}

// BridgeName is what to call whom b names.
func (s *Snapshot) BridgeName(b *ccs.Bridge) string {
	switch {
	case b.Agent != "":
		if u := s.Users[b.Agent]; u != nil {
			return u.Name
		}
	case b.Line != "":
		if l := s.Lines[b.Line]; l != nil {
			return l.Name
		}
	}
	return b.Number
}

// Present says what a ringing telephone shows of a caller (spec 3.3). name is the
// caller's, label that of the dialled number.
func Present(p ccs.Presentation, from, name, to, label string) (number, shown string) {
	switch p {
	case ccs.PresentDialed:
		return to, label
	case ccs.PresentBoth:
		if label == "" {
			label = to
		}
		return from, label
	}
	return from, name
}
