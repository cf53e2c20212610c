package media

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/carillon-cc/carillon/media/rtcp"
)

// firstReport is how long after the start a leg tells of itself first
// (RFC 3550 §6.2: half of the interval).
const firstReport = rtcp.Interval / 2

// Reporter tells a leg's peer by RTCP how its packets arrive and what it is
// sent, and knows what the peer tells. It is a Task; add it to the pacer when
// the output may send, or call its Tick from another.
type Reporter struct {
	port   *Port
	output *Output
	name   string // CNAME, made up for each leg (RFC 7022)

	// What follows belongs to the pacer's goroutine.
	due  time.Duration // 0: not begun
	told uint32        // packets that were sent at the last report
	buf  [rtcp.MaxSize]byte
}

// NewReporter returns the reporter of what port receives and output sends.
func NewReporter(port *Port, output *Output) *Reporter {
	port.remote.ssrc.Store(output.SSRC())
	return &Reporter{port: port, output: output, name: fmt.Sprintf("%016x", rand.Uint64())}
}

// Tick is for the pacer.
func (r *Reporter) Tick(now time.Duration) (more bool) {
	if r.due == 0 {
		r.due = now + firstReport
	}
	if now < r.due {
		return true
	}
	// Who is reading or sending is not waited for: the next tick will do.
	sent, ok := r.output.account()
	if !ok || !r.port.reading.TryLock() {
		return true
	}
	block, about := r.port.track.report(now)
	r.port.reading.Unlock()
	r.due = now + rtcp.Interval
	b := r.buf[:0]
	if sent.Packets != r.told {
		b = rtcp.AppendSenderReport(b, r.output.SSRC(), sent, now, time.Now())
	} else {
		b = rtcp.AppendReceiverReport(b, r.output.SSRC())
	}
	r.told = sent.Packets
	if about {
		b = rtcp.AppendBlock(b, block)
	}
	_ = r.port.sendControl(rtcp.AppendDescription(b, r.output.SSRC(), r.name))
	return true
}

// Bye tells the peer that our stream, if there was one, is over.
func (r *Reporter) Bye() {
	if r.output.sent.Load() == 0 {
		return
	}
	b := rtcp.AppendReceiverReport(make([]byte, 0, rtcp.MaxSize), r.output.SSRC())
	b = rtcp.AppendDescription(b, r.output.SSRC(), r.name)
	_ = r.port.sendControl(rtcp.AppendBye(b, r.output.SSRC()))
}

// Received is how well the peer's packets travelled. Any goroutine may ask.
func (r *Reporter) Received() Flow {
	p := r.port
	return Flow{
		Received: p.received.Load(), Lost: p.lost.Load(),
		Jitter: time.Duration(p.jitter.Load()), RTT: time.Duration(p.remote.rtt.Load()),
	}
}

// RemoteLost is how many of our packets the peer says that it did not get. Any
// goroutine may ask.
func (r *Reporter) RemoteLost() int64 { return max(0, r.port.remote.lost.Load()) }
