package dialog

import "github.com/emiago/sipgo/sip"

// Cancel makes the CANCEL of an INVITE of ours. It goes where the INVITE went and
// is the same in all that names it (RFC 3261 §9.1); it must not be sent before a
// provisional response came.
func Cancel(invite *sip.Request) *sip.Request {
	r := sip.NewRequest(sip.CANCEL, *invite.Recipient.Clone())
	r.SetTransport(invite.Transport())
	r.SetDestination(invite.Destination())
	r.Laddr = invite.Laddr
	// One Via: that of the INVITE at the top, with its branch.
	if via := invite.Via(); via != nil {
		r.AppendHeader(via.Clone())
	}
	for _, name := range []string{"Route", "Max-Forwards", "From", "To", "Call-ID"} {
		sip.CopyHeaders(name, invite, r)
	}
	r.AppendHeader(&sip.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: sip.CANCEL})
	r.SetBody(nil)
	return r
}
