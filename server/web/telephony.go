package web

import (
	"context"
	"time"
)

// Telephony is what the pages ask of trunks and lines. Any goroutine may call
// its methods. Whoever implements it calls Web.Refresh when a state changes.
type Telephony interface {
	Trunks() []TrunkState
	Lines() []LineState
	// Alarms are the outgoing calls that guards stopped lately, the newest first.
	Alarms() []Alarm
	// Diagnose looks for what keeps a trunk from working, if a number is given
	// also by a call to it. It takes up to a minute. ctx ends it.
	Diagnose(ctx context.Context, trunk, number string) ([]Finding, error)
}

// TrunkState is how a trunk is at this moment.
type TrunkState struct {
	Trunk string // id
	// Kind says it in a word: one of the Trunk constants.
	Kind TrunkKind
	// Until is when a registration ends, zero where there is none.
	Until time.Time
	// Said is what the provider or the network answered, in its own words.
	Said string
	// Retry is when the next try is, zero where none is planned.
	Retry   time.Time
	In, Out int // calls at this moment
	Today   int // outgoing calls since midnight UTC
	Targets []TargetState
}

// Alarm is an outgoing call that a trunk's guard stopped.
type Alarm struct {
	At    time.Time
	Trunk string // id
	// Guard is which one; its words are guard.GUARD, and what to do guard.GUARD.do.
	Guard   string
	By      string // id of the agent or line; "" for a plan
	Number  string // that was to be called, as it was dialled
	Forward bool   // whom they called has calls forwarded to the number
}

// TrunkKind is a state of a trunk; its words are trunk.state.KIND.
type TrunkKind string

// The states of trunks.
const (
	TrunkRegistered  TrunkKind = "registered"
	TrunkRegistering TrunkKind = "registering"
	TrunkReady       TrunkKind = "ready"       // without registration, and answers
	TrunkChecking    TrunkKind = "checking"    // nothing is known yet
	TrunkLapsing     TrunkKind = "lapsing"     // signed on, but signing on anew fails
	TrunkDegraded    TrunkKind = "degraded"    // some targets do not answer
	TrunkUnknownName TrunkKind = "unknownName" // the name of a target cannot be looked up
	TrunkPassword    TrunkKind = "password"    // user name or password are refused
	TrunkRefused     TrunkKind = "refused"     // for another reason, see Said
	TrunkUnreachable TrunkKind = "unreachable" // no target answers
	TrunkDisabled    TrunkKind = "disabled"
	// A target's certificate is not accepted: it is for another name, is not valid
	// today, or is signed by nobody whom we trust.
	TrunkCertificateName      TrunkKind = "certificateName"
	TrunkCertificateExpired   TrunkKind = "certificateExpired"
	TrunkCertificateAuthority TrunkKind = "certificateAuthority"
)

// TargetState is how one address of a provider is.
type TargetState struct {
	Name  string        // host, port and transport
	Known bool          // it was asked, and has answered or failed to
	Up    bool          // it answers
	RTT   time.Duration // of the last answer, 0 where there was none
}

// LineState is which telephones of a line are signed on.
type LineState struct {
	Line     string // id
	Contacts []Contact
	// Refused is when a wrong password was last given, zero for never, and
	// RefusedFrom the address it came from.
	Refused     time.Time
	RefusedFrom string
}

// Contact is a telephone that is signed on.
type Contact struct {
	UserAgent string
	Address   string
	Transport string // "UDP", "TCP" or "TLS"
	Since     time.Time
	Expires   time.Time
}

// Finding is something that a diagnosis found; its words, and what to do about
// it, are doctor.CODE.
type Finding struct {
	Check  string // what was looked at, as in the texts doctor.check.CHECK
	Code   string
	Level  string // "ok", "warning" or "error"
	Params map[string]string
}

// AgentState is what an agent does at this moment.
type AgentState struct {
	Agent     string // id
	State     string // as in the texts state.STATE
	Reason    string // of being away
	Since     time.Time
	Reachable bool
	Why       string // not reachable
}

// noTelephony is for servers without any, such as those of tests.
type noTelephony struct{}

func (noTelephony) Trunks() []TrunkState { return nil }
func (noTelephony) Lines() []LineState   { return nil }
func (noTelephony) Alarms() []Alarm      { return nil }

func (noTelephony) Diagnose(context.Context, string, string) ([]Finding, error) { return nil, nil }
