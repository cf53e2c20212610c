package sipgw

import (
	"strconv"

	"github.com/emiago/sipgo/sip"

	"github.com/carillon-cc/carillon/call"
	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/media"
	"github.com/carillon-cc/carillon/sipgw/dialog"
	"github.com/carillon-cc/carillon/sipgw/trunk"
)

// placeTrunk calls a number through a trunk. The error is a *RefusedError.
func (g *Gateway) placeTrunk(o Outgoing) (*called, error) {
	l, n, release, err := g.trunks.choose(o)
	if err != nil {
		return nil, err
	}
	leg, err := g.place(g.trunks.placing(l, o, n, release))
	if err != nil {
		return nil, err
	}
	leg.trunk = l.trunk.ID
	return leg, nil
}

// choose finds the trunk for a call and counts the call there: the one that is
// asked for, or the first that may call the number and works.
func (t *trunks) choose(o Outgoing) (*link, trunk.Number, func(), error) {
	var refused *refusal
	note := func(r *refusal) {
		if refused == nil || r.weight() > refused.weight() {
			refused = r
		}
	}
	var sick []candidate
	for _, l := range t.links() {
		if o.Trunk != "" && l.trunk.ID != o.Trunk {
			continue
		}
		n, r := l.mayCall(o.Number)
		if r != nil {
			note(r)
			continue
		}
		if o.Trunk == "" && !l.healthy() {
			sick = append(sick, candidate{l, n})
			continue
		}
		release, guard := t.count(l.trunk, o.By)
		if guard == "" {
			return l, n, release, nil
		}
		note(&refusal{link: l, guard: guard})
	}
	// A trunk that seems to be down may not be.
	for _, c := range sick {
		release, guard := t.count(c.link.trunk, o.By)
		if guard == "" {
			return c.link, c.number, release, nil
		}
		note(&refusal{link: c.link, guard: guard})
	}
	if refused == nil {
		return nil, trunk.Number{}, nil, &RefusedError{Reason: call.ReasonUnavailable, Detail: "there is no trunk"}
	}
	if refused.guard != "" && refused.guard != trunk.GuardNumber {
		t.alarm(Alarm{Trunk: refused.link.trunk.ID, Kind: refused.guard, Detail: refused.detail(), By: o.By, Number: dialog.Clean(o.Number)})
	}
	return nil, trunk.Number{}, nil, refused.err()
}

// count counts an outgoing call as trunk.Counts.Out does, and tells who keeps the
// count over a restart.
func (t *trunks) count(through *ccs.Trunk, by string) (release func(), guard trunk.Guard) {
	release, guard = t.counts.Out(through, by)
	if guard == "" && t.gateway.cfg.OnDialled != nil {
		t.gateway.cfg.OnDialled(through.ID, by)
	}
	return release, guard
}

// candidate is a trunk that may call a number.
type candidate struct {
	link   *link
	number trunk.Number
}

// refusal is why a trunk does not take a call: a guard, or that it cannot.
type refusal struct {
	link  *link
	guard trunk.Guard
	state string
}

// weight orders refusals by how much they say to who wants to call.
func (r *refusal) weight() int {
	switch r.guard {
	case "":
		if r.state == stateDisabled {
			return 0
		}
		return 4
	case trunk.GuardNumber:
		return 1
	case trunk.GuardPrefix:
		return 2
	case trunk.GuardBlocked, trunk.GuardPremium:
		return 3
	}
	return 5
}

func (r *refusal) detail() string {
	if r.guard == "" {
		return "trunk " + r.link.trunk.ID + ": " + r.state
	}
	return "trunk " + r.link.trunk.ID + ": guard " + string(r.guard)
}

func (r *refusal) err() *RefusedError {
	e := &RefusedError{Reason: call.ReasonNotAllowed, Detail: r.detail()}
	switch {
	case r.guard == trunk.GuardNumber:
		e.Reason = call.ReasonInvalid
	case r.guard == trunk.GuardCalls || r.guard == trunk.GuardOutgoing:
		e.Reason = call.ReasonCongestion
	case r.guard == "" && r.state == stateDisabled:
		e.Reason = call.ReasonUnavailable
	case r.guard == "":
		e.Reason = call.ReasonTrunkFailed
	}
	return e
}

// Why a trunk cannot take calls.
const (
	stateDisabled     = "disabled"
	stateUnregistered = "not registered"
	stateNowhere      = "its targets have no address"
)

// mayCall tells whether the trunk may call a number, and can.
func (l *link) mayCall(typed string) (trunk.Number, *refusal) {
	if l.trunk.Disabled {
		return trunk.Number{}, &refusal{link: l, state: stateDisabled}
	}
	n, guard := trunk.Allow(typed, l.trunk.Outgoing)
	switch {
	case guard != "":
		return n, &refusal{link: l, guard: guard}
	case l.runner != nil && l.runner.State().Phase != trunk.Registered:
		return n, &refusal{link: l, state: stateUnregistered}
	case len(l.health.Order()) == 0:
		return n, &refusal{link: l, state: stateNowhere}
	}
	return n, nil
}

// healthy tells whether a target is up, or nothing is known of one yet.
func (l *link) healthy() bool {
	for _, s := range l.health.States() {
		if s.Up || !s.Known {
			return true
		}
	}
	return false
}

// placing makes what goes onto the wire of a call through a trunk.
func (t *trunks) placing(l *link, o Outgoing, n trunk.Number, release func()) placing {
	endpoints := l.health.Order()
	known := make(map[string]trunk.Endpoint, len(endpoints))
	for _, e := range endpoints {
		known[e.String()] = e
	}
	p := placing{
		hops:         l.hops(endpoints, n),
		to:           l.uri(endpoints[0], n),
		credentials:  l.credentials(),
		encryption:   l.trunk.Encryption,
		mediaSources: l.media,
		trusted:      l.trunk.Trusted,
		codecs:       preferring(o.Codec),
		release:      release,
		outcome: func(h hop, status int) {
			e, ok := known[h.target]
			switch {
			case !ok || status == sip.StatusRequestTimeout: // it may have rung all the time
			case status == 0:
				t.heard(l, e, 0, "no answer to a call")
			default:
				t.heard(l, e, status, "answered a call with "+itoa(status))
			}
		},
	}
	p.from, p.headers = l.callerID(o, endpoints[0])
	if o.FollowForwards {
		p.follow = func(contact sip.Uri) ([]hop, error) {
			number := user(contact)
			n, guard := trunk.Allow(number, l.trunk.Outgoing)
			if guard != "" {
				r := &refusal{link: l, guard: guard}
				t.alarm(Alarm{
					Trunk: l.trunk.ID, Kind: guard, Detail: "a forward, " + r.detail(), By: o.By, Number: dialog.Clean(number), Forward: true,
				})
				return nil, r.err()
			}
			return l.hops(l.health.Order(), n), nil
		}
	}
	return p
}

// maxHops bounds how many targets one call tries.
const maxHops = 8

func (l *link) hops(endpoints []trunk.Endpoint, n trunk.Number) []hop {
	hops := make([]hop, 0, len(endpoints))
	for _, e := range endpoints[:min(len(endpoints), maxHops)] {
		hops = append(hops, hop{target: e.String(), transport: e.Transport, peer: e.Peer, serverName: e.Host, recipient: l.uri(e, n)})
	}
	return hops
}

// uri is a number as this trunk is told it.
func (l *link) uri(e trunk.Endpoint, n trunk.Number) sip.Uri {
	u := sip.Uri{Scheme: "sip", User: n.Spell(l.trunk.Outgoing.Form), Host: domainOf(l.trunk, e)}
	u.UriParams.Add("user", "phone")
	return u
}

// preferring is all codecs with one first; none, for all, without a wish.
func preferring(first media.Codec) []media.Codec {
	all := []media.Codec{media.PCMA, media.PCMU, media.G722}
	var codecs []media.Codec
	for i, c := range all {
		if c == first {
			codecs = append(append(append(codecs, c), all[:i]...), all[i+1:]...)
		}
	}
	return codecs
}

// through is the trunk that an INVITE came through, or nil: what the contact of
// a registration says, or else the address that it came from.
func (t *trunks) through(req *sip.Request, from network) *link {
	if l := t.registration(req.Recipient.User); l != nil {
		return l
	}
	return t.link(from.name)
}

// registration is the trunk that a call to one of our contacts comes through,
// or nil.
func (t *trunks) registration(user string) *link {
	for _, l := range t.links() {
		if l.runner != nil && l.token == user {
			return l
		}
	}
	return nil
}

// take completes a call that came in and counts it at its trunk. It fails, with
// the status to refuse with, where it may not be taken.
func (t *trunks) take(l *caller) (status, bool) {
	in, through := &l.incoming, l.through
	if in.Line != "" {
		return status{}, true
	}
	from, _ := t.gateway.acl.find(dialog.Source(l.invite.req).Addr())
	if through == nil {
		in.Trunk, in.Forms = from.name, trunk.Forms(in.To, "")
		return status{}, true
	}
	in.Trunk = through.trunk.ID
	if through.runner != nil && in.To == through.token {
		in.To = calledParty(l.invite.req, through)
	}
	country := through.trunk.Outgoing.Country
	in.From = trunk.Received(in.From, country)
	in.Forms = trunk.Forms(in.To, country)
	release, ok := t.counts.In(through.trunk)
	if !ok {
		// Not 503: by that the provider would take us for broken, and some send
		// no call at all for a while (RFC 3261 §21.5.4).
		return status{code: sip.StatusBusyHere, phrase: "Busy Here"}, false
	}
	l.uncount = release
	return status{}, true
}

// calledParty is what was dialled of a call to a registration's contact: what
// the provider says (RFC 7315 §4.2), what To says, or the account.
func calledParty(req *sip.Request, l *link) string {
	if h := req.GetHeader("P-Called-Party-ID"); h != nil {
		var uri sip.Uri
		if _, err := sip.ParseAddressValue(h.Value(), &uri, &sip.HeaderParams{}); err == nil {
			if number := user(uri); number != "" {
				return number
			}
		}
	}
	if number := user(req.To().Address); number != "" && number != l.token {
		return number
	}
	return dialog.Clean(l.trunk.Username)
}

// callerID is From and the other headers that tell a trunk who calls.
func (l *link) callerID(o Outgoing, e trunk.Endpoint) (sip.FromHeader, []sip.Header) {
	policy, domain := l.trunk.CallerID, domainOf(l.trunk, e)
	number, name := l.caller(o)
	uri := func(user string) sip.Uri { return sip.Uri{Scheme: "sip", User: dialog.CleanUser(user), Host: domain} }
	from := sip.FromHeader{DisplayName: name, Address: uri(number)}
	if number == "" {
		from.Address = uri(accountOf(l.trunk))
	}
	if o.Anonymous {
		// RFC 3323 §4.1.1.3.
		from = sip.FromHeader{DisplayName: "Anonymous", Address: sip.Uri{Scheme: "sip", User: "anonymous", Host: "anonymous.invalid"}}
	}
	var headers []sip.Header
	identity := "P-Asserted-Identity"
	switch policy.Header {
	case ccs.CallerIDFrom:
		identity = ""
	case ccs.CallerIDPreferred:
		identity = "P-Preferred-Identity"
	case ccs.CallerIDAccount:
		from.Address = uri(accountOf(l.trunk))
	}
	if identity != "" && number != "" {
		u := uri(number)
		value := "<" + u.String() + ">"
		if name != "" {
			value = `"` + name + `" ` + value
		}
		headers = append(headers, sip.NewHeader(identity, value))
	}
	if o.Anonymous {
		headers = append(headers, sip.NewHeader("Privacy", "id"))
	}
	return from, headers
}

// caller is the number and the name that are told of a call.
func (l *link) caller(o Outgoing) (number, name string) {
	policy, out := l.trunk.CallerID, l.trunk.Outgoing
	number, name = o.From, o.FromName
	n, err := trunk.Parse(number, out.Country, func(string) bool { return false })
	if policy.Fixed || err != nil && policy.Number != "" {
		// An extension says nothing outside.
		number = policy.Number
		n, err = trunk.Parse(number, out.Country, func(string) bool { return false })
	}
	if policy.Fixed {
		name = policy.Name
	}
	if err == nil {
		number = n.Spell(out.Form)
	}
	if name == "" {
		name = policy.Name
	}
	return dialog.CleanUser(number), dialog.Clean(name)
}

func itoa(n int) string { return strconv.Itoa(n) }
