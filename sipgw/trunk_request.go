package sipgw

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw/dialog"
	"github.com/carillon-cc/carillon/sipgw/trunk"
)

// domainOf is the host of the URIs that a trunk is told.
func domainOf(config *ccs.Trunk, e trunk.Endpoint) string {
	host := config.Domain
	if host == "" {
		host = e.Host
	}
	return uriHost(host)
}

// uriHost is a host as a URI has it: IPv6 addresses stand in brackets.
func uriHost(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// accountOf is the user by which a trunk knows us.
func accountOf(config *ccs.Trunk) string {
	if config.Username != "" {
		return dialog.CleanUser(config.Username)
	}
	return "carillon"
}

// outside begins a request that belongs to no dialog, to an endpoint of a trunk.
func (g *Gateway) outside(method sip.RequestMethod, recipient, from, to sip.Uri, e trunk.Endpoint) *sip.Request {
	local := g.localFor(e.Transport, e.Peer)
	public := g.publicAddress(local)
	r := sip.NewRequest(method, recipient)
	r.SetTransport(e.Transport)
	r.SetDestination(e.Peer.String())
	if e.Transport == "UDP" {
		r.Laddr = sip.Addr{IP: net.IP(local.Addr().AsSlice()), Port: int(local.Port())}
	}
	via := &sip.ViaHeader{
		ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: e.Transport,
		Host: uriHost(public.Addr().String()), Port: int(public.Port()),
	}
	via.Params.Add("branch", sip.GenerateBranch())
	via.Params.Add("rport", "")
	r.AppendHeader(via)
	hops := sip.MaxForwardsHeader(70)
	r.AppendHeader(&hops)
	sender := &sip.FromHeader{Address: from}
	sender.Params.Add("tag", dialog.NewTag())
	r.AppendHeader(sender)
	r.AppendHeader(&sip.ToHeader{Address: to})
	callID := sip.CallIDHeader(dialog.NewTag())
	r.AppendHeader(&callID)
	r.AppendHeader(&sip.CSeqHeader{SeqNo: 1, MethodName: method})
	contact := dialog.Contact(from.User, public, e.Transport)
	r.AppendHeader(&contact)
	r.AppendHeader(sip.NewHeader("User-Agent", "Carillon"))
	r.SetBody(nil)
	return r
}

// ask sends a request outside of any call and waits for its final response:
// status 0 where none came, with the reason, and the fault of a certificate.
func (g *Gateway) ask(ctx context.Context, r *sip.Request, e trunk.Endpoint, patience time.Duration) (status int, reason string, fault trunk.Fault) {
	res, err := g.request(ctx, r, e, patience)
	if err != nil {
		return 0, err.Error(), certificateFault(err)
	}
	return res.StatusCode, dialog.Clean(res.Reason), ""
}

// ErrNoAnswer says that nothing came back.
var ErrNoAnswer = errors.New("no answer")

// request sends a request outside of any call and waits for its final response.
func (g *Gateway) request(ctx context.Context, r *sip.Request, e trunk.Endpoint, patience time.Duration) (*sip.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if e.Transport == "TLS" {
		g.expect(e.Peer, e.Host)
	}
	res, err := g.client.Do(ctx, r, dialog.Built)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, sip.ErrTransactionTimeout):
		return nil, ErrNoAnswer
	case err != nil:
		return nil, err
	case res == nil:
		return nil, ErrNoAnswer // the connection broke
	}
	return res, nil
}

// seconds reads a header that holds a number of seconds, perhaps with
// parameters or a comment; 0 where there is none.
func seconds(res *sip.Response, name string) time.Duration {
	h := res.GetHeader(name)
	if h == nil {
		return 0
	}
	return secondsOf(h.Value())
}

func secondsOf(text string) time.Duration {
	text, _, _ = strings.Cut(text, ";")
	text, _, _ = strings.Cut(text, "(")
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}
