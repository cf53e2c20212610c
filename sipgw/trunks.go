package sipgw

import "github.com/carillon-cc/carillon/call"

// placeTrunk calls a number through a trunk.
func (g *Gateway) placeTrunk(Outgoing) (*called, error) {
	return nil, &RefusedError{Reason: call.ReasonUnavailable, Detail: "there is no trunk for the number"}
}
