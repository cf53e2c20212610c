package sipgw

import (
	"net/netip"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
)

// PortStats is what the port of a leg's sound counts.
func PortStats(leg call.CalledLeg) media.PortStats { return leg.(*called).port.Stats() }

// Place is a placing as tests outside of the package write it.
type Place struct {
	Peers          []netip.AddrPort // the hops
	Transport      string           // UDP when empty
	Fork           bool
	Patience       time.Duration
	User, Password string
	Codecs         []media.Codec
	Follow         func(contact sip.Uri) ([]netip.AddrPort, error)
	Outcome        func(peer netip.AddrPort, status int)
	Release        func()
	Trusted        bool
}

// Place places a call.
func (g *Gateway) Place(p Place) (call.CalledLeg, error) {
	if p.Transport == "" {
		p.Transport = "UDP"
	}
	hops := func(peers []netip.AddrPort) []hop {
		var hops []hop
		for _, peer := range peers {
			hops = append(hops, hop{
				target: peer.String(), transport: p.Transport, peer: peer,
				recipient: sip.Uri{Scheme: "sip", User: "2000", Host: peer.Addr().String(), Port: int(peer.Port())},
			})
		}
		return hops
	}
	q := placing{
		hops: hops(p.Peers), fork: p.Fork, patience: p.Patience, codecs: p.Codecs,
		from:        sip.FromHeader{DisplayName: "Carillon", Address: sip.Uri{Scheme: "sip", User: "1000", Host: "127.0.0.1"}},
		to:          sip.Uri{Scheme: "sip", User: "2000", Host: "127.0.0.1"},
		credentials: credentials{p.User, p.Password}, release: p.Release, trusted: p.Trusted,
	}
	if p.Follow != nil {
		q.follow = func(contact sip.Uri) ([]hop, error) {
			peers, err := p.Follow(contact)
			return hops(peers), err
		}
	}
	if p.Outcome != nil {
		q.outcome = func(h hop, status int) { p.Outcome(h.peer, status) }
	}
	l, err := g.place(q)
	if err != nil {
		return nil, err
	}
	return l, nil
}
