// Package dialog keeps what two SIP user agents share for the length of a call
// (RFC 3261 §12): tags, sequence numbers, the route, where the peer is. It
// builds the requests within a dialog; package sipgo carries them.
package dialog

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"github.com/emiago/sipgo/sip"
)

// Why a dialog cannot be made of, or go on with, a message.
var (
	ErrIncomplete = errors.New("a header that every request has is missing")
	ErrOldRequest = errors.New("the request is older than one already taken")
)

// ID names a dialog at one of its ends.
type ID struct {
	CallID, LocalTag, RemoteTag string
}

// Path is how messages reach the peer.
type Path struct {
	Transport string         // "UDP", "TCP"
	Local     netip.AddrPort // the socket that requests leave from
	Peer      netip.AddrPort // where the peer's messages came from, or ours go
	// Dialled says that Peer takes connections. Otherwise a stream to it is the
	// peer's own, and when it is closed nothing leads there any more.
	Dialled bool
	// Open tells whether there is a stream to a peer; nil says that there is.
	Open func(transport string, peer netip.AddrPort) bool
	// Reachable tells which addresses a Contact or Route of the peer may name.
	// Any other, such as a private address behind a NAT, is passed over and
	// requests go to Peer.
	Reachable func(netip.Addr) bool
}

// Dialog is one end of a dialog. Its methods may be called by any goroutine.
type Dialog struct {
	id            ID
	local, remote party
	contact       sip.ContactHeader // ours
	routes        []sip.Uri         // in the order of our Route headers

	mu        sync.Mutex
	path      Path
	target    sip.Uri // the peer's Contact
	localSeq  uint32
	offerSeq  uint32 // of the newest INVITE or UPDATE that was taken
	inviteSeq uint32 // of our newest INVITE
}

// party is one side as From and To spell it.
type party struct {
	name    string
	address sip.Uri
	tag     string
}

// NewTag makes a tag for our end.
func NewTag() string { return sip.GenerateTagN(16) }

// Accept makes the dialog of an INVITE that we answer (RFC 3261 §12.1.1).
func Accept(invite *sip.Request, localTag string, contact sip.ContactHeader, path Path) (*Dialog, error) {
	from, to, callID, cseq := invite.From(), invite.To(), invite.CallID(), invite.CSeq()
	if from == nil || to == nil || callID == nil || cseq == nil {
		return nil, ErrIncomplete
	}
	if invite.Contact() == nil {
		return nil, fmt.Errorf("no Contact: %w", ErrIncomplete)
	}
	// A peer of RFC 2543 has no tag (RFC 3261 §12.1.1).
	remoteTag, _ := from.Params.Get("tag")
	d := &Dialog{
		id:       ID{callID.Value(), localTag, remoteTag},
		local:    party{to.DisplayName, to.Address, localTag},
		remote:   party{from.DisplayName, from.Address, remoteTag},
		contact:  contact,
		routes:   recordRoute(invite, false),
		path:     path,
		target:   *invite.Contact().Address.Clone(),
		localSeq: rand.Uint32N(1 << 16),
		offerSeq: cseq.SeqNo,
	}
	return d, nil
}

// Confirm makes the dialog of an INVITE that we sent and that was answered
// (RFC 3261 §12.1.2).
func Confirm(invite *sip.Request, response *sip.Response, contact sip.ContactHeader, path Path) (*Dialog, error) {
	from, to, callID, cseq := response.From(), response.To(), response.CallID(), invite.CSeq()
	if from == nil || to == nil || callID == nil || cseq == nil {
		return nil, ErrIncomplete
	}
	localTag, _ := from.Params.Get("tag")
	remoteTag, _ := to.Params.Get("tag")
	d := &Dialog{
		id:        ID{callID.Value(), localTag, remoteTag},
		local:     party{from.DisplayName, from.Address, localTag},
		remote:    party{to.DisplayName, to.Address, remoteTag},
		contact:   contact,
		routes:    recordRoute(response, true),
		path:      path,
		target:    *invite.Recipient.Clone(),
		localSeq:  cseq.SeqNo,
		inviteSeq: cseq.SeqNo,
	}
	if c := response.Contact(); c != nil {
		d.target = *c.Address.Clone()
	}
	return d, nil
}

// recordRoute is the route set that a message makes; the side that sent the
// INVITE sees it the other way round (RFC 3261 §12.1).
func recordRoute(m sip.Message, reverse bool) []sip.Uri {
	var routes []sip.Uri
	for _, h := range m.GetHeaders("Record-Route") {
		if rr, ok := h.(*sip.RecordRouteHeader); ok {
			routes = append(routes, *rr.Address.Clone())
		}
	}
	if reverse {
		for i, j := 0, len(routes)-1; i < j; i, j = i+1, j-1 {
			routes[i], routes[j] = routes[j], routes[i]
		}
	}
	return routes
}

// ID names the dialog.
func (d *Dialog) ID() ID { return d.id }

// RequestID is the ID, at the receiving end, of the dialog that a request
// belongs to. ok is false when the request has no dialog: it lacks a To tag.
func RequestID(r *sip.Request) (id ID, ok bool) {
	from, to, callID := r.From(), r.To(), r.CallID()
	if from == nil || to == nil || callID == nil {
		return ID{}, false
	}
	id.CallID = callID.Value()
	id.RemoteTag, _ = from.Params.Get("tag")
	id.LocalTag, ok = to.Params.Get("tag")
	return id, ok
}

// Admit takes an INVITE or UPDATE of the peer unless a newer one came before:
// ErrOldRequest asks for a 500 (RFC 3261 §12.2.2). INFO, BYE and the like are
// not counted, since requests may overtake each other on their way to here and a
// key or the end of a call must not be lost for that.
func (d *Dialog) Admit(r *sip.Request) error {
	cseq := r.CSeq()
	if cseq == nil {
		return ErrIncomplete
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if cseq.SeqNo <= d.offerSeq {
		return ErrOldRequest
	}
	d.offerSeq = cseq.SeqNo
	return nil
}

// Move has an INVITE or UPDATE of the peer that is accepted say where the peer
// is reached from now on: at its Contact, and where it came from.
func (d *Dialog) Move(r *sip.Request, peer netip.AddrPort) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c := r.Contact(); c != nil {
		d.target = *c.Address.Clone()
	}
	// A large request may come over TCP within a dialog over UDP (RFC 3261
	// §18.1.1). That says nothing of where ours should go.
	if peer.IsValid() && peer != d.path.Peer && strings.EqualFold(r.Transport(), d.path.Transport) {
		d.path.Peer, d.path.Dialled = peer, false
	}
}

// Way is how the peer is reached.
func (d *Dialog) Way() (transport string, peer netip.AddrPort) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.path.Transport, d.path.Peer
}

// Reroute has the next requests go another way to the peer: it moved.
func (d *Dialog) Reroute(transport string, local, peer netip.AddrPort) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.path.Transport, d.path.Local, d.path.Peer, d.path.Dialled = transport, local, peer, false
}

// Dialled tells whether a new connection to where the peer is reached can be opened.
func (d *Dialog) Dialled() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.path.Dialled
}

// Next is the address that the first route names, or else the peer's Contact: where
// a new connection to the peer goes (RFC 3261 §8.1.2). ok is false where it names
// none, or one that cannot be reached.
func (d *Dialog) Next() (at netip.AddrPort, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.next()
}

// Readdress has a request of the dialog that was not sent yet go the way on which
// the peer is reached now.
func (d *Dialog) Readdress(r *sip.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r.SetTransport(d.path.Transport)
	r.SetDestination(d.destination().String())
	r.Laddr = d.source()
	r.Via().Transport = d.path.Transport
}

// Refresh takes the place where the peer is reached from a 2xx of the peer to
// our INVITE or UPDATE.
func (d *Dialog) Refresh(r *sip.Response) {
	if c := r.Contact(); c != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.target = *c.Address.Clone()
	}
}

// Request builds the next request of the dialog, complete with Via, ready for
// sipgo.Client.TransactionRequest with the Built option.
func (d *Dialog) Request(method sip.RequestMethod, contentType string, body []byte) *sip.Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.localSeq++
	if method == sip.INVITE {
		d.inviteSeq = d.localSeq
	}
	return d.build(method, d.localSeq, contentType, body)
}

// Again builds a request once more, with the next number, as after a challenge.
// r must come from Request and may have more headers and a body by now.
func (d *Dialog) Again(r *sip.Request) *sip.Request {
	again := r.Clone()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.localSeq++
	if r.Method == sip.INVITE {
		d.inviteSeq = d.localSeq
	}
	again.CSeq().SeqNo = d.localSeq
	again.Via().Params.Remove("branch")
	again.Via().Params.Add("branch", sip.GenerateBranch())
	again.Laddr = r.Laddr
	again.SetTransport(r.Transport())
	again.SetDestination(r.Destination())
	return again
}

// Ack builds the ACK for the 2xx to our newest INVITE. It has the number of
// that INVITE (RFC 3261 §13.2.2.4), whatever was sent since, and is written
// with sipgo.Client.WriteRequest and the Built option.
func (d *Dialog) Ack(contentType string, body []byte) *sip.Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.build(sip.ACK, d.inviteSeq, contentType, body)
}

// build makes a request under d.mu.
func (d *Dialog) build(method sip.RequestMethod, seq uint32, contentType string, body []byte) *sip.Request {
	recipient, routes := d.target, d.routes
	if len(routes) > 0 && !routes[0].UriParams.Has("lr") {
		// A strict router: it is the Request-URI, the target comes last
		// (RFC 3261 §12.2.1.1).
		recipient = routes[0]
		routes = append(append([]sip.Uri(nil), routes[1:]...), d.target)
	}
	r := sip.NewRequest(method, *recipient.Clone())
	r.SetTransport(d.path.Transport)
	r.Laddr = d.source()
	r.SetDestination(d.destination().String())

	r.AppendHeader(newVia(d.path.Transport, d.contact))
	for _, route := range routes {
		r.AppendHeader(&sip.RouteHeader{Address: *route.Clone()})
	}
	hops := sip.MaxForwardsHeader(70)
	r.AppendHeader(&hops)
	from := &sip.FromHeader{DisplayName: d.local.name, Address: *d.local.address.Clone()}
	from.Params.Add("tag", d.local.tag)
	r.AppendHeader(from)
	to := &sip.ToHeader{DisplayName: d.remote.name, Address: *d.remote.address.Clone()}
	if d.remote.tag != "" {
		to.Params.Add("tag", d.remote.tag)
	}
	r.AppendHeader(to)
	callID := sip.CallIDHeader(d.id.CallID)
	r.AppendHeader(&callID)
	r.AppendHeader(&sip.CSeqHeader{SeqNo: seq, MethodName: method})
	switch method {
	case sip.INVITE, sip.UPDATE, sip.NOTIFY, sip.OPTIONS:
		r.AppendHeader(d.contact.Clone())
	}
	if contentType != "" {
		kind := sip.ContentTypeHeader(contentType)
		r.AppendHeader(&kind)
	}
	r.SetBody(body)
	scrub(r)
	return r
}

// destination is where the next request is sent: to what the first route or
// the target names if that is an address that can be reached, else to where
// the peer's messages come from. On a stream it is the latter, as long as it is
// open or can be opened anew.
func (d *Dialog) destination() netip.AddrPort {
	at := d.path
	if at.Transport != "UDP" && (at.Dialled || at.Open == nil || at.Open(at.Transport, at.Peer)) {
		return at.Peer
	}
	if at, ok := d.next(); ok {
		return at
	}
	return d.path.Peer
}

// next is Next under d.mu.
func (d *Dialog) next() (netip.AddrPort, bool) {
	next := d.target
	if len(d.routes) > 0 {
		next = d.routes[0]
	}
	address, err := netip.ParseAddr(strings.Trim(next.Host, "[]"))
	if err != nil || d.path.Reachable == nil || !d.path.Reachable(address.Unmap()) {
		return netip.AddrPort{}, false
	}
	port := next.Port
	if port <= 0 || port > 65535 {
		port = sip.DefaultPort(d.path.Transport)
	}
	return netip.AddrPortFrom(address.Unmap(), uint16(port)), true
}

// source is the socket that a request leaves from: that on which we listen, so
// that the peer sees the port it knows. On a stream sipgo would take any
// connection of that local address. d.mu is held.
func (d *Dialog) source() sip.Addr {
	if d.path.Transport != "UDP" {
		return sip.Addr{}
	}
	return sip.Addr{IP: net.IP(d.path.Local.Addr().AsSlice()), Port: int(d.path.Local.Port())}
}

// Contact makes the Contact of our end.
func Contact(user string, at netip.AddrPort, transport string) sip.ContactHeader {
	c := sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: CleanUser(user), Host: at.Addr().Unmap().String(), Port: int(at.Port())}}
	if transport != "UDP" {
		c.Address.UriParams.Add("transport", strings.ToLower(transport))
	}
	return c
}

// Source is the address that a message came from, as sipgo gives it.
func Source(m sip.Message) netip.AddrPort {
	host, port, err := net.SplitHostPort(m.Source())
	if err != nil {
		return netip.AddrPort{}
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return netip.AddrPort{}
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(address.Unmap(), uint16(number))
}
