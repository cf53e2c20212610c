package sipgw

import (
	"context"
	"net/netip"
	"strings"
	"sync"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw/registrar"
)

// BindingSheets is on how many sheets the telephones of lines are stored.
const BindingSheets = registrar.Sheets

// reopeners is how many connections to telephones are opened at a time.
const reopeners = 32

// UnsavedBindings returns the sheets that have to be stored since it was last
// asked. It costs next to nothing.
func (g *Gateway) UnsavedBindings() []int { return g.registrar.Unsaved() }

// Bindings returns the telephones on a sheet as they are to be stored; ok is
// false when the gateway is closed. last tells that the process is about to end.
func (g *Gateway) Bindings(sheet int, last bool) (list []ccs.Binding, ok bool) {
	return g.registrar.Sheet(sheet, last)
}

// RestoreBindings takes up the telephones that a process before this one stored:
// those of lines with the same number and password, which have not ended, and
// which can still be reached. It is called once, after SetLines and before Run.
//
// Over UDP that is who registered through a socket that we have again. A
// connection ended with the process; a telephone is then reached by its Contact
// (RFC 3261 §10.2.1), for which Run opens a new one. Where there is a NAT between,
// where the telephone watches its connection itself (RFC 5626 §4.5 has it
// register anew), and over TLS, where it would need a certificate of its own, the
// line is without it until it registers.
func (g *Gateway) RestoreBindings(list []ccs.Binding) (restored int) {
	for _, b := range list {
		switch {
		case g.lineOf(b) == nil:
		case b.Transport == "UDP":
			if g.sockets.socket(b.Local) != nil && g.registrar.Restore(b, g.lineOf(b).MaxContacts) {
				restored++
			}
		default:
			if at, ok := dialable(b); ok {
				b.Peer = at
				g.reopen = append(g.reopen, b)
			}
		}
	}
	return restored
}

// lineOf is the line of a stored telephone, or nil where it is not the one any
// more with which it registered.
func (g *Gateway) lineOf(b ccs.Binding) *ccs.Line {
	lines := g.guard.lines.Load()
	if lines.keys[b.Line] != b.Key {
		return nil
	}
	return lines.byID[b.Line]
}

// dialable is where a telephone takes connections, if it is known: its Contact
// names the address that it registered from, and TCP.
func dialable(b ccs.Binding) (netip.AddrPort, bool) {
	var uri sip.Uri
	if b.Transport != "TCP" || sip.ParseUri(b.Contact, &uri) != nil || strings.Contains(b.Instance, ";") {
		return netip.AddrPort{}, false
	}
	transport, _ := uri.UriParams.Get("transport")
	host, err := netip.ParseAddr(strings.Trim(uri.Host, "[]"))
	if err != nil || host.Unmap() != b.Peer.Addr() || !strings.EqualFold(transport, "tcp") || !strings.EqualFold(uri.Scheme, "sip") {
		return netip.AddrPort{}, false
	}
	port := uri.Port
	if port == 0 {
		port = sip.DefaultTcpPort
	}
	return netip.AddrPortFrom(host.Unmap(), uint16(port)), port > 0 && port < 1<<16
}

// reopenAll opens the connections to restored telephones.
func (g *Gateway) reopenAll(ctx context.Context) {
	todo := make(chan ccs.Binding)
	var workers sync.WaitGroup
	for range min(reopeners, len(g.reopen)) {
		workers.Go(func() {
			for b := range todo {
				g.reopenOne(ctx, b)
			}
		})
	}
	for _, b := range g.reopen {
		todo <- b
	}
	close(todo)
	workers.Wait()
	g.reopen = nil
}

func (g *Gateway) reopenOne(ctx context.Context, b ccs.Binding) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	if err := g.open(ctx, b.Transport, b.Peer, b.Peer.Addr().String()); err != nil {
		g.log.Debug("a telephone of before the start is not reached", "line", b.Line, "err", err)
		return
	}
	b.Local = g.localFor(b.Transport, b.Peer)
	if line := g.lineOf(b); line == nil || !g.registrar.Restore(b, line.MaxContacts) {
		return
	}
	g.checkRegistered(b.Line, b.Key, registrar.Flow{Transport: b.Transport, Local: b.Local, Peer: b.Peer})
}

// checkRegistered takes a registration back that what it rests on was lost while
// it was made: its line, or its connection.
func (g *Gateway) checkRegistered(line, key string, flow registrar.Flow) {
	if g.guard.lines.Load().keys[line] != key {
		g.keepRegistered()
	}
	if flow.Transport != "UDP" && !g.guard.streams.has(flow.Transport, flow.Peer) {
		g.registrar.Lost(flow.Transport, flow.Peer)
	}
}

// keepRegistered drops the registrations of lines that are gone, or have another
// number or password by now.
func (g *Gateway) keepRegistered() {
	lines := g.guard.lines.Load()
	g.registrar.Keep(func(id, key string) bool { return lines.keys[id] == key })
}
