package sipgw

import (
	"errors"
	"net/netip"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw/dialog"
	"github.com/carillon-cc/carillon/sipgw/registrar"
)

// linePatience is how long a telephone may say nothing at all: a mobile one has
// to wake up first.
const linePatience = 10 * time.Second

// errNoLine is why a forward of a telephone is not followed here: it names no
// line, and what calls outside cost is for whoever placed the call to decide.
var errNoLine = errors.New("the forward names no line")

// placeLine rings all telephones of a line at once.
func (g *Gateway) placeLine(o Outgoing) (*called, error) {
	line := g.guard.lines.Load().byID[o.Line]
	if line == nil {
		return nil, &RefusedError{Reason: call.ReasonInvalid, Detail: "there is no such line, or it is disabled"}
	}
	hops := g.lineHops(line)
	if len(hops) == 0 {
		return nil, &RefusedError{Reason: call.ReasonUnavailable, Detail: "no telephone of the line is registered"}
	}
	at := g.publicAddress(hops[0].local)
	p := placing{
		hops: hops, fork: true, patience: linePatience, unreached: call.ReasonUnavailable,
		to:         sip.Uri{Scheme: "sip", User: dialog.CleanUser(line.Number), Host: uriHost(at.Addr().String())},
		codecs:     preferring(o.Codec),
		encryption: line.Encryption, trusted: line.Trusted, line: line.ID,
		// A telephone is where it registered from, wherever it says it is.
		reachable: func(netip.Addr) bool { return false },
	}
	p.from, p.headers = lineCaller(o, at.Addr())
	if o.FollowForwards {
		p.follow = g.followToLine
	}
	return g.place(p)
}

// lineCaller is who the telephone shows.
func lineCaller(o Outgoing, at netip.Addr) (sip.FromHeader, []sip.Header) {
	number := dialog.CleanUser(o.From)
	if o.Anonymous || number == "" {
		// RFC 3323 §4.1.1.3.
		return sip.FromHeader{DisplayName: "Anonymous", Address: sip.Uri{Scheme: "sip", User: "anonymous", Host: "anonymous.invalid"}},
			[]sip.Header{sip.NewHeader("Privacy", "id")}
	}
	return sip.FromHeader{
		DisplayName: dialog.Clean(o.FromName), Address: sip.Uri{Scheme: "sip", User: number, Host: uriHost(at.String())},
	}, nil
}

// lineHops are the telephones of a line.
func (g *Gateway) lineHops(line *ccs.Line) []hop {
	var hops []hop
	for _, b := range g.registrar.Bindings(line.ID) {
		hops = append(hops, lineHop(b))
	}
	return hops
}

func lineHop(b registrar.Binding) hop {
	return hop{
		target: b.Flow.Transport + " " + b.Flow.Peer.String(), transport: b.Flow.Transport,
		local: b.Flow.Local, peer: b.Flow.Peer, recipient: *b.URI.Clone(),
	}
}

// followToLine makes of the contact that a telephone forwards to where to ring.
func (g *Gateway) followToLine(contact sip.Uri) ([]hop, error) {
	line := g.guard.lines.Load().byUser([]byte(user(contact)))
	if line == nil {
		return nil, errNoLine
	}
	return g.lineHops(line), nil
}
