package rtcp_test

import (
	"testing"
	"time"

	pion "github.com/pion/rtcp"

	"github.com/carillon-cc/carillon/media/rtcp"
)

// heard keeps what a compound packet says.
type heard struct {
	ntp    uint64
	ssrc   uint32
	blocks []rtcp.Block
}

func (h *heard) SenderReport(ssrc uint32, ntp uint64) { h.ssrc, h.ntp = ssrc, ntp }
func (h *heard) ReportBlock(b rtcp.Block)             { h.blocks = append(h.blocks, b) }

var about = rtcp.Block{SSRC: 7, Fraction: 64, Lost: -3, Highest: 70000, Jitter: 12, Last: 0x12345678, Delay: 65536}

func compound() []byte {
	s := rtcp.Sent{Packets: 10, Octets: 1600, Timestamp: 1000, ClockRate: 8000, At: time.Second}
	b := rtcp.AppendBlock(rtcp.AppendSenderReport(nil, 9, s, 2*time.Second, time.Unix(0, 5e8)), about)
	return rtcp.AppendBye(rtcp.AppendDescription(b, 9, "name"), 9)
}

func TestReportsAreReadByOthersAndByUs(t *testing.T) {
	packets, err := pion.Unmarshal(compound())
	if err != nil {
		t.Fatal(err)
	}
	if len(packets) != 3 {
		t.Fatalf("%d packets", len(packets))
	}
	report := packets[0].(*pion.SenderReport)
	if report.SSRC != 9 || report.PacketCount != 10 || report.OctetCount != 1600 || report.RTPTime != 9000 || report.NTPTime != 2208988800<<32|1<<31 {
		t.Errorf("%+v", report)
	}
	if r := report.Reports[0]; r.SSRC != 7 || r.FractionLost != 64 || r.TotalLost != 0xfffffd || r.LastSequenceNumber != 70000 ||
		r.Jitter != 12 || r.LastSenderReport != 0x12345678 || r.Delay != 65536 {
		t.Errorf("%+v", r)
	}
	if d := packets[1].(*pion.SourceDescription); len(d.Chunks) != 1 || d.Chunks[0].Source != 9 || d.Chunks[0].Items[0].Text != "name" {
		t.Errorf("%+v", d)
	}
	if bye := packets[2].(*pion.Goodbye); len(bye.Sources) != 1 || bye.Sources[0] != 9 {
		t.Errorf("%+v", bye)
	}
	var got heard
	if !rtcp.Read(compound(), &got) || len(got.blocks) != 1 || got.blocks[0] != about || got.ssrc != 9 || got.ntp != report.NTPTime {
		t.Errorf("we read %+v", got)
	}
}

func TestAPartyThatSentNothingReportsToo(t *testing.T) {
	b := rtcp.AppendDescription(rtcp.AppendBlock(rtcp.AppendReceiverReport(nil, 3), about), 3, "abc")
	packets, err := pion.Unmarshal(b)
	if err != nil {
		t.Fatal(err)
	}
	if r := packets[0].(*pion.ReceiverReport); r.SSRC != 3 || len(r.Reports) != 1 {
		t.Errorf("%+v", r)
	}
}

func TestBrokenPacketsAreReadAsFarAsTheyGo(t *testing.T) {
	whole := compound()
	rows := map[string]struct {
		in     []byte
		read   bool
		blocks int
	}{
		"nothing":                    {nil, false, 0},
		"RTP":                        {[]byte{0x80, 8, 0, 0, 0, 0, 0, 0}, false, 0},
		"a length beyond the end":    {[]byte{0x80, 200, 0xff, 0xff, 0, 0, 0, 1}, false, 0},
		"a report that is cut off":   {whole[:30], false, 0},
		"rubbish after a report":     {append(append([]byte(nil), whole[:52]...), 1, 2, 3), true, 1},
		"fewer blocks than it says":  {append([]byte{0x9f}, whole[1:52]...), true, 1},
		"a sender report of 8 bytes": {[]byte{0x80, 200, 0, 1, 0, 0, 0, 1}, true, 0},
	}
	for name, row := range rows {
		var got heard
		if read := rtcp.Read(row.in, &got); read != row.read || len(got.blocks) != row.blocks {
			t.Errorf("%s: read %v with %d blocks", name, read, len(got.blocks))
		}
	}
}

func TestRoundTrip(t *testing.T) {
	sent := time.Unix(1000, 0)
	b := rtcp.Block{Last: uint32(rtcp.NTP(sent) >> 16), Delay: rtcp.DelaySince(2 * time.Second)}
	rtt, ok := rtcp.RoundTrip(b, sent.Add(2150*time.Millisecond))
	if !ok || (rtt-150*time.Millisecond).Abs() > time.Millisecond {
		t.Errorf("%v %v", rtt, ok)
	}
	if _, ok := rtcp.RoundTrip(b, sent.Add(time.Second)); ok {
		t.Error("a report from the future is believed")
	}
	if _, ok := rtcp.RoundTrip(rtcp.Block{Delay: 5}, sent); ok {
		t.Error("a block that follows no report gives a time")
	}
}

func TestWritingAndReadingAllocateNothing(t *testing.T) {
	b := make([]byte, 0, rtcp.MaxSize)
	to := &heard{blocks: make([]rtcp.Block, 0, 1000)}
	if n := testing.AllocsPerRun(100, func() {
		b = rtcp.AppendBlock(rtcp.AppendSenderReport(b[:0], 9, rtcp.Sent{}, 0, time.Time{}), about)
		b = rtcp.AppendDescription(b, 9, "name")
		rtcp.Read(b, to)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(compound())
	f.Add([]byte{0x9f, 201, 0, 1, 0, 0, 0, 1})
	f.Add([]byte{0x80, 200, 0xff, 0xff, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		var got heard
		rtcp.Read(b, &got)
		if len(got.blocks)*24 > len(b) {
			t.Errorf("%d blocks in %d bytes", len(got.blocks), len(b))
		}
	})
}
