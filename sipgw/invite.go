package sipgw

import (
	"errors"
	"net/netip"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw/dialog"
	"github.com/carillon-cc/carillon/sipgw/sdp"
)

// onInvite takes a new call and runs it to its end, or an offer within a call.
func (g *Gateway) onInvite(x exchange) {
	if _, within := dialog.RequestID(x.req); within {
		g.onReInvite(x)
		return
	}
	l, ok := g.arrive(x)
	if !ok {
		return
	}
	defer g.calls.Done()
	defer l.release()
	defer l.uncount()
	// Whatever happens, nobody is left in a call that nobody runs.
	defer l.end(call.Cause{By: call.BySystem, Reason: call.ReasonFailed}, false)
	// A call that was cancelled already is taken all the same: it has a record.
	l.watchCancel()
	if len(x.req.GetHeaders("Replaces")) > 0 {
		l.takeOver()
		return
	}
	g.accept(g.ctx, l.incoming)
}

// arrive checks an INVITE and makes a leg of it, or refuses it.
func (g *Gateway) arrive(x exchange) (*caller, bool) {
	// Stops sipgo's own 100, which would read the request later.
	x.respond(sip.StatusTrying, "Trying")
	if short, tooShort := g.tooShortSession(x.req); tooShort {
		_ = x.tx.Respond(short)
		return nil, false
	}
	if !takesSDP(x.req) {
		x.respond(sip.StatusNotAcceptable, "Not Acceptable")
		return nil, false
	}
	offer, ok := readOffer(x)
	if !ok {
		return nil, false
	}
	l, err := g.newCaller(x, offer)
	s, unacceptable := unacceptable(err)
	switch {
	case err == nil:
	case unacceptable:
		place, _ := g.acl.find(dialog.Source(x.req).Addr())
		g.log.Info("a call was refused: its sound cannot be agreed on", "trunk", place.name, "err", err)
		refuse(x, s)
	case errors.Is(err, media.ErrNoPort):
		g.log.Warn("a call was refused for want of an RTP port")
		refuse(x, statusOf(call.ReasonBusy))
	case errors.Is(err, dialog.ErrIncomplete):
		refuse(x, status{code: sip.StatusBadRequest, phrase: "Bad Request"})
	default:
		g.log.Error("a call could not be taken", "err", err)
		refuse(x, statusOf(call.ReasonFailed))
	}
	if err != nil {
		return nil, false
	}
	if s, ok := g.trunks.take(l); !ok {
		refuse(x, s)
		l.port.Close()
		return nil, false
	}
	if s, ok := g.add(l.leg); !ok {
		refuse(x, s)
		l.uncount()
		l.port.Close()
		return nil, false
	}
	return l, true
}

func refuse(x exchange, s status) { _ = x.tx.Respond(s.response(x.req)) }

// readOffer reads the session description of a request: nil when it has none.
// It answers the request and returns false when it cannot be read.
func readOffer(x exchange) (*sdp.Description, bool) {
	if len(x.req.Body()) == 0 {
		return nil, true
	}
	if kind := mediaType(x.req); kind != sdpType {
		if optionalBody(x.req) {
			return nil, true
		}
		res := sip.NewResponseFromRequest(x.req, sip.StatusUnsupportedMediaType, "Unsupported Media Type", nil)
		res.AppendHeader(sip.NewHeader("Accept", sdpType))
		_ = x.tx.Respond(res)
		return nil, false
	}
	offer, err := sdp.Parse(x.req.Body())
	switch {
	case errors.Is(err, sdp.ErrTooLarge):
		x.respond(sip.StatusRequestEntityTooLarge, "Request Entity Too Large")
	case err != nil:
		x.respond(sip.StatusBadRequest, "Bad Session Description")
	}
	return offer, err == nil
}

// newCaller makes the leg of an INVITE, not yet known to anybody.
func (g *Gateway) newCaller(x exchange, offer *sdp.Description) (*caller, error) {
	source := dialog.Source(x.req)
	var through *link
	sources, encryption := g.cfg.MediaSources, g.cfg.Encryption
	if x.line == nil {
		from, _ := g.acl.find(source.Addr())
		through = g.trunks.through(x.req, from)
	} else {
		encryption = x.line.Encryption
	}
	if through != nil {
		encryption = through.trunk.Encryption
		if len(through.media) > 0 {
			sources = through.media
		}
	}
	local := g.localAddress(x.tx)
	public := g.publicAddress(local)
	reachable := g.acl.allows
	if x.line != nil {
		reachable = nil // a telephone is where its messages come from
	}
	d, err := dialog.Accept(x.req, dialog.NewTag(), dialog.Contact(user(x.req.Recipient), public, x.req.Transport()), dialog.Path{
		Transport: x.req.Transport(), Local: local, Peer: source, Reachable: reachable, Open: g.guard.streams.has,
	})
	if err != nil {
		return nil, err
	}
	id := d.ID()
	l := &caller{invite: x, through: through, uncount: func() {}, leg: g.newLeg(id.LocalTag)}
	l.self, l.party, l.giveUp = l, call.ByCaller, l.refuse
	l.arrival = arrival{id.CallID, id.RemoteTag, x.req.CSeq().SeqNo}
	l.dialog = d
	if through != nil {
		l.trusted, l.credentials = through.trunk.Trusted, through.credentials()
	}
	l.contact = dialog.Contact(user(x.req.Recipient), public, x.req.Transport())
	l.session = readSession(x.req).accept(session{}, g.cfg.Timers.MinSession)
	if err := l.openSound(public.Addr(), sources, policyOf(x.req.Transport(), encryption)); err != nil {
		return nil, err
	}
	if offer == nil {
		l.sdp = l.writer.Offer(l.media, nil, sdp.SendRecv)
		l.offering, l.offerIn = true, int64(l.arrival.seq)
		l.output.SetCodec(media.PCMA, 8) // the first of our offer, until the answer comes
	} else {
		l.meet(offer)
		body, agreed, err := l.writer.Answer(offer, l.media)
		if err != nil {
			l.port.Close()
			return nil, err
		}
		l.sdp = body
		l.agree(agreed)
	}
	l.noteMethods(x.req)
	l.told = l.agreed.Codec
	l.incoming = identify(x.req)
	if x.line != nil {
		// What the telephone says of itself is not asked for.
		l.incoming.From, l.incoming.FromName = x.line.Number, dialog.Clean(x.line.Name)
		l.incoming.Line = x.line.ID
		l.line, l.trusted = x.line.ID, x.line.Trusted
	}
	l.incoming.Leg = l
	l.incoming.Codec = l.Codec()
	l.port.Receive(l.receive)
	return l, nil
}

// localAddress is the socket that a request came in through.
func (g *Gateway) localAddress(tx sip.ServerTransaction) netip.AddrPort {
	if st, ok := tx.(*sip.ServerTx); ok {
		if at, err := netip.ParseAddrPort(st.Connection().LocalAddr().String()); err == nil {
			return netip.AddrPortFrom(at.Addr().Unmap(), g.listenPort(st.Connection(), at.Port()))
		}
	}
	return g.Addr()
}

// listenPort is the port to name for a connection: that of the listener if we
// opened the connection ourselves.
func (g *Gateway) listenPort(c sip.Connection, port uint16) uint16 {
	if t, ok := c.(*sip.TCPConnection); ok {
		if s, ok := t.Conn.(*stream); ok && s.dialled {
			if s.key.transport == "TLS" && g.AddrTLS().IsValid() {
				return g.AddrTLS().Port()
			}
			return g.Addr().Port()
		}
	}
	return port
}

// publicAddress is what a peer is told who called one of our addresses.
func (g *Gateway) publicAddress(local netip.AddrPort) netip.AddrPort {
	public := g.cfg.PublicIP.Unmap()
	if public.IsValid() && !public.IsUnspecified() && !local.Addr().IsLoopback() && public.Is4() == local.Addr().Is4() {
		return netip.AddrPortFrom(public, local.Port())
	}
	return local
}
