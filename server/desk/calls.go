package desk

import (
	"slices"
	"time"

	"github.com/carillon-cc/carillon/call"
)

// callChanged follows the calls in which the agent talks. The pages show and lead
// the one that was taken last; a telephone may have others besides it.
func (d *Desk) callChanged(v call.View) {
	i := slices.IndexFunc(d.calls, func(c *call.View) bool { return c.ID == v.ID })
	switch {
	case v.Agent == d.agent && !v.Over:
		if i < 0 {
			d.calls = append(d.calls, &v)
		} else {
			d.calls[i] = &v
		}
		if d.offer != nil && d.offer.Caller == v.ID {
			d.offer = nil
		}
		if d.peer != nil {
			d.peer.Line(0).SetCodec(v.Codec)
		}
	case i >= 0:
		d.calls = slices.Delete(d.calls, i, i+1)
		d.callLeft(v)
	default:
		return
	}
	d.push()
}

// view is the call that the pages show, the one taken last, or nil.
func (d *Desk) view() *call.View {
	if n := len(d.calls); n > 0 {
		return d.calls[n-1]
	}
	return nil
}

// callLeft tells why the agent is no longer in a call.
func (d *Desk) callLeft(v call.View) {
	if d.handed != nil && d.handed.call == v.ID {
		d.handed = nil
	}
	if !d.present {
		d.abandon()
	}
	telephone := d.device.telephone()
	d.readDevice()
	switch {
	case v.Over:
		d.notice("call.ended", map[string]string{
			"by": string(v.Cause.By), "reason": string(v.Cause.Reason), "phase": string(v.Phase),
		})
	case v.Left != "" && v.Left != call.ReasonAgentLost: // gone by a transfer
		d.notice("call.ended", map[string]string{"by": string(call.ByAgent), "reason": string(v.Left)})
	case telephone:
		d.notice("call.telephoneLost", nil)
	default:
		d.lost, d.lostAt = v.ID, time.Now()
		d.notice("call.lost", nil)
	}
}
