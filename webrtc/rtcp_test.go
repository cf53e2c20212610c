package webrtc

import (
	"math"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/carillon-cc/carillon/media"
)

func TestReportsAreReadByOthers(t *testing.T) {
	want := block{ssrc: 7, fraction: 64, lost: -3, highest: 70000, jitter: 12, last: 0x12345678, delay: 65536}
	s := sent{packets: 10, octets: 1600, timestamp: 1000, clockRate: 8000, at: int64(time.Second)}
	b := appendBlock(appendSenderReport(nil, 9, s, 2*time.Second), want)
	finish(b, 0)
	var report rtcp.SenderReport
	if err := report.Unmarshal(b); err != nil {
		t.Fatal(err)
	}
	if report.SSRC != 9 || report.PacketCount != 10 || report.OctetCount != 1600 || report.RTPTime != 9000 {
		t.Errorf("%+v", report)
	}
	if r := report.Reports[0]; r.SSRC != 7 || r.FractionLost != 64 || r.TotalLost != 0xfffffd || r.LastSequenceNumber != 70000 ||
		r.Jitter != 12 || r.LastSenderReport != 0x12345678 || r.Delay != 65536 {
		t.Errorf("%+v", r)
	}
	var ntp uint64
	var got block
	forEachReport(b, func(_ uint32, n uint64) { ntp = n }, func(r block) { got = r })
	if got != want || ntp != report.NTPTime {
		t.Errorf("we read %+v", got)
	}
	if now := ntpTime(time.Unix(0, 5e8)); now != 2208988800<<32|1<<31 {
		t.Errorf("NTP time %x", now)
	}
}

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
	if !ok || b.lost != 49 || b.fraction != 63 || b.highest != 1<<16+65534+198 {
		t.Errorf("%+v", b)
	}
	if jitter := float64(b.jitter); math.Abs(jitter-60) > 25 {
		t.Errorf("jitter %v", jitter)
	}
	if b, _ = in.report(at); b.fraction != 0 || b.lost != 49 {
		t.Errorf("the next report, of nothing, says %+v", b)
	}
}

func FuzzReports(f *testing.F) {
	b := appendBlock(appendSenderReport(nil, 9, sent{clockRate: 8000}, 0), block{})
	finish(b, 0)
	f.Add(b)
	f.Add([]byte{0x9f, 201, 0, 1, 0, 0, 0, 1})
	f.Add([]byte{0x80, 200, 0xff, 0xff, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		blocks := 0
		forEachReport(b, func(uint32, uint64) {}, func(block) { blocks++ })
		if blocks*reportBlock > len(b) {
			t.Errorf("%d blocks in %d bytes", blocks, len(b))
		}
	})
}
