package sipgw

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw/dialog"
	"github.com/carillon-cc/carillon/sipgw/trunk"
)

// Level says how good or bad a Finding is.
type Level string

// The levels.
const (
	LevelOK   Level = "ok"
	LevelWarn Level = "warn"
	LevelFail Level = "fail"
)

// Finding is what one check of a trunk found. Its words are in the locales,
// under "doctor.<code>": they say what is wrong and what to do. Params complete
// them; they hold no password.
type Finding struct {
	Check  string            `json:"check"` // settings, dns, reach, tls, register, call, media
	Level  Level             `json:"level"`
	Code   string            `json:"code"`
	Params map[string]string `json:"params,omitempty"`
}

// diagnosis is one examination of a trunk.
type diagnosis struct {
	gateway  *Gateway
	trunks   *trunks
	link     *link
	findings []Finding
	register trunk.Endpoint // that took the registration
}

// Diagnose examines a trunk, saved or not: its names, whether it answers, its
// certificate, the registration and, with a number, a call to it. It takes some
// seconds, with a call up to a minute; ctx may end it before. The gateway must
// run. Calls that run are not disturbed; a registration that runs is renewed.
func (g *Gateway) Diagnose(ctx context.Context, config ccs.Trunk, number string) []Finding {
	d := &diagnosis{gateway: g, trunks: g.trunks}
	if err := config.Check(); err != nil {
		d.add("settings", LevelFail, "settings.bad", "Problem", err.Error())
		return d.findings
	}
	config.Disabled = false
	d.link = g.trunks.newLink(&config, nil)
	endpoints := d.resolve(ctx)
	if len(endpoints) == 0 {
		return d.findings
	}
	d.link.health.Set(endpoints)
	defer g.trunks.invite(endpoints)()
	for _, e := range endpoints {
		if ctx.Err() != nil {
			return d.findings
		}
		d.reach(ctx, e)
	}
	if config.Register {
		if d.signOn(ctx) {
			defer d.signOff()
		}
	} else {
		own := g.publicAddress(g.localFor(endpoints[0].Transport, endpoints[0].Peer))
		d.add("register", LevelOK, "register.none", "Address", own.String())
	}
	if number != "" && ctx.Err() == nil {
		d.call(ctx, number)
	}
	return d.findings
}

// add notes a finding; params alternate names and values.
func (d *diagnosis) add(check string, level Level, code string, params ...string) {
	f := Finding{Check: check, Level: level, Code: code}
	for i := 0; i+1 < len(params); i += 2 {
		if f.Params == nil {
			f.Params = make(map[string]string)
		}
		f.Params[params[i]] = dialog.Clean(params[i+1])
	}
	d.findings = append(d.findings, f)
}

// resolve looks the targets up.
func (d *diagnosis) resolve(ctx context.Context) []trunk.Endpoint {
	var all []trunk.Endpoint
	for _, target := range d.link.trunk.Targets {
		found, err := trunk.Resolve(ctx, d.gateway.cfg.Resolver, target, d.gateway.canReach)
		name := target.Host
		if err != nil {
			problem := err.Error()
			if dns := (*net.DNSError)(nil); errors.As(err, &dns) {
				problem = dns.Err // the rest names the host once more
			}
			d.add("dns", LevelFail, "dns.failed", "Host", name, "Problem", problem)
			continue
		}
		if _, literal := netip.ParseAddr(name); literal != nil {
			addresses := make([]string, len(found))
			for i, e := range found {
				addresses[i] = e.Peer.String()
			}
			d.add("dns", LevelOK, "dns.ok", "Host", name, "Addresses", strings.Join(addresses, ", "))
		}
		all = append(all, found...)
	}
	return all
}

// invite lets answers of endpoints in until the function that it returns is
// called.
func (t *trunks) invite(endpoints []trunk.Endpoint) (leave func()) {
	t.mu.Lock()
	for _, e := range endpoints {
		t.guests[e.Peer.Addr()]++
	}
	t.mu.Unlock()
	t.admit()
	return func() {
		for _, e := range endpoints {
			t.dismiss(e.Peer.Addr())
		}
	}
}

// signOn registers, and says what the provider said.
func (d *diagnosis) signOn(ctx context.Context) bool {
	expires := d.link.trunk.Expires.Or(trunk.DefaultExpires)
	for _, e := range d.link.health.Order() {
		o := d.trunks.register(ctx, d.link, e, expires)
		if o.Status == 423 && o.MinExpires > expires {
			expires = o.MinExpires
			o = d.trunks.register(ctx, d.link, e, expires)
		}
		said := itoa(o.Status) + " " + o.Phrase
		switch {
		case o.Status/100 == 2:
			granted := o.Granted
			if granted == 0 {
				granted = expires
			}
			d.register = e
			d.add("register", LevelOK, "register.ok", "Target", e.String(), "Seconds", itoa(int(granted/time.Second)))
			return true
		case o.Status == 0:
			d.add("register", LevelFail, "register.silent", "Target", e.String(), "Problem", o.Err.Error())
		case o.Status == 401 || o.Status == 403 || o.Status == 407:
			d.add("register", LevelFail, "register.refused", "Target", e.String(), "Said", said)
		case o.Status == 404:
			d.add("register", LevelFail, "register.unknown", "Target", e.String(), "Said", said)
		default:
			d.add("register", LevelFail, "register.failed", "Target", e.String(), "Said", said)
		}
	}
	return false
}

// signOff ends the registration of the examination. Providers that keep one
// contact alone forgot that of the trunk itself.
func (d *diagnosis) signOff() {
	ctx, cancel := context.WithTimeout(d.gateway.sending, registerTimeout)
	defer cancel()
	d.trunks.register(ctx, d.link, d.register, 0)
	if l := d.trunks.link(d.link.trunk.ID); l != nil && l.runner != nil {
		l.runner.Soon()
	}
}
