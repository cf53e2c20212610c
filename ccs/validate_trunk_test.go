package ccs

import (
	"strings"
	"testing"
)

func TestCheckOfATrunkNamesFieldAndReason(t *testing.T) {
	trunk := func(change func(*Trunk)) *Trunk {
		v := Trunk{Name: "carrier", Targets: []TrunkTarget{{Host: "sip.example.com"}}}
		change(&v)
		return &v
	}
	target := func(v TrunkTarget) *Trunk { return trunk(func(t *Trunk) { t.Targets = []TrunkTarget{v} }) }
	out := func(v TrunkOutgoing) *Trunk { return trunk(func(t *Trunk) { t.Outgoing = v }) }
	source := func(v ...string) *Trunk { return trunk(func(t *Trunk) { t.Sources = v }) }
	rows := []struct {
		name  string
		value *Trunk
		want  string
	}{
		{"the least", trunk(func(*Trunk) {}), ""},
		{"everything", trunk(func(v *Trunk) {
			v.Targets = []TrunkTarget{{Host: "192.0.2.1", Port: 5060, Transport: UDP}, {Host: "2001:db8::1", Transport: TLS}, {Host: "_a.sip-1.example.com."}}
			v.Register, v.Username, v.Password, v.Domain, v.Expires = true, "0033123456789", "s3cret, ünd more", "example.com", 10*minute
			v.Sources, v.MediaSources = []string{"192.0.2.0/24", "2001:db8::/32"}, []string{"192.0.2.7"}
			v.Encryption, v.MaxCalls = EncryptionRequired, 30
			v.CallerID = CallerID{Number: "+33123456789", Name: "Société", Fixed: true, Header: CallerIDAccount}
			v.Outgoing = TrunkOutgoing{
				Allowed: []string{"+33", "+", "112"}, Blocked: []string{"+3389"}, Country: "FR", Form: NumberNational,
				MaxCalls: 10, DailyCalls: 500, DailyPerAgent: 50,
			}
		}), ""},
		{"nothing", &Trunk{}, "name required\ntargets required"},
		{"too many targets", trunk(func(v *Trunk) { v.Targets = make([]TrunkTarget, 17) }), "targets tooMany"},
		{"no host", target(TrunkTarget{}), "targets[0].host required"},
		{"host with a scheme", target(TrunkTarget{Host: "sip:example.com"}), "targets[0].host format"},
		{"host with a port", target(TrunkTarget{Host: "example.com:5060"}), "targets[0].host format"},
		{"host with a space", target(TrunkTarget{Host: "example. com"}), "targets[0].host format"},
		{"mistyped address", target(TrunkTarget{Host: "192.0.2.256"}), "targets[0].host format"},
		{"address in brackets", target(TrunkTarget{Host: "[2001:db8::1]"}), "targets[0].host format"},
		{"every address", target(TrunkTarget{Host: "0.0.0.0"}), "targets[0].host format"},
		{"long label", target(TrunkTarget{Host: strings.Repeat("a", 64) + ".com"}), "targets[0].host format"},
		{"port", target(TrunkTarget{Host: "a.example", Port: 65536}), "targets[0].port outOfRange"},
		{"transport", target(TrunkTarget{Host: "a.example", Transport: "sctp"}), "targets[0].transport unknownValue"},
		{
			"same target twice", trunk(func(v *Trunk) { v.Targets = []TrunkTarget{{Host: "a.example"}, {Host: "A.example", Transport: UDP}} }),
			"targets[1] duplicate",
		},
		{"registration without an account", trunk(func(v *Trunk) { v.Register = true }), "username required"},
		{"password without an account", trunk(func(v *Trunk) { v.Password = "x" }), "username required"},
		{"account as the caller without one", trunk(func(v *Trunk) { v.CallerID.Header = CallerIDAccount }), "username required"},
		{"account with a quote", trunk(func(v *Trunk) { v.Username = `a"b` }), "username format"},
		{"password with a line end", trunk(func(v *Trunk) { v.Username, v.Password = "a", "x\r\ny" }), "password format"},
		{"domain", trunk(func(v *Trunk) { v.Domain = "exa mple" }), "domain format"},
		{"short registration", trunk(func(v *Trunk) { v.Expires = second }), "expires outOfRange"},
		{"source that is no address", source("192.0.2.1", "provider"), "sources[1] format"},
		{"source that is everybody", source("0.0.0.0/0"), "sources[0] outOfRange"},
		{"source that is everybody in IPv6", source("::/0"), "sources[0] outOfRange"},
		{"media source", trunk(func(v *Trunk) { v.MediaSources = []string{"x"} }), "mediaSources[0] format"},
		{"encryption", trunk(func(v *Trunk) { v.Encryption = "some" }), "encryption unknownValue"},
		{"caller's number", trunk(func(v *Trunk) { v.CallerID.Number = "01 23" }), "callerId.number format"},
		{"fixed caller without a number", trunk(func(v *Trunk) { v.CallerID.Fixed = true }), "callerId.number required"},
		{"caller's header", trunk(func(v *Trunk) { v.CallerID.Header = "x" }), "callerId.header unknownValue"},
		{"empty prefix", out(TrunkOutgoing{Allowed: []string{""}}), "outgoing.allowed[0] required"},
		{"prefix in the national form", out(TrunkOutgoing{Allowed: []string{"+33", "0123456789"}}), "outgoing.allowed[1] format"},
		{"same prefix twice", out(TrunkOutgoing{Blocked: []string{"+33", "+33"}}), "outgoing.blocked[1] duplicate"},
		{"unknown country", out(TrunkOutgoing{Country: "XX"}), "outgoing.country format"},
		{"country in small letters", out(TrunkOutgoing{Country: "fr"}), "outgoing.country format"},
		{"national form without a country", out(TrunkOutgoing{Form: NumberNational}), "outgoing.country required"},
		{"form", out(TrunkOutgoing{Form: "x"}), "outgoing.form unknownValue"},
		{
			"limits", trunk(func(v *Trunk) {
				v.MaxCalls, v.Outgoing = -1, TrunkOutgoing{MaxCalls: -1, DailyCalls: -1, DailyPerAgent: -1}
			}),
			"outgoing.maxCalls outOfRange\noutgoing.dailyCalls outOfRange\noutgoing.dailyPerAgent outOfRange\nmaxCalls outOfRange",
		},
	}
	for _, row := range rows {
		if got := problems(t, row.value.Check()); got != row.want {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
}

func TestAddressIsTheNetworkOfItself(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.1": "192.0.2.1/32", "192.0.2.9/24": "192.0.2.0/24", "2001:db8::1": "2001:db8::1/128", "::ffff:192.0.2.1": "192.0.2.1/32",
	} {
		if got, err := ParseNetwork(text); err != nil || got.String() != want {
			t.Errorf("%s became %v (%v), want %s", text, got, err, want)
		}
	}
}

// FuzzTrunkHost checks that no host that passes could carry more than a name
// into a header or a look-up.
func FuzzTrunkHost(f *testing.F) {
	for _, seed := range []string{"sip.example.com", "192.0.2.1", "2001:db8::1", "a\r\nb", "..", "_sip._udp.x", "é.fr", "fe80::1%eth0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, host string) {
		if isHost(host) && (strings.ContainsAny(host, " \r\n<>\"@;/%[]") || len(host) > 253) {
			t.Errorf("%q passed", host)
		}
	})
}
