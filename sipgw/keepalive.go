package sipgw

import (
	"context"
	"time"

	"github.com/carillon-cc/carillon/sipgw/registrar"
)

// keepAliveEvery is how often, in seconds, a telephone behind a NAT is sent
// something over UDP. Home routers forget a flow after 30 s.
const keepAliveEvery = 20

// keepAlive keeps the NATs of telephones open until ctx ends: one timer for all,
// and every second its share of them, so that no burst goes out.
func (g *Gateway) keepAlive(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var flows []registrar.Flow
	for shard := uint32(0); ; shard = (shard + 1) % keepAliveEvery {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		flows = g.sendKeepAlives(shard, flows)
	}
}

// sendKeepAlives sends one to each telephone of a share. It uses flows' memory.
func (g *Gateway) sendKeepAlives(shard uint32, flows []registrar.Flow) []registrar.Flow {
	flows = g.registrar.Behind(shard, keepAliveEvery, flows[:0])
	for _, f := range flows {
		if socket := g.sockets.socket(f.Local); socket != nil {
			_, _ = socket.WriteToUDPAddrPort([]byte("\r\n\r\n"), f.Peer)
		}
	}
	return flows
}
