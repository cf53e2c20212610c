package sipgw

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw/dialog"
	"github.com/carillon-cc/carillon/sipgw/sdp"
)

// defaultPatience is placing.patience where it says nothing.
const defaultPatience = 4 * time.Second

// maxRedirects is how often a call follows a 3xx.
const maxRedirects = 3

// place begins a call. What becomes of it is told by the leg's events. The error
// is a *RefusedError when nothing was sent. p.release is called in any case.
func (g *Gateway) place(p placing) (*called, error) {
	refuse := func(reason call.Reason, detail string) (*called, error) {
		if p.release != nil {
			p.release()
		}
		return nil, &RefusedError{Reason: reason, Detail: detail}
	}
	if p.patience == 0 {
		p.patience = defaultPatience
	}
	if p.unreached == "" {
		p.unreached = call.ReasonTrunkFailed
	}
	if p.reachable == nil {
		p.reachable = g.acl.allows
	}
	select {
	case <-g.ready:
	default:
		return refuse(call.ReasonUnavailable, "the gateway does not run")
	}
	if len(p.hops) == 0 {
		return refuse(p.unreached, "there is nowhere to call")
	}
	l := &called{leg: g.newLeg(dialog.NewTag()), placing: p, stop: make(chan struct{}), verdicts: make(chan verdict)}
	// Our address and the encryption depend on the hop.
	err := l.openSound(netip.Addr{}, p.mediaSources, sdp.Plain)
	if errors.Is(err, media.ErrNoPort) {
		return refuse(call.ReasonBusy, "no RTP port is free")
	}
	if err != nil {
		return refuse(call.ReasonFailed, fmt.Sprintf("opening an RTP port: %v", err))
	}
	l.self, l.party, l.giveUp = l, call.ByCalled, l.stopTrying
	l.placed, l.trusted, l.credentials, l.line = true, p.trusted, p.credentials, p.line
	if len(p.codecs) > 0 {
		l.output.SetCodec(p.codecs[0], 0) // until there is an answer; nothing is sent before
	} else {
		l.output.SetCodec(media.PCMA, 8)
	}
	if reason, ok := g.addCalled(l.leg); !ok {
		l.port.Close()
		return refuse(reason, "no more calls are taken")
	}
	l.port.Receive(l.receive)
	go l.run()
	return l, nil
}
