package webrtc

import (
	"crypto/rand"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/pion/stun/v4"
)

// credentials are one generation of a peer's ICE credentials; a restart makes
// another.
type credentials struct {
	peer       *Peer
	ufrag, pwd string // ours
	remote     string // the browser's user name
}

// newCredentials makes an ICE user name and password of 40 and 130 random bits;
// RFC 8445 §5.3 asks for 24 and 128.
func newCredentials(p *Peer, remote string) *credentials {
	return &credentials{peer: p, ufrag: rand.Text()[:8], pwd: rand.Text(), remote: remote}
}

// check answers a connectivity check as a lite agent does (RFC 8445 §7.3), and
// takes from it where the browser is. Checks with wrong credentials get no
// answer, so that strangers do not learn what listens here.
func (r *reader) check(b []byte, from netip.AddrPort, e endpoint, now time.Duration) {
	m := &r.request
	if !stun.IsMessage(b) || stun.Decode(b, m) != nil || m.Type != stun.BindingRequest || stun.Fingerprint.Check(m) != nil {
		r.engine.strangers.Add(1)
		return
	}
	username, err := m.Get(stun.AttrUsername)
	if err != nil {
		r.engine.strangers.Add(1)
		return
	}
	c := r.engine.user(string(username))
	if c == nil || stun.NewShortTermIntegrity(c.pwd).Check(m) != nil {
		r.engine.strangers.Add(1)
		return
	}
	forgetUnsigned(m)
	if m.Contains(stun.AttrICEControlled) {
		// A lite agent is always the controlled one (RFC 8445 §6.1.1), so it is
		// the other side that has to change (§7.3.1.1).
		r.reply(e, c, m, stun.BindingError, stun.CodeRoleConflict)
		return
	}
	if unknown := unknownRequired(m); len(unknown) > 0 {
		r.reply(e, c, m, stun.BindingError, stun.CodeUnknownAttribute, unknown)
		return
	}
	known, ok := r.bind(c.peer, from, e)
	if !ok {
		return
	}
	c.peer.checked(c, known, m.Contains(stun.AttrUseCandidate), now)
	r.reply(e, c, m, stun.BindingSuccess, &stun.XORMappedAddress{IP: net.IP(from.Addr().AsSlice()), Port: int(from.Port())})
}

// user finds the credentials of a check's USERNAME: our user name, a colon, the
// browser's (RFC 8445 §7.2.2).
func (e *Engine) user(username string) *credentials {
	local, remote, _ := strings.Cut(username, ":")
	e.mu.RLock()
	c := e.users[local]
	e.mu.RUnlock()
	if c == nil || c.remote != remote {
		return nil
	}
	return c
}

// forgetUnsigned drops what comes after MESSAGE-INTEGRITY: anybody on the way
// may have added it (RFC 8489 §14.5).
func forgetUnsigned(m *stun.Message) {
	for i, a := range m.Attributes {
		if a.Type == stun.AttrMessageIntegrity {
			m.Attributes = m.Attributes[:i]
			return
		}
	}
}

// unknownRequired lists the attributes that must be understood and are not
// (RFC 8489 §6.3.1).
func unknownRequired(m *stun.Message) stun.UnknownAttributes {
	var unknown stun.UnknownAttributes
	for _, a := range m.Attributes {
		if a.Type.Required() && a.Type != stun.AttrUsername && a.Type != stun.AttrPriority && a.Type != stun.AttrUseCandidate {
			unknown = append(unknown, a.Type)
		}
	}
	return unknown
}

// reply answers a check on the way it came.
func (r *reader) reply(e endpoint, c *credentials, request *stun.Message, kind stun.MessageType, attributes ...stun.Setter) {
	setters := append([]stun.Setter{stun.NewTransactionIDSetter(request.TransactionID), kind}, attributes...)
	setters = append(setters, stun.NewShortTermIntegrity(c.pwd), stun.Fingerprint)
	response, err := stun.Build(setters...)
	if err != nil {
		return
	}
	newPath(e).send(&r.out, response.Raw)
}
