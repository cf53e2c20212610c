package sipgw

import (
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/sipgw/digest"
	"github.com/carillon-cc/carillon/sipgw/registrar"
)

// guard decides who is heard. Strangers are dropped before sipgo sees them: a
// scanner learns nothing, costs no memory and next to no time. Who names one of
// our lines is heard a little, to prove to be its telephone.
type guard struct {
	*acl
	lines     atomic.Pointer[lines]
	registrar *registrar.Registrar
	digest    *digest.Server
	parser    *sip.Parser
	budgets   *budgets
	guesses   guesses
	reluctant *reluctant
	// friends are addresses from which a telephone proved itself of late, for
	// what it sends next without a proof: ACK, CANCEL, requests within a call.
	friends recent[netip.AddrPort, time.Time]
	talking *talking
	streams *streams
	shift   int // datagrams that a shift of a socket reads
	// lost is told of each connection that has ended. It must not block.
	lost func(transport string, peer netip.AddrPort)

	challenges, failures, throttled atomic.Uint64
}

// friendship is how long an address is heard after a proof.
const friendship = 10 * time.Minute

func newGuard(a *acl, r *registrar.Registrar, d *digest.Server) *guard {
	g := &guard{acl: a, registrar: r, digest: d, parser: sip.NewParser(), budgets: newBudgets(), reluctant: newReluctant(), talking: &talking{}, streams: newStreams(), lost: func(string, netip.AddrPort) {}}
	g.lines.Store(newLines(nil))
	return g
}

// befriend notes that a telephone at an address proved itself.
func (g *guard) befriend(at netip.AddrPort) {
	g.friends.change(at, func(time.Time) time.Time { return time.Now().Add(friendship) })
}

// familiar tells whether an address is heard without any further look: the
// addresses of trunks, and of telephones that are registered or proved
// themselves.
func (g *guard) familiar(transport string, from netip.AddrPort) bool {
	if g.closed.Load() {
		return false
	}
	if g.allows(from.Addr()) || g.registrar.Knows(transport, from) {
		return true
	}
	until, known := g.friends.get(from)
	return known && time.Now().Before(until)
}

// admits decides about a datagram. One of a stranger who names a line is
// answered here with a challenge, keeping no more than that, until the stranger has shown
// that answers arrive at the address that the datagrams come from.
func (g *guard) admits(socket *net.UDPConn, b []byte, from netip.AddrPort) bool {
	if len(b) <= 4 { // a keep-alive (RFC 5626 §3.5.1)
		return false
	}
	if g.familiar("UDP", from) {
		return true
	}
	m, ok := scan(b)
	if !ok || !g.hears(m, from.Addr()) {
		g.dropped.Add(1)
		return false
	}
	return g.returns(socket, b, m, from)
}

// hears tells, by a glance at a message, whether an unknown source is listened
// to: it names a line, or is in a call with us, and has not talked too much.
func (g *guard) hears(m glance, from netip.Addr) bool {
	if g.closed.Load() {
		return false
	}
	named := !m.response && g.lines.Load().byUser(m.user) != nil
	if !named && !(m.toTag && g.talking.with(from)) {
		return false
	}
	if !g.budgets.take(from) {
		g.throttled.Add(1)
		return false
	}
	return true
}

// returns tells whether a datagram of an unknown source brings back a nonce of
// ours, or belongs to a call with that address. Otherwise it is challenged. m is
// the glance at b.
func (g *guard) returns(socket *net.UDPConn, b []byte, m glance, from netip.AddrPort) bool {
	if m.toTag && g.talking.with(from.Addr()) {
		return true
	}
	if string(m.method) == string(sip.ACK) || string(m.method) == string(sip.CANCEL) {
		return false // they cannot be challenged (RFC 3261 §22.1)
	}
	msg, err := g.parser.ParseSIP(b)
	req, isRequest := msg.(*sip.Request)
	if err != nil || !isRequest || req.From() == nil || req.To() == nil || req.CallID() == nil || req.CSeq() == nil || req.Via() == nil {
		g.dropped.Add(1)
		return false
	}
	req.SetTransport("UDP")
	req.SetSource(from.String())
	given := authorization(req)
	if g.digest.Answers(from.Addr(), given) {
		return true
	}
	if !g.budgets.challenge() {
		g.throttled.Add(1)
		return false
	}
	g.challenges.Add(1)
	line := g.lines.Load().byUser(m.user)
	if line != nil && len(given) > 0 {
		g.reluctant.answers(asker{from.Addr(), line.ID})
	}
	res := g.challenge(req, line, from.Addr(), len(given) > 0)
	to := from
	if via := req.Via(); !via.Params.Has("rport") { // RFC 3261 §18.2.2, RFC 3581 §4
		port := via.Port
		if port <= 0 || port > 65535 {
			port = sip.DefaultUdpPort
		}
		to = netip.AddrPortFrom(from.Addr(), uint16(port))
	}
	_, _ = socket.WriteToUDPAddrPort([]byte(res.String()), to)
	return false
}
