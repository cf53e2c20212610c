package registrar

import (
	"hash/fnv"
	"net/netip"
	"slices"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/ccs"
)

// Sheets is on how many sheets the bindings are stored, each with those of some
// lines: few enough to be written at once when the process stops, and small
// enough that one telephone's coming does not have all others written.
const Sheets = 32

// slack is how far a stored end lies behind the real one. Refreshings within it
// need not be written, so that a sheet is written for them every slack at most.
// After a crash a telephone may be listed so much too long at worst.
const slack = 10 * time.Minute

// sheetOf is the sheet of a line.
func sheetOf(line string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(line))
	return int(h.Sum32() % Sheets)
}

// Unsaved returns the sheets that have to be written since it was last asked.
func (r *Registrar) Unsaved() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []int
	for n, changed := range r.unsaved {
		if changed {
			list = append(list, n)
		}
	}
	r.unsaved = [Sheets]bool{}
	return list
}

// Sheet returns the bindings of a sheet as they are to be stored; ok is false
// after Close. last has them end when they do, for a process that stops; else
// they end late enough for refreshings to come.
func (r *Registrar) Sheet(n int, last bool) (list []ccs.Binding, ok bool) {
	var bindings []Binding
	r.mu.Lock()
	closed := r.closed
	for line, all := range r.lines {
		if sheetOf(line) != n {
			continue
		}
		for _, b := range all {
			b.kept = b.Expires
			if !last {
				b.kept = b.kept.Add(slack)
			}
			bindings = append(bindings, *b)
		}
	}
	r.mu.Unlock()
	list = make([]ccs.Binding, 0, len(bindings))
	for _, b := range bindings {
		list = append(list, b.stored())
	}
	return list, !closed
}

func (b *Binding) stored() ccs.Binding {
	return ccs.Binding{
		Line: b.line, Key: b.key, Contact: b.URI.String(), Transport: b.Flow.Transport, Local: b.Flow.Local, Peer: b.Flow.Peer,
		UserAgent: b.UserAgent, Since: b.Since.UTC(), Expires: b.kept.UTC(), Granted: ccs.MillisOf(b.granted), Q: b.Q,
		Instance: b.instance, CallID: b.callID, CSeq: b.seq,
	}
}

// Restore takes up a binding of before the start, unless it has ended or its
// telephone has registered anew. most is how many the line may have.
func (r *Registrar) Restore(s ccs.Binding, most int) bool {
	now := time.Now()
	contact := sip.Uri{}
	if sip.ParseUri(s.Contact, &contact) != nil || !usable(contact) || !s.Peer.IsValid() || !s.Local.IsValid() || !s.Expires.After(now) {
		return false
	}
	flow := Flow{s.Transport, plainPort(s.Local), plainPort(s.Peer)}
	b := &Binding{
		URI: contact, Flow: flow, UserAgent: s.UserAgent, Since: s.Since, Q: s.Q, NAT: behindNAT(contact, flow),
		line: s.Line, key: s.Key, instance: s.Instance, callID: s.CallID, seq: s.CSeq, kept: s.Expires,
		granted: min(max(s.Granted.Duration(), MinExpires), MaxExpires),
	}
	// Whenever it was refreshed last, it lasts no longer than if that were now.
	b.Expires = now.Add(min(s.Expires.Sub(now), b.granted))
	taken := false
	r.change(func() {
		have := r.lines[b.line]
		if len(have) >= most || slices.ContainsFunc(have, b.isOf) {
			return
		}
		taken = true
		r.shards++
		b.shard = r.shards
		r.replace(b.line, append(slices.Clone(have), b))
	})
	return taken
}

func plainPort(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// outdates tells whether a new list of a line's bindings has to be stored: one
// came, went or is another, or lasts longer than what is stored says.
func outdates(before, now []*Binding) bool {
	return len(before) != len(now) || slices.ContainsFunc(now, func(b *Binding) bool { return b.Expires.After(b.kept) })
}

// refreshes tells whether a binding says what an older one of the same telephone
// said, but for its end.
func (b *Binding) refreshes(old *Binding) bool {
	return b.URI.String() == old.URI.String() && b.Flow == old.Flow && b.UserAgent == old.UserAgent && b.Q == old.Q &&
		b.key == old.key && b.instance == old.instance && b.callID == old.callID
}
