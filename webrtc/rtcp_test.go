package webrtc

import (
	"math"
	"testing"
	"time"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/media/rtcp"
)

func TestLossAndJitterOfTheMicrophone(t *testing.T) {
	in := &inbound{}
	s := in.begin(7, 65534)
	in.current = s
	at := time.Second
	for i := range 200 {
		late := time.Duration(i%2) * 10 * time.Millisecond // 10 ms more and less: a jitter of 80 units
		if i%4 != 3 {
			s.count(uint16(65534+i), uint32(i*160), 8000, at+late)
		}
		at += media.FrameTime
	}
	b, ok := in.report(at)
	// The last packet of all, the 200th, was lost without anybody noticing yet.
	if !ok || b.Lost != 49 || b.Fraction != 63 || b.Highest != 1<<16+65534+198 {
		t.Errorf("%+v", b)
	}
	if jitter := float64(b.Jitter); math.Abs(jitter-60) > 25 {
		t.Errorf("jitter %v", jitter)
	}
	if b, _ = in.report(at); b.Fraction != 0 || b.Lost != 49 {
		t.Errorf("the next report, of nothing, says %+v", b)
	}
}

func TestQualityOfALineIsThatOfItsPresentCall(t *testing.T) {
	x := newPair(t)
	line := x.peer.Line(0)
	receive := func(sequences ...uint16) {
		for _, n := range sequences {
			x.reader.handle(x.seal(t, n, make([]byte, 160)), x.from, endpoint{}, media.Now())
		}
	}
	receive(1, 2, 5) // before any call
	var got count
	line.Listen(call.Listener{Packets: &got})
	receive(6, 7, 9)
	line.Listen(call.Listener{Packets: &got}) // the same call, in another seat
	receive(10)
	p := media.Packet{Source: media.NewSource(), Codec: media.PCMA, Payload: make([]byte, 160)}
	for range 10 {
		p.Sequence++
		line.WritePacket(&p)
	}
	x.peer.inbound.told = told{peer: x.peer, now: media.Now()}
	sent := time.Now()
	x.peer.inbound.told.ReportBlock(rtcp.Block{
		SSRC: line.ssrc, Lost: 2,
		Last: uint32(rtcp.NTP(sent.Add(-300*time.Millisecond)) >> 16), Delay: rtcp.DelaySince(200 * time.Millisecond),
	})
	most := (110*time.Millisecond + time.Since(sent)).Milliseconds()
	q := line.Quality()
	if q.Received != 4 || q.Lost != 1 || q.Sent != 10 || q.RemoteLost != 200 || q.Codec != "PCMA" {
		t.Errorf("%+v", q)
	}
	if q.RTT < 90 || int64(q.RTT) > most || q.MOS < 1 || q.MOS > 4.4 {
		t.Errorf("%+v", q)
	}
	line.Hangup(call.Cause{})
	receive(11, 12)
	if after := line.Quality(); after.Received != 4 || after.Sent != 10 {
		t.Errorf("after the call: %+v", after)
	}
	line.Listen(call.Listener{Packets: &got})
	if next := line.Quality(); next.Received != 0 || next.Lost != 0 || next.MOS != 0 || next.RemoteLost != 0 {
		t.Errorf("of the next call: %+v", next)
	}
}
