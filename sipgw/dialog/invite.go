package dialog

import (
	"net"

	"github.com/emiago/sipgo/sip"
)

// First is what the INVITE that begins a call is made of.
type First struct {
	Recipient sip.Uri
	From      sip.FromHeader // without a tag: each INVITE that First makes has its own
	To        sip.Uri
	Contact   sip.ContactHeader
	Path      Path         // Local and Peer count
	Headers   []sip.Header // further ones
}

// Invite builds the INVITE with an offer, or without one when contentType is
// empty. It is complete with Via, ready for sipgo.Client.TransactionRequest
// with the Built option.
func (f First) Invite(contentType string, body []byte) *sip.Request {
	r := sip.NewRequest(sip.INVITE, *f.Recipient.Clone())
	r.SetTransport(f.Path.Transport)
	r.SetDestination(f.Path.Peer.String())
	if f.Path.Transport == "UDP" {
		r.Laddr = sip.Addr{IP: net.IP(f.Path.Local.Addr().AsSlice()), Port: int(f.Path.Local.Port())}
	}
	r.AppendHeader(newVia(f.Path.Transport, f.Contact))
	hops := sip.MaxForwardsHeader(70)
	r.AppendHeader(&hops)
	from := &sip.FromHeader{DisplayName: f.From.DisplayName, Address: *f.From.Address.Clone()}
	from.Params.Add("tag", NewTag())
	r.AppendHeader(from)
	r.AppendHeader(&sip.ToHeader{Address: *f.To.Clone()})
	callID := sip.CallIDHeader(NewTag() + "@" + f.Contact.Address.Host)
	r.AppendHeader(&callID)
	r.AppendHeader(&sip.CSeqHeader{SeqNo: 1, MethodName: sip.INVITE})
	r.AppendHeader(f.Contact.Clone())
	for _, h := range f.Headers {
		r.AppendHeader(sip.HeaderClone(h))
	}
	if contentType != "" {
		kind := sip.ContentTypeHeader(contentType)
		r.AppendHeader(&kind)
	}
	r.SetBody(body)
	scrub(r)
	return r
}

// Again makes the same request once more with the next number, as an answer to
// a challenge needs it (RFC 3261 §22.2). Further headers are added.
func Again(r *sip.Request, headers ...sip.Header) *sip.Request {
	again := r.Clone()
	again.CSeq().SeqNo++
	again.Via().Params.Add("branch", sip.GenerateBranch())
	for _, h := range headers {
		again.AppendHeader(h)
	}
	return again
}

// newVia begins the way of a request of ours.
func newVia(transport string, contact sip.ContactHeader) *sip.ViaHeader {
	via := &sip.ViaHeader{
		ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: transport,
		Host: contact.Address.Host, Port: contact.Address.Port,
	}
	via.Params.Add("branch", sip.GenerateBranch())
	via.Params.Add("rport", "")
	return via
}
