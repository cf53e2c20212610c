package flow

import "strings"

// region is what turns a country's national form of numbers into E.164.
type region struct {
	code          string // country code
	trunk         string // first digit of national numbers that E.164 drops, if any
	international string // what is dialled before a country code
	least, most   int    // digits of a national number, where there is no trunk digit
}

// regions are those of the countries that Carillon knows best (spec 3.2), by
// the time zone of a plan: it is the only thing in a plan that says where it
// lives.
var regions = map[string]region{
	"Europe/Paris":        {"33", "0", "00", 0, 0},
	"Europe/Brussels":     {"32", "0", "00", 0, 0},
	"Europe/Zurich":       {"41", "0", "00", 0, 0},
	"Europe/Luxembourg":   {"352", "", "00", 6, 11},
	"Europe/Berlin":       {"49", "0", "00", 0, 0},
	"Europe/Madrid":       {"34", "", "00", 9, 9},
	"Europe/Rome":         {"39", "", "00", 8, 11},
	"Europe/London":       {"44", "0", "00", 0, 0},
	"America/New_York":    northAmerica,
	"America/Detroit":     northAmerica,
	"America/Chicago":     northAmerica,
	"America/Denver":      northAmerica,
	"America/Phoenix":     northAmerica,
	"America/Los_Angeles": northAmerica,
	"America/Anchorage":   northAmerica,
	"America/Toronto":     northAmerica,
	"America/Montreal":    northAmerica,
	"America/Winnipeg":    northAmerica,
	"America/Edmonton":    northAmerica,
	"America/Vancouver":   northAmerica,
	"America/Halifax":     northAmerica,
	"America/St_Johns":    northAmerica,
}

var northAmerica = region{code: "1", international: "011", least: 10, most: 10}

// regionOf is where a plan lives. Elsewhere than in the regions known, only
// international forms are understood.
func regionOf(timeZone string) region {
	if r, ok := regions[timeZone]; ok {
		return r
	}
	return region{international: "00"}
}

// fullLength is the least number of digits at which a number without + or
// other mark may be taken for one that begins with a country code: national
// numbers and extensions are shorter.
const fullLength = 11

// fits tells whether a received number begins with a prefix. Both may be
// written internationally (+33…, 0033…) or nationally (01…), each in its own
// way. A prefix without any mark, such as 10, means numbers as they are
// received, such as the extension 1000, and not the country +10.
func fits(number, prefix string, home region) bool {
	raw := strip(number)
	if raw == "" || prefix == "" {
		return false
	}
	if strings.HasPrefix(raw, prefix) {
		return true
	}
	want := prefix
	switch {
	case strings.HasPrefix(prefix, "+"):
	case home.international != "" && strings.HasPrefix(prefix, home.international):
		want = "+" + prefix[len(home.international):]
	case home.trunk != "" && strings.HasPrefix(prefix, home.trunk):
		want = "+" + home.code + prefix[len(home.trunk):]
	case len(prefix) >= fullLength:
		want = "+" + prefix
	default:
		return false
	}
	return strings.HasPrefix(international(raw, home), want)
}

// international is the E.164 form of a number with a leading +, or the number
// itself where it is none that this can be said of (an extension, a name).
func international(raw string, home region) string {
	if strings.HasPrefix(raw, "+") || strings.ContainsFunc(raw, func(r rune) bool { return r < '0' || r > '9' }) {
		return raw
	}
	switch {
	case home.international != "" && strings.HasPrefix(raw, home.international):
		return "+" + raw[len(home.international):]
	case home.trunk != "" && strings.HasPrefix(raw, home.trunk):
		return "+" + home.code + raw[len(home.trunk):]
	case home.most > 0 && len(raw) >= home.least && len(raw) <= home.most:
		return "+" + home.code + raw
	case len(raw) >= fullLength && raw[0] != '0':
		return "+" + raw
	}
	return raw
}

// strip removes what people write between digits.
func strip(number string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" .-()/", r) {
			return -1
		}
		return r
	}, number)
}
