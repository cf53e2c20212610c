package server

import (
	"slices"
	"strings"
	"unicode"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/flow"
	"github.com/carillon-cc/carillon/sipgw/trunk"
)

// destination is whom a number or a bridge means: exactly one field is set, or
// none.
type destination struct {
	agent   string      // id
	line    *ccs.Line   // a telephone of ours
	number  *ccs.Number // a number of ours, which has a plan
	outside string      // a number beyond, as it was dialled
}

// none tells whether nobody is meant.
func (d destination) none() bool { return d == (destination{}) }

// resolve finds out whom a number means: our own numbers and lines come first, as
// they were dialled, then in the other forms that the number has in the country of
// the trunk it came through, or, where that is "", of any trunk.
func resolve(s *flow.Snapshot, dialled, country string) destination {
	dialled = compact(dialled)
	if dialled == "" {
		return destination{}
	}
	if d := own(s, dialled); !d.none() {
		return d
	}
	countries := []string{country}
	if country == "" {
		for _, t := range s.Trunks {
			if c := t.Outgoing.Country; c != "" && !t.Disabled && !slices.Contains(countries, c) {
				countries = append(countries, c)
			}
		}
		slices.Sort(countries)
	}
	for _, country := range countries {
		for _, form := range trunk.Forms(dialled, country) {
			if d := own(s, form); !d.none() {
				return d
			}
		}
	}
	return destination{outside: dialled}
}

// compact drops what people write between the digits of a number; names stay as
// they are.
func compact(number string) string {
	if strings.ContainsFunc(number, unicode.IsLetter) {
		return number
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" .-()/", r) {
			return -1
		}
		return r
	}, number)
}

// own is who has a number with us, written just so.
func own(s *flow.Snapshot, number string) destination {
	if n := s.Numbers[number]; n != nil {
		return destination{number: n}
	}
	if l := s.LineOf(number); l != nil && !l.Disabled {
		return destination{line: l}
	}
	return destination{}
}

// forwarded is where the forwards of lines lead, from one to the next; told is told
// of each. by is the last line that forwards, which pays for a call outside, nil
// where none does. Forwards that lead round and round end at nobody.
func forwarded(s *flow.Snapshot, d destination, told func(*ccs.Line)) (to destination, by *ccs.Line) {
	for hops := 0; d.line != nil && d.line.Forward != "" && !d.line.Disabled; hops++ {
		if hops == maxHops {
			return destination{}, by
		}
		by = d.line
		told(by)
		d = resolve(s, by.Forward, "")
	}
	return d, by
}

// bridged is whom a plan's bridge means.
func bridged(s *flow.Snapshot, b *ccs.Bridge) destination {
	switch {
	case b.Agent != "":
		return destination{agent: b.Agent}
	case b.Line != "":
		return destination{line: s.Lines[b.Line]}
	}
	return resolve(s, b.Number, "")
}
