package web

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strings"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
	"github.com/carillon-cc/carillon/ui"
)

// trunkCreate adds a trunk.
func (w *Web) trunkCreate(rw http.ResponseWriter, r *http.Request) {
	w.storeTrunk(rw, r, nil)
}

// trunkSave changes a trunk.
func (w *Web) trunkSave(rw http.ResponseWriter, r *http.Request) {
	t, err := w.o.Tables.Trunks.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		w.failed(rw, r, "read a trunk", err)
		return
	}
	w.storeTrunk(rw, r, t)
}

func (w *Web) storeTrunk(rw http.ResponseWriter, r *http.Request, stored *ccs.Trunk) {
	e, ok := w.readEntry(rw, r, w.texts(r), "trunk")
	if !ok {
		return
	}
	t, current := ccs.Trunk{}, int64(0)
	if stored != nil {
		t, current = *stored, stored.Revision
	}
	t.Revision = e.Revision
	e.trunk(&t)
	if e.good() {
		taken, err := w.trunkNamed(r.Context(), &t)
		if err != nil {
			w.failed(rw, r, "look for the name of a trunk", err)
			return
		}
		if taken {
			e.fault("name", "taken")
		}
	}
	if e.good() {
		done, err := e.stored(w.o.Tables.Trunks.Put(r.Context(), &t), "", func() int64 { return current })
		if err != nil {
			w.failed(rw, r, "store a trunk", err)
			return
		}
		if done {
			// To its own page, which tells at once whether it works.
			w.done(rw, r, "/trunks/"+t.ID, "trunk.saved", t.Name)
			return
		}
	}
	e.Arrange(e.texts, "trunk", "name", "targets", "username", "password", "callerId.number", "outgoing.country", "outgoing", "callerId", "sources", "mediaSources")
	w.trunkForm(rw, r, e.status(), stored, nil, e.Form)
}

// trunkNamed tells whether another trunk has the name.
func (w *Web) trunkNamed(ctx context.Context, t *ccs.Trunk) (bool, error) {
	trunks, _, err := w.o.Tables.Trunks.List(ctx, store.Query{})
	if err != nil {
		return false, err
	}
	for _, other := range trunks {
		if other.ID != t.ID && strings.EqualFold(other.Name, t.Name) {
			return true, nil
		}
	}
	return false, nil
}

// trunk reads all fields.
func (e *entry) trunk(t *ccs.Trunk) {
	t.Name, t.Domain, t.Expires, t.MaxCalls = e.Value("name"), e.Value("domain"), e.seconds("expires"), e.number("maxCalls")
	t.Targets = e.targets()
	t.Sources, t.MediaSources = e.words("sources"), e.words("mediaSources")
	t.Encryption = ""
	if e.On("encrypted") {
		t.Encryption = ccs.EncryptionRequired
	}
	t.Trusted, t.Disabled = e.On("trusted"), e.On("disabled")
	t.CallerID = ccs.CallerID{
		Number: e.telephone("callerId.number"), Name: e.Value("callerId.name"), Fixed: e.On("callerId.fixed"),
		Header: ccs.CallerIDHeader(e.Value("callerId.header")),
	}
	t.Outgoing = ccs.TrunkOutgoing{
		Allowed: e.words("outgoing.allowed"), Blocked: e.words("outgoing.blocked"),
		Country: e.Value("outgoing.country"), Form: ccs.NumberForm(e.Value("outgoing.form")),
		MaxCalls: e.number("outgoing.maxCalls"), DailyCalls: e.number("outgoing.dailyCalls"), DailyPerAgent: e.number("outgoing.dailyPerAgent"),
	}
	e.account(t)
	e.check(t.Check(), "sources", "mediaSources", "outgoing.allowed", "outgoing.blocked")
	e.atFields()
}

// account reads how Carillon is known to the provider. A password that was not
// typed stays what it is.
func (e *entry) account(t *ccs.Trunk) {
	signOn := e.Value("signOn")
	t.Register = signOn == ui.SignOnAccount
	if signOn != ui.SignOnAccount && signOn != ui.SignOnBoth {
		t.Username, t.Password = "", ""
		return
	}
	t.Username = e.Value("username")
	if password := e.Value("password"); password != "" {
		t.Password = password
	}
	if t.Password == "" {
		e.fault("password", ccs.CodeRequired)
	}
	if t.Username == "" && !t.Register {
		e.fault("username", ccs.CodeRequired)
	}
}

// targets reads the provider's addresses. Rows without one are dropped, and the
// form shows the others without gaps.
func (e *entry) targets() []ccs.TrunkTarget {
	var kept []ccs.TrunkTarget
	old := e.Values
	for i := range ccs.MaxTargets + 1 {
		at := fmt.Sprintf("targets[%d].", i)
		host, port, transport := old.Get(at+"host"), old.Get(at+"port"), old.Get(at+"transport")
		for _, field := range []string{"host", "port", "transport"} {
			old.Del(at + field)
		}
		if host == "" {
			continue
		}
		host, port = plainHost(host, port)
		n := len(kept)
		setTarget(old, n, host, port, transport)
		kept = append(kept, ccs.TrunkTarget{
			Host: host, Port: e.number(fmt.Sprintf("targets[%d].port", n)), Transport: ccs.Transport(transport),
		})
	}
	if len(kept) == 0 {
		setTarget(old, 0, "", "", string(ccs.UDP))
	}
	return kept
}

// plainHost takes an address apart that was pasted as a whole, such as
// sip:sip.example.com:5060.
func plainHost(host, port string) (plain, itsPort string) {
	for _, scheme := range []string{"sips:", "sip:"} {
		if rest, ok := strings.CutPrefix(strings.ToLower(host), scheme); ok {
			host = rest
		}
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return host, port // IPv6 has colons of its own
	}
	if h, p, err := net.SplitHostPort(host); err == nil && port == "" {
		return h, p
	}
	return strings.Trim(host, "[]"), port
}

var targetRow = regexp.MustCompile(`^targets(\[\d+\])?$`)

// atFields moves what is wrong with an address as a whole to its field.
func (e *entry) atFields() {
	for i, p := range e.Problems {
		if p.Field == "targets" {
			p.Field = "targets[0]"
		}
		if targetRow.MatchString(p.Field) {
			e.Problems[i].Field = p.Field + ".host"
		}
	}
}
