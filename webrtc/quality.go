package webrtc

import (
	"sync"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
)

// usage tells the packets of a line's present or last call from those of the
// calls before, because a connection outlives its calls.
type usage struct {
	mu      sync.Mutex
	running bool
	start   tally
	whole   tally // of the last call, once it is over
}

// tally is what a line has carried since its connection began.
type tally struct {
	flow       media.Flow
	sent       uint32
	remoteLost int64
}

func (u *usage) begin(l *Line) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.running, u.start = true, l.tally()
}

func (u *usage) end(l *Line) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.running {
		u.running, u.whole = false, l.tally().since(u.start)
	}
}

// since leaves out what was carried before.
func (t tally) since(before tally) tally {
	t.flow.Received -= before.flow.Received
	t.flow.Lost -= before.flow.Lost
	t.sent -= before.sent
	t.remoteLost -= before.remoteLost
	return t
}

// tally counts what the line has carried. The microphone belongs to line 0.
func (l *Line) tally() tally {
	t := tally{remoteLost: l.remoteLost.Load()}
	l.mu.Lock()
	t.sent = l.sent.Packets
	l.mu.Unlock()
	p := l.peer
	if l == p.lines[0] {
		t.flow = p.inbound.flow()
	}
	p.reports.heard.Lock()
	t.flow.RTT = p.reports.quality.RTT
	p.reports.heard.Unlock()
	return t
}

// flow sums up all streams of the microphone.
func (in *inbound) flow() media.Flow {
	in.mu.Lock()
	defer in.mu.Unlock()
	f := media.Flow{Received: in.receivedBefore, Lost: in.lostBefore}
	for i := range in.streams {
		if s := &in.streams[i]; s.source != 0 {
			f.Received += uint64(s.received)
			f.Lost += int64(s.lost())
		}
	}
	if s := in.current; s != nil {
		f.Jitter = time.Duration(s.jitter>>4) * time.Second / time.Duration(max(s.clockRate, 1))
	}
	return f
}

// Quality tells how well the packets of the line's present or last call
// travelled. It may wait for a packet that is being encrypted.
func (l *Line) Quality() ccs.LegQuality {
	l.usage.mu.Lock()
	t := l.usage.whole
	if l.usage.running {
		t = l.tally().since(l.usage.start)
	}
	l.usage.mu.Unlock()
	q := ccs.LegQuality{
		Codec: l.Codec().String(), Received: t.flow.Received, Sent: uint64(t.sent), Lost: max(0, t.flow.Lost),
		Jitter: ccs.Millis(t.flow.Jitter.Milliseconds()), RTT: ccs.Millis(t.flow.RTT.Milliseconds()), MOS: t.flow.MOS(),
	}
	if t.sent > 0 {
		q.RemoteLost = int(min(max(0, t.remoteLost)*1000/int64(t.sent), 1000))
	}
	return q
}
