package sipgw

import (
	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
)

var (
	_ call.QualityReporter = (*leg)(nil)
	_ call.Witness         = (*leg)(nil)
)

// EverHeard tells whether a packet of the peer has come, of sound or of reports.
func (l *leg) EverHeard() bool { return l.port.LastHeard() != 0 }

// Quality tells how well the leg's packets travel, or did when it is over.
func (l *leg) Quality() ccs.LegQuality {
	flow, sent := l.reporter.Received(), l.output.Stats().Sent
	q := ccs.LegQuality{
		Codec: l.Codec().String(), Received: flow.Received, Sent: sent, Lost: max(0, flow.Lost),
		Jitter: ccs.MillisOf(flow.Jitter), RTT: ccs.MillisOf(flow.RTT), MOS: flow.MOS(),
	}
	if sent > 0 {
		q.RemoteLost = int(min(l.reporter.RemoteLost()*1000/int64(sent), 1000))
	}
	return q
}
