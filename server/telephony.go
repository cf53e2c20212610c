package server

import (
	"context"
	"slices"
	"strings"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/flow"
	"github.com/carillon-cc/carillon/server/web"
	"github.com/carillon-cc/carillon/sipgw"
)

// useTelephony has the gateway work with the trunks and lines of a
// configuration. Trunks that would not pass their own check, as an older
// Carillon may have stored them, are left out.
func (s *server) useTelephony(c *flow.Snapshot) {
	var trunks []*ccs.Trunk
	for _, t := range c.Trunks {
		if err := t.Check(); err != nil {
			s.log.Error("a trunk is not used: it has bad values", "trunk", t.ID, "err", err)
			continue
		}
		trunks = append(trunks, t)
	}
	// The first one that may call a number is taken: their order must not change.
	slices.SortFunc(trunks, func(a, b *ccs.Trunk) int { return strings.Compare(a.ID, b.ID) })
	lines := make([]*ccs.Line, 0, len(c.Lines))
	for _, l := range c.Lines {
		lines = append(lines, l)
	}
	s.sip.SetTrunks(trunks)
	s.sip.SetLines(lines)
}

// trunkAlarm tells that a guard against toll fraud stopped a call.
func (s *server) trunkAlarm(a sipgw.Alarm) {
	s.metrics.alarms.WithLabelValues(string(a.Kind)).Inc()
	s.alarms.add(a)
	s.refresh()
	s.log.Warn("a trunk's guard stopped an outgoing call", "trunk", a.Trunk, "guard", string(a.Kind), "detail", a.Detail, "by", a.By)
}

// trunksUp counts the trunks that work.
func (s *server) trunksUp() float64 {
	up := 0
	for _, t := range s.sip.TrunkStates() {
		if t.Status == sipgw.TrunkUp || t.Status == sipgw.TrunkDegraded {
			up++
		}
	}
	return float64(up)
}

// linesRegistered counts the lines of which a telephone is registered.
func (s *server) linesRegistered() float64 {
	registered := 0
	for _, l := range s.sip.LineStates() {
		if len(l.Contacts) > 0 {
			registered++
		}
	}
	return float64(registered)
}

// telephonesChanged tells those who show or call telephones that one has come or
// gone. It only posts.
func (s *server) telephonesChanged() {
	s.refresh()
	s.desks.TelephonesChanged()
}

// telephony is what the pages ask of trunks and lines.
type telephony struct{ *server }

// Trunks tells how trunks are.
func (t telephony) Trunks() []web.TrunkState {
	all := t.sip.TrunkStates()
	states := make([]web.TrunkState, len(all))
	for i, s := range all {
		states[i] = web.TrunkState{
			Trunk: s.Trunk, Kind: trunkKind(s), Until: s.RegisteredUntil, Said: s.Detail, Retry: s.NextTry,
			In: s.Incoming, Out: s.Outgoing, Today: s.Today,
		}
		for _, target := range s.Targets {
			states[i].Targets = append(states[i].Targets, web.TargetState{Name: target.Name, Known: target.Known, Up: target.Up, RTT: target.RTT})
		}
	}
	return states
}

func trunkKind(s sipgw.TrunkState) web.TrunkKind {
	switch {
	case s.Status == sipgw.TrunkDisabled:
		return web.TrunkDisabled
	case s.Reason == sipgw.ReasonDNS:
		return web.TrunkUnknownName
	case s.Status == sipgw.TrunkUp && !s.RegisteredUntil.IsZero():
		return web.TrunkRegistered
	case s.Status == sipgw.TrunkUp:
		return web.TrunkReady
	case s.Status == sipgw.TrunkDegraded && s.Reason == sipgw.ReasonRegister:
		return web.TrunkLapsing
	case s.Status == sipgw.TrunkDegraded:
		return web.TrunkDegraded
	case s.Reason == sipgw.ReasonCertificateName:
		return web.TrunkCertificateName
	case s.Reason == sipgw.ReasonCertificateExpired:
		return web.TrunkCertificateExpired
	case s.Reason == sipgw.ReasonCertificateAuthority:
		return web.TrunkCertificateAuthority
	case s.Reason == sipgw.ReasonTargets:
		return web.TrunkUnreachable
	case s.Reason == sipgw.ReasonRefusedUser, s.LastStatus == 401, s.LastStatus == 403, s.LastStatus == 407:
		return web.TrunkPassword
	case s.Reason == sipgw.ReasonRegister && s.LastStatus != 0:
		return web.TrunkRefused
	case s.Reason == sipgw.ReasonRegister:
		return web.TrunkUnreachable
	case s.Status == sipgw.TrunkUnregistered:
		return web.TrunkRegistering
	}
	return web.TrunkChecking
}

// Alarms lists the calls that guards stopped lately, the newest first.
func (t telephony) Alarms() []web.Alarm {
	last := t.alarms.list()
	list := make([]web.Alarm, len(last))
	for i, a := range last {
		list[i] = web.Alarm{At: a.At, Trunk: a.Trunk, Guard: a.Guard, By: a.By, Number: a.Number, Forward: a.Forward}
	}
	return list
}

// Lines tells which telephones are signed on.
func (t telephony) Lines() []web.LineState {
	all := t.sip.LineStates()
	states := make([]web.LineState, len(all))
	for i, s := range all {
		states[i] = web.LineState{Line: s.Line, Refused: s.Refused}
		if s.RefusedFrom.IsValid() {
			states[i].RefusedFrom = s.RefusedFrom.Addr().String()
		}
		for _, c := range s.Contacts {
			states[i].Contacts = append(states[i].Contacts, web.Contact{
				UserAgent: c.UserAgent, Address: c.Address.String(), Transport: c.Transport, Since: c.Since, Expires: c.Expires,
			})
		}
	}
	return states
}

// Diagnose examines a trunk.
func (t telephony) Diagnose(ctx context.Context, id, number string) ([]web.Finding, error) {
	config := t.config.snapshot().Trunks[id]
	if config == nil {
		return nil, nil
	}
	levels := map[sipgw.Level]string{sipgw.LevelOK: "ok", sipgw.LevelWarn: "warning", sipgw.LevelFail: "error"}
	var findings []web.Finding
	for _, f := range t.sip.Diagnose(ctx, *config, number) {
		findings = append(findings, web.Finding{Check: f.Check, Code: f.Code, Level: levels[f.Level], Params: f.Params})
	}
	return findings, nil
}
