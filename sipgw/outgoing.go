package sipgw

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
)

// Outgoing is a call to be placed: to a line, or to a number through a trunk.
type Outgoing struct {
	Line   string // id of a ccs.Line, all of whose telephones ring
	Number string // as dialled; for a trunk
	Trunk  string // id of a ccs.Trunk; "" is the first one that may call Number
	// From and FromName are shown to who is called; a trunk's CallerID policy
	// decides in the end. Anonymous hides them.
	From, FromName string
	Anonymous      bool
	// Codec is the one to prefer, that of the party who will talk, so that
	// nothing has to be transcoded. NoCodec leaves the choice to the peer.
	Codec media.Codec
	// FollowForwards rings the number that a 3xx names, at most three times one
	// after the other; otherwise a 3xx ends the attempt as call.ReasonForwarded.
	FollowForwards bool
	// By is the id of the agent or line that pays for the call: its daily limit
	// counts. "" is a plan.
	By string
}

// RefusedError is why a call was not even tried.
type RefusedError struct {
	Reason call.Reason // NotAllowed, Unavailable, TrunkFailed, Congestion, Busy, Shutdown, Invalid
	Detail string      // which guard, for the log; holds no telephone number
}

// Error is for logs.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("the call was not placed: %s (%s)", e.Reason, e.Detail)
}

// hop is one place that an INVITE can be sent to.
type hop struct {
	target     string // names it in logs and in the trunk's state: host, port, transport
	transport  string // "UDP", "TCP" or "TLS"
	peer       netip.AddrPort
	local      netip.AddrPort // ours to call from; the zero value is the system's choice
	serverName string         // for the certificate, of TLS
	recipient  sip.Uri
}

// placing is a call as it goes onto the wire: what a line or a trunk makes of an
// Outgoing.
type placing struct {
	hops []hop
	// fork rings all hops at once and takes the first that answers, as for the
	// telephones of a line. Otherwise the next is tried when one does not
	// answer, says 503 or cannot be reached.
	fork bool
	// patience is how long a hop that says nothing at all is waited for before
	// the next one; 0 is 4 s.
	patience    time.Duration
	from        sip.FromHeader // without a tag
	to          sip.Uri
	headers     []sip.Header // P-Asserted-Identity, Privacy, …
	credentials credentials
	codecs      []media.Codec // offered, the preferred one first; none is all
	encryption  ccs.Encryption
	// mediaSources limits where sound may come from.
	mediaSources []netip.Prefix
	trusted      bool   // may REFER
	line         string // id of the ccs.Line that is called, "" for others
	// follow makes of the number or contact that a 3xx names where to go on;
	// nil does not follow.
	follow func(contact sip.Uri) ([]hop, error)
	// reachable tells which addresses a Contact of the peer may name; nil is
	// everybody who may call us.
	reachable func(netip.Addr) bool
	// unreached is why the call failed when no hop said anything; "" is
	// call.ReasonTrunkFailed.
	unreached call.Reason
	// outcome is told of each hop how it went, once: the final status, the last
	// provisional one where we gave up, 0 for no answer at all. It is not told
	// of a hop that was given up before it could be expected to answer. It may
	// be called by several goroutines at once; nil is nobody.
	outcome func(h hop, status int)
	// release gives back what the call was counted under. It is called once, when
	// the leg is over or place failed; nil is nothing.
	release func()
}

// credentials answer a digest challenge; without a user there are none.
type credentials struct{ user, password string }

// Call places a call. What becomes of it is told by the leg's events. The error
// is a *RefusedError when it was not even tried.
func (g *Gateway) Call(o Outgoing) (call.CalledLeg, error) {
	place := g.placeTrunk
	if o.Line != "" {
		place = g.placeLine
	}
	l, err := place(o)
	if err != nil {
		return nil, err // not a nil *called in an interface
	}
	return l, nil
}
