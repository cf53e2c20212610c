package registrar

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Refusal is why a REGISTER changes nothing, and the response that says so.
type Refusal struct {
	Code   int
	Phrase string
}

func refusal(code int, phrase string) error { return &Refusal{code, phrase} }

// Error is for logs.
func (r *Refusal) Error() string {
	return fmt.Sprintf("the registration is refused: %d %s", r.Code, r.Phrase)
}

// Registration is what a REGISTER asks for, by somebody who has proved to be the
// line's telephone.
type Registration struct {
	Line string // its id
	// Key stands for the number and the password by which the telephone proved to
	// be the line's.
	Key       string
	Max       int // how many telephones it may have
	Request   *sip.Request
	Flow      Flow
	UserAgent string
}

// Move is a telephone that is now reached in another way than before.
type Move struct{ From, To Flow }

// Register does what a REGISTER asks for, wholly or not at all, and returns the
// bindings that the line has then. Its errors are of type *Refusal.
func (r *Registrar) Register(g Registration) (bindings []Binding, moved []Move, err error) {
	contacts, all, err := readContacts(g.Request)
	if err != nil {
		return nil, nil, err
	}
	r.change(func() {
		if len(contacts) > 0 || all {
			moved, err = r.register(g, contacts, all)
		}
		bindings = r.copies(g.Line)
	})
	return bindings, moved, err
}

// register does the work. r.mu is held.
func (r *Registrar) register(g Registration, contacts []asked, all bool) ([]Move, error) {
	callID, seq := g.Request.CallID().Value(), g.Request.CSeq().SeqNo
	// Everything is worked out before anything is changed.
	next := slices.Clone(r.lines[g.Line])
	if all {
		for _, b := range next {
			if b.callID == callID && seq <= b.seq {
				return nil, outOfOrder
			}
		}
		r.replace(g.Line, nil)
		return nil, nil
	}
	var moved []Move
	now := time.Now()
	for _, a := range contacts {
		fresh := &Binding{
			URI: a.uri, Flow: g.Flow, UserAgent: g.UserAgent, Since: now, Q: a.q, NAT: behindNAT(a.uri, g.Flow),
			line: g.Line, key: g.Key, instance: a.instance, callID: callID, seq: seq,
		}
		lasts, err := fresh.lasts(a.expires)
		if err != nil {
			return nil, err
		}
		fresh.Expires, fresh.granted = now.Add(lasts), lasts
		at := slices.IndexFunc(next, func(b *Binding) bool { return fresh.isOf(b) })
		if at < 0 {
			if lasts > 0 {
				r.shards++
				fresh.shard = r.shards
				next = append(next, fresh)
			}
			continue
		}
		old := next[at]
		if old.callID == callID && seq <= old.seq {
			return nil, outOfOrder
		}
		if lasts == 0 {
			next = slices.Delete(next, at, at+1)
			continue
		}
		fresh.Since, fresh.shard = old.Since, old.shard
		if fresh.refreshes(old) {
			fresh.kept = old.kept
		}
		next[at] = fresh
		if old.Flow != fresh.Flow {
			moved = append(moved, Move{old.Flow, fresh.Flow})
		}
	}
	for len(next) > g.Max {
		// A telephone that was restarted may have left an entry behind.
		ghost := slices.IndexFunc(next, func(b *Binding) bool {
			return b.callID != callID && b.UserAgent == g.UserAgent && b.Flow.Peer.Addr() == g.Flow.Peer.Addr()
		})
		if ghost < 0 {
			return nil, refusal(sip.StatusForbidden, "Too Many Contacts")
		}
		next = slices.Delete(next, ghost, ghost+1)
	}
	r.replace(g.Line, next)
	return moved, nil
}

// outOfOrder refuses a request that a newer one of the same telephone overtook
// (RFC 3261 §10.3 step 7).
var outOfOrder = refusal(sip.StatusInternalServerError, "Out Of Order")

// lasts is for how long a binding is taken that asked for a time.
func (b *Binding) lasts(asked time.Duration) (time.Duration, error) {
	longest := MaxExpires
	if b.NAT && b.Flow.Transport == "UDP" {
		longest = maxNATExpires
	}
	switch {
	case asked < 0:
		return longest, nil
	case asked > 0 && asked < MinExpires:
		return 0, refusal(sip.StatusIntervalToBrief, "Interval Too Brief")
	}
	return min(asked, longest), nil
}

// isOf tells whether a binding is that of the same telephone as an older one.
// Two homes may use the same private address, so behind a NAT the address that
// is seen counts too.
func (b *Binding) isOf(old *Binding) bool {
	if b.instance != "" && b.instance == old.instance {
		return true
	}
	return sameContact(b.URI, old.URI) && (!old.NAT || b.callID == old.callID || b.Flow.Peer.Addr() == old.Flow.Peer.Addr())
}

// behindNAT tells whether a telephone's messages come from elsewhere than where
// it says that it is.
func behindNAT(contact sip.Uri, flow Flow) bool {
	port := contact.Port
	if port == 0 {
		port = sip.DefaultUdpPort
	}
	address, err := netip.ParseAddr(strings.Trim(contact.Host, "[]"))
	return err != nil || address.Unmap() != flow.Peer.Addr() || flow.Transport == "UDP" && port != int(flow.Peer.Port())
}
