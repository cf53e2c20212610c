package sipgw

import (
	"time"

	"github.com/carillon-cc/carillon/sipgw/trunk"
)

// TrunkStatus says in a word how a trunk does.
type TrunkStatus string

// The statuses. Each has its words in the locales, under "trunk.status.<status>".
const (
	TrunkUp           TrunkStatus = "up"
	TrunkDegraded     TrunkStatus = "degraded" // works, but not all of it
	TrunkDown         TrunkStatus = "down"
	TrunkUnregistered TrunkStatus = "unregistered"
	TrunkDisabled     TrunkStatus = "disabled"
)

// The reasons of a status; "" is none. Each has its words in the locales, under
// "trunk.reason.<reason>".
const (
	ReasonStarting = "starting" // nothing was heard yet
	ReasonDNS      = "dns"      // a name cannot be looked up
	ReasonTargets  = "targets"  // some or all targets do not answer
	// The certificate of a target is not accepted: it is for another name, is not
	// valid today, or is signed by nobody whom we trust.
	ReasonCertificateName      = "certificateName"
	ReasonCertificateExpired   = "certificateExpired"
	ReasonCertificateAuthority = "certificateAuthority"
	ReasonRefusedUser          = "refusedUser" // the provider does not take the account or password; next try within the hour
	ReasonRegister             = "register"    // the registration failed and is tried again
)

// TrunkState is how a trunk does.
type TrunkState struct {
	Trunk  string      `json:"trunk"` // its id
	Status TrunkStatus `json:"status"`
	Reason string      `json:"reason,omitempty"`
	Detail string      `json:"detail,omitempty"` // what the provider or the system said, in its own words
	Since  time.Time   `json:"since"`            // of Status
	// Of the registration; zero without one.
	RegisteredUntil time.Time `json:"registeredUntil,omitzero"`
	RegisteredAt    string    `json:"registeredAt,omitempty"` // the target
	LastStatus      int       `json:"lastStatus,omitempty"`   // of the last REGISTER, 0 for no answer
	LastPhrase      string    `json:"lastPhrase,omitempty"`
	NextTry         time.Time `json:"nextTry,omitzero"`

	Targets  []trunk.TargetState `json:"targets"`
	Incoming int                 `json:"incoming"` // calls now
	Outgoing int                 `json:"outgoing"`
	Today    int                 `json:"today"` // outgoing calls since midnight UTC
}

// TrunkStates is how all trunks do, in the order of SetTrunks.
func (g *Gateway) TrunkStates() []TrunkState {
	links := g.trunks.links()
	states := make([]TrunkState, len(links))
	for i, l := range links {
		states[i] = g.trunks.state(l)
	}
	return states
}

// state is how a trunk does now; Since is that of the last state that was told
// where the status is the same.
func (t *trunks) state(l *link) TrunkState {
	s := TrunkState{Trunk: l.trunk.ID, Since: time.Now()}
	s.Incoming, s.Outgoing, s.Today = t.counts.Of(l.trunk.ID)
	if l.trunk.Disabled {
		s.Status = TrunkDisabled
	} else {
		s.Targets = l.health.States()
		t.judge(&s, l)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if before, ok := t.told[s.Trunk]; ok && before.Status == s.Status {
		s.Since = before.Since
	}
	return s
}

// certificateReasons are the reasons of faulty certificates.
var certificateReasons = map[trunk.Fault]string{
	trunk.FaultName: ReasonCertificateName, trunk.FaultExpired: ReasonCertificateExpired, trunk.FaultAuthority: ReasonCertificateAuthority,
}

// judge finds the status of a trunk that is in use.
func (t *trunks) judge(s *TrunkState, l *link) {
	up, down, why, detail := 0, 0, ReasonTargets, ""
	for _, target := range s.Targets {
		switch {
		case target.Known && target.Up:
			up++
		case target.Known:
			down++
			detail = target.Name + ": " + target.Reason
			if reason, ok := certificateReasons[target.Fault]; ok {
				why = reason
			}
		}
	}
	_, dns := t.endpoints(l.trunk)
	switch {
	case up > 0 && down == 0 && dns == nil:
		s.Status = TrunkUp
	case up > 0:
		s.Status, s.Reason, s.Detail = TrunkDegraded, why, detail
	case down > 0 && down == len(s.Targets):
		s.Status, s.Reason, s.Detail = TrunkDown, why, detail
	default:
		s.Status, s.Reason = TrunkDown, ReasonStarting
	}
	if dns != nil && (down == 0 || len(s.Targets) == 0) {
		s.Reason, s.Detail = ReasonDNS, dns.Error()
	}
	if l.runner == nil {
		return
	}
	r := l.runner.State()
	s.LastStatus, s.LastPhrase, s.NextTry = r.Status, r.Phrase, r.Next
	if r.Phase == trunk.Registered {
		s.RegisteredUntil, s.RegisteredAt = r.Until, l.runner.At().String()
		if r.Status/100 != 2 && s.Status == TrunkUp {
			s.Status, s.Reason, s.Detail = TrunkDegraded, ReasonRegister, said(r)
		}
		return
	}
	if s.Status == TrunkDown && s.Reason != ReasonStarting {
		return // why there is no registration is plain
	}
	s.Status = TrunkUnregistered
	switch {
	case r.Phase == trunk.Refused:
		s.Reason, s.Detail = ReasonRefusedUser, said(r)
	case r.Endpoint != "":
		s.Reason, s.Detail = ReasonRegister, said(r)
	}
}

// said is what the last REGISTER came to, in the provider's words.
func said(r trunk.RegistrationState) string {
	if r.Status == 0 {
		return r.Phrase
	}
	return itoa(r.Status) + " " + r.Phrase
}

// tell reports the states that changed. Only watch calls it, so that they come
// in order.
func (t *trunks) tell() {
	present := make(map[string]bool)
	for _, l := range t.links() {
		s := t.state(l)
		present[s.Trunk] = true
		t.mu.Lock()
		before, known := t.told[s.Trunk]
		t.told[s.Trunk] = s
		t.mu.Unlock()
		if known && sameState(before, s) {
			continue
		}
		t.gateway.log.Info("trunk", "id", s.Trunk, "status", string(s.Status), "reason", s.Reason, "detail", s.Detail)
		if t.gateway.cfg.OnTrunk != nil {
			t.gateway.cfg.OnTrunk(s)
		}
	}
	t.mu.Lock()
	for id := range t.told {
		if !present[id] {
			delete(t.told, id)
		}
	}
	t.mu.Unlock()
}

// sameState tells whether two states differ in nothing but numbers.
func sameState(a, b TrunkState) bool {
	if a.Status != b.Status || a.Reason != b.Reason || a.Detail != b.Detail || a.LastStatus != b.LastStatus ||
		a.RegisteredAt != b.RegisteredAt || !a.RegisteredUntil.Equal(b.RegisteredUntil) || len(a.Targets) != len(b.Targets) {
		return false
	}
	for i := range a.Targets {
		x, y := a.Targets[i], b.Targets[i]
		if x.Name != y.Name || x.Known != y.Known || x.Up != y.Up || x.Status != y.Status || x.Reason != y.Reason {
			return false
		}
	}
	return true
}
