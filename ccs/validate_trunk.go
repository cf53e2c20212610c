package ccs

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// The bounds of a trunk.
const (
	MaxTargets = 16
	MaxSources = 200

	maxAccount  = 100
	maxPassword = 200
	maxAtOnce   = 100_000
	maxDaily    = 1_000_000
	// The widest network that a trunk may name: more of the Internet than that
	// is no provider's.
	widest4, widest6 = 8, 19
)

var (
	labelForm = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$`)
	// callerForm is a number as a provider wants to see it.
	callerForm = regexp.MustCompile(`^\+?[0-9]{2,20}$`)
	// allowedForm is a prefix of international numbers, or a service number such
	// as 112 in full.
	allowedForm = regexp.MustCompile(`^(\+[0-9]{0,15}|[0-9]{2,6})$`)
)

// Check returns FieldErrors where t has bad values. Whether its name is taken
// is the store's to find.
func (t *Trunk) Check() error {
	var c checker
	c.text("name", t.Name, true, maxName)
	c.targets(t.Targets)
	c.account("username", t.Username, t.Register || t.Password != "" || t.CallerID.Header == CallerIDAccount)
	c.text("password", t.Password, false, maxPassword)
	if t.Domain != "" && !isHost(t.Domain) {
		c.add("domain", CodeFormat)
	}
	c.millis("expires", t.Expires, minute, 24*hour)
	c.networks("sources", t.Sources)
	c.networks("mediaSources", t.MediaSources)
	oneOf(&c, "encryption", t.Encryption, "", EncryptionOff, EncryptionRequired)
	c.callerID(t.CallerID)
	c.outgoing(t.Outgoing)
	within(&c, "maxCalls", t.MaxCalls, 0, maxAtOnce)
	return c.result()
}

func (c *checker) targets(targets []TrunkTarget) {
	if len(targets) == 0 {
		c.add("targets", CodeRequired)
	}
	if len(targets) > MaxTargets {
		c.add("targets", CodeTooMany, "max", MaxTargets)
		return
	}
	seen := make(map[TrunkTarget]bool)
	for i, target := range targets {
		path := fmt.Sprintf("targets[%d]", i)
		if target.Transport == "" {
			target.Transport = UDP
		}
		target.Host = strings.ToLower(target.Host)
		switch {
		case target.Host == "":
			c.add(path+".host", CodeRequired)
		case !isHost(target.Host):
			c.add(path+".host", CodeFormat)
		case seen[target]:
			c.add(path, CodeDuplicate, "value", target.Host)
		}
		seen[target] = true
		within(c, path+".port", target.Port, 0, 65535)
		oneOf(c, path+".transport", target.Transport, UDP, TCP, TLS)
	}
}

// isHost tells whether text is an IP address that somebody can have, without
// brackets, or a DNS name (RFC 1123 §2.1, with the underscore that some have).
func isHost(text string) bool {
	if ip, err := netip.ParseAddr(text); err == nil {
		return ip.Zone() == "" && !ip.IsUnspecified() && !ip.IsMulticast()
	}
	labels := strings.Split(strings.TrimSuffix(text, "."), ".")
	for _, label := range labels {
		if !labelForm.MatchString(label) {
			return false
		}
	}
	// A last label of digits alone is a mistyped IPv4 address.
	return len(text) <= 253 && strings.ContainsFunc(labels[len(labels)-1], func(r rune) bool { return r < '0' || r > '9' })
}

// account checks the user of a digest: what would have to be escaped in a
// header is refused.
func (c *checker) account(field, value string, required bool) {
	c.text(field, value, required, maxAccount)
	if strings.ContainsAny(value, "\"\\<> ") {
		c.add(field, CodeFormat)
	}
}

// networks checks a list of IP addresses and networks.
func (c *checker) networks(field string, list []string) {
	if len(list) > MaxSources {
		c.add(field, CodeTooMany, "max", MaxSources)
		return
	}
	for i, text := range list {
		path := fmt.Sprintf("%s[%d]", field, i)
		prefix, err := ParseNetwork(text)
		if err != nil {
			c.add(path, CodeFormat)
			continue
		}
		widest := widest4
		if prefix.Addr().Is6() {
			widest = widest6
		}
		within(c, path, prefix.Bits(), widest, prefix.Addr().BitLen())
	}
}

// ParseNetwork reads an IP address or a network such as 192.0.2.0/24. An
// address is the network of itself alone.
func ParseNetwork(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		ip, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, err
		}
		return ip.Unmap().WithZone("").Prefix(ip.Unmap().BitLen())
	}
	prefix, err := netip.ParsePrefix(text)
	return prefix.Masked(), err
}

func (c *checker) callerID(id CallerID) {
	if id.Number != "" && !callerForm.MatchString(id.Number) {
		c.add("callerId.number", CodeFormat)
	}
	if id.Fixed && id.Number == "" {
		c.add("callerId.number", CodeRequired)
	}
	c.text("callerId.name", id.Name, false, maxName)
	oneOf(c, "callerId.header", id.Header, "", CallerIDAsserted, CallerIDPreferred, CallerIDFrom, CallerIDAccount)
}

func (c *checker) outgoing(o TrunkOutgoing) {
	c.numbers("outgoing.allowed", o.Allowed)
	c.numbers("outgoing.blocked", o.Blocked)
	switch {
	case o.Country == "" && o.Form == NumberNational:
		c.add("outgoing.country", CodeRequired)
	case o.Country != "" && !isCountry(o.Country):
		c.add("outgoing.country", CodeFormat)
	}
	oneOf(c, "outgoing.form", o.Form, "", NumberPlus, NumberDigits, NumberZeros, NumberNational)
	within(c, "outgoing.maxCalls", o.MaxCalls, 0, maxAtOnce)
	within(c, "outgoing.dailyCalls", o.DailyCalls, 0, maxDaily)
	within(c, "outgoing.dailyPerAgent", o.DailyPerAgent, 0, maxDaily)
}

func isCountry(code string) bool {
	_, ok := slices.BinarySearch(countries, code)
	return ok
}

// numbers checks a list of prefixes of numbers that may, or may not, be called.
func (c *checker) numbers(field string, list []string) {
	if len(list) > MaxPrefixes {
		c.add(field, CodeTooMany, "max", MaxPrefixes)
		return
	}
	seen := make(map[string]bool)
	for i, text := range list {
		path := fmt.Sprintf("%s[%d]", field, i)
		switch {
		case text == "":
			c.add(path, CodeRequired)
		case !allowedForm.MatchString(text):
			c.add(path, CodeFormat)
		case seen[text]:
			c.add(path, CodeDuplicate, "value", text)
		}
		seen[text] = true
	}
}
