package trunk

import (
	"slices"
	"strings"

	"github.com/carillon-cc/carillon/ccs"
)

// Guard names what stopped an outgoing call.
type Guard string

// The guards. Each has its words in the locales, under "guard.<name>".
const (
	GuardNumber   Guard = "number"   // not a number
	GuardPrefix   Guard = "prefix"   // no allowed prefix has it
	GuardBlocked  Guard = "blocked"  // a blocked prefix has it
	GuardPremium  Guard = "premium"  // a costly range that no allowed prefix names
	GuardCalls    Guard = "calls"    // the trunk has as many calls as it may
	GuardOutgoing Guard = "outgoing" // as many outgoing calls as it may
	GuardDaily    Guard = "daily"    // as many today as it may
	GuardAgent    Guard = "agent"    // the agent or line had as many today as it may
)

// costlyCodes are the country codes that belong to satellites, to networks
// without a country and to shared or premium rates.
var costlyCodes = []string{"+808", "+870", "+878", "+881", "+882", "+883", "+888", "+979"}

// Allow reads a number that is to be called through a trunk and checks it
// against what the trunk allows. guard is "" where it may be called.
//
// The longest prefix of Allowed and Blocked decides; Blocked does where both
// have it. Service numbers must be listed as they are. A number of a costly
// range needs a prefix that names the range: at least two digits beyond the
// country code, or a whole code of costlyCodes.
func Allow(typed string, o ccs.TrunkOutgoing) (n Number, guard Guard) {
	n, err := Parse(typed, o.Country, func(digits string) bool { return slices.Contains(o.Allowed, digits) })
	if err != nil {
		return Number{}, GuardNumber
	}
	if n.service != "" {
		if slices.Contains(o.Blocked, n.service) {
			return n, GuardBlocked
		}
		return n, ""
	}
	allowed, blocked := longest(o.Allowed, n.e164), longest(o.Blocked, n.e164)
	switch {
	case allowed == "":
		return n, GuardPrefix
	case len(blocked) >= len(allowed):
		return n, GuardBlocked
	case !n.costNamedBy(allowed):
		return n, GuardPremium
	}
	return n, ""
}

// costNamedBy tells whether an allowed prefix is enough for what a number costs.
func (n Number) costNamedBy(allowed string) bool {
	for _, code := range costlyCodes {
		if strings.HasPrefix(n.e164, code) {
			return strings.HasPrefix(allowed, code)
		}
	}
	if n.premium {
		return len(allowed) >= len(n.callingCode())+2
	}
	return true
}

// longest is the longest of the prefixes that a number begins with, "" if none.
func longest(prefixes []string, number string) string {
	found := ""
	for _, p := range prefixes {
		if len(p) > len(found) && strings.HasPrefix(number, p) {
			found = p
		}
	}
	return found
}
