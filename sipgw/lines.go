package sipgw

import (
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"sync"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw/registrar"
)

// lines are the lines whose telephones may talk to us. They are never changed,
// only replaced.
type lines struct {
	byNumber map[string]*ccs.Line
	byID     map[string]*ccs.Line
	keys     map[string]string // what LineKey gives, by id
}

// defaultContacts is how many telephones a line has that does not say.
const defaultContacts = 3

func newLines(all []*ccs.Line) *lines {
	l := &lines{byNumber: make(map[string]*ccs.Line), byID: make(map[string]*ccs.Line), keys: make(map[string]string)}
	for _, one := range all {
		if one.Disabled || one.Number == "" || one.ID == "" {
			continue
		}
		own := *one
		if own.MaxContacts <= 0 {
			own.MaxContacts = defaultContacts
		}
		l.byNumber[own.Number], l.byID[own.ID], l.keys[own.ID] = &own, &own, LineKey(&own)
	}
	return l
}

// LineKey stands for the number and password of a line, of which it tells
// nothing: ccs.Binding.Key of its telephones.
func LineKey(l *ccs.Line) string {
	sum := sha256.Sum256([]byte(l.Number + "\n" + l.Secrets.MD5 + "\n" + l.Secrets.SHA256))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

func (l *lines) none() bool { return len(l.byID) == 0 }

// byUser is the line of a user part, or nil.
func (l *lines) byUser(user []byte) *ccs.Line { return l.byNumber[string(user)] }

// SetLines replaces the lines. A line that is gone, disabled, or has another
// number or password loses its registrations; calls that run go on.
func (g *Gateway) SetLines(all []*ccs.Line) {
	g.guard.lines.Store(newLines(all))
	g.keepRegistered()
}

// LineState is what is known of a line's telephones.
type LineState struct {
	Line     string // its id
	Contacts []LineContact
	// Refused is when a wrong password was last given for the line, and
	// RefusedFrom by whom; zero for never.
	Refused     time.Time
	RefusedFrom netip.AddrPort
}

// LineContact is one telephone that is registered.
type LineContact struct {
	UserAgent string
	Address   netip.AddrPort // where its messages come from
	Transport string         // "UDP", "TCP" or "TLS"
	NAT       bool           // there is a NAT between
	Since     time.Time
	Expires   time.Time // unless it refreshes the registration before
}

// LineStates tells the state of every enabled line, in no order.
func (g *Gateway) LineStates() []LineState {
	lines := g.guard.lines.Load()
	states := make([]LineState, 0, len(lines.byID))
	for id := range lines.byID {
		s := LineState{Line: id}
		for _, b := range g.registrar.Bindings(id) {
			s.Contacts = append(s.Contacts, LineContact{
				UserAgent: b.UserAgent, Address: b.Flow.Peer, Transport: b.Flow.Transport, NAT: b.NAT, Since: b.Since, Expires: b.Expires,
			})
		}
		s.Refused, s.RefusedFrom = g.wrongPasswords.last(id)
		states = append(states, s)
	}
	return states
}

// wrongPasswords are the last wrong passwords, one a line.
type wrongPasswords struct {
	mu     sync.Mutex
	latest map[string]refused
}

type refused struct {
	at   time.Time
	from netip.AddrPort
}

func (r *wrongPasswords) last(line string) (time.Time, netip.AddrPort) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.latest[line].at, r.latest[line].from
}

func (r *wrongPasswords) note(line string, from netip.AddrPort) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.latest == nil {
		r.latest = make(map[string]refused)
	}
	r.latest[line] = refused{time.Now(), from}
}

// reroute has running calls of a line use the way on which a telephone
// registered just now: it moved, or its connection was closed.
func (g *Gateway) reroute(line string, moved []registrar.Move, now registrar.Flow) {
	only := len(g.registrar.Bindings(line)) == 1
	for _, l := range g.lineLegs(line) {
		transport, peer := l.dialog.Way()
		for _, m := range moved {
			if m.From.Transport == transport && m.From.Peer == peer {
				l.dialog.Reroute(m.To.Transport, m.To.Local, m.To.Peer)
			}
		}
		lost := transport != "UDP" && !g.guard.streams.has(transport, peer)
		if lost && (only || peer.Addr() == now.Peer.Addr()) {
			l.dialog.Reroute(now.Transport, now.Local, now.Peer)
		}
		g.moved(l)
	}
}
