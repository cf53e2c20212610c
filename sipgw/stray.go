package sipgw

import (
	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/sipgw/dialog"
)

// onStrayResponse takes responses of transactions that are over. A 2xx to an
// INVITE must be acknowledged whenever it comes, and hung up when nobody waits
// for it any more, or a telephone would believe in a call that nobody has.
func (g *Gateway) onStrayResponse(res *sip.Response) {
	defer g.contain("a late response", nil)
	cseq, from, to, callID := res.CSeq(), res.From(), res.To(), res.CallID()
	if !res.IsSuccess() || cseq == nil || cseq.MethodName != sip.INVITE || from == nil || to == nil || callID == nil || res.Contact() == nil {
		return
	}
	id := dialog.ID{CallID: callID.Value()}
	id.LocalTag, _ = from.Params.Get("tag")
	id.RemoteTag, _ = to.Params.Get("tag")
	if l := g.leg(id); l != nil {
		// To the first INVITE, or to a later one; the number tells.
		ack := l.dialog.Ack("", nil)
		ack.CSeq().SeqNo = cseq.SeqNo
		_ = g.client.WriteRequest(ack, dialog.Built)
		return
	}
	peer := dialog.Source(res)
	local := g.localFor(res.Transport(), peer)
	invite := sip.NewRequest(sip.INVITE, *res.Contact().Address.Clone())
	invite.AppendHeader(&sip.CSeqHeader{SeqNo: cseq.SeqNo, MethodName: sip.INVITE})
	d, err := dialog.Confirm(invite, res, dialog.Contact(from.Address.User, g.publicAddress(local), res.Transport()), dialog.Path{
		Transport: res.Transport(), Local: local, Peer: peer, Reachable: g.acl.allows,
	})
	if err != nil {
		return
	}
	_ = g.client.WriteRequest(d.Ack("", nil), dialog.Built)
	bye := d.Request(sip.BYE, "", nil)
	bye.AppendHeader(reasonHeader(call.Cause{By: call.BySystem, Reason: call.ReasonNoAnswer}))
	g.background(func() { g.send(bye) })
}
