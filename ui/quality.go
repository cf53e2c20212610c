package ui

import (
	"fmt"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// The scores from which people call a line good, and fair (ITU-T G.107, annex B:
// 4.03 is "satisfied", 3.6 "some dissatisfied").
const (
	goodMOS = 4.0
	fairMOS = 3.6
)

// QualityRow is how well the packets of one leg travelled, for the page of a call.
type QualityRow struct {
	Side       string // who it is
	Codec      string
	MOS        string // with one digit, "" where nothing was received
	Word       string
	Tone       string // "good", "plain" or "bad"
	Lost       string
	RemoteLost string // "" where the peer did not say
	Jitter     string
	RTT        string // "" where the peer did not say
}

// QualityRows judges the legs of a call that are over.
func QualityRows(t *Texts, legs []ccs.LegQuality) []QualityRow {
	rows := make([]QualityRow, 0, len(legs))
	for _, q := range legs {
		row := QualityRow{Side: t.Or("call.quality.side."+q.Leg, "call.quality.side.called"), Codec: q.Codec, Jitter: millis(q.Jitter)}
		if q.Name != "" {
			row.Side += ": " + q.Name
		}
		word := "none"
		row.Tone = "bad"
		switch {
		case q.MOS <= 0:
		case q.MOS >= goodMOS:
			word, row.Tone = "good", "good"
		case q.MOS >= fairMOS:
			word, row.Tone = "fair", "plain"
		default:
			word = "poor"
		}
		row.Word = t.T("call.quality." + word)
		if q.MOS > 0 {
			row.MOS = t.Decimal(fmt.Sprintf("%.1f", q.MOS))
		}
		if expected := float64(q.Received) + float64(max(q.Lost, 0)); expected > 0 {
			row.Lost = percent(t, float64(max(q.Lost, 0))/expected)
		}
		if q.RemoteLost > 0 || q.RTT > 0 {
			row.RemoteLost = percent(t, float64(q.RemoteLost)/1000)
		}
		if q.RTT > 0 {
			row.RTT = millis(q.RTT)
		}
		rows = append(rows, row)
	}
	return rows
}

// percent is a share with the digits that matter: 0 %, 0.3 %, 12 %.
func percent(t *Texts, share float64) string {
	switch p := share * 100; {
	case p == 0:
		return "0 %"
	case p < 10:
		return t.Decimal(fmt.Sprintf("%.1f %%", p))
	default:
		return fmt.Sprintf("%.0f %%", p)
	}
}

func millis(m ccs.Millis) string { return fmt.Sprintf("%d ms", m.Duration()/time.Millisecond) }
