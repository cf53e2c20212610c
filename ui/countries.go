package ui

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/collate"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"github.com/carillon-cc/carillon/ccs"
)

// Country is one in which a provider's numbers are.
type Country struct {
	Code    string // ISO 3166
	Name    string
	Calling string // such as +33
	// Example is a number of the country as each NumberForm spells it.
	Example map[string]string
}

// union are the members of the European Union.
var union = strings.Fields("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK")

// UnionPrefixes are the prefixes of all numbers in the European Union.
var UnionPrefixes = sync.OnceValue(func() string {
	var codes []string
	for _, region := range union {
		codes = append(codes, callingCode(region))
	}
	slices.Sort(codes)
	return strings.Join(slices.Compact(codes), " ")
})

func callingCode(region string) string {
	return "+" + strconv.Itoa(phonenumbers.GetCountryCodeForRegion(region))
}

// numbering is what is known of the numbers of all countries, without names.
var numbering = sync.OnceValue(func() []Country {
	var list []Country
	for _, code := range ccs.Countries() {
		number := phonenumbers.GetExampleNumber(code)
		if number == nil {
			continue
		}
		plus := phonenumbers.Format(number, phonenumbers.E164)
		digits := strings.TrimPrefix(plus, "+")
		national := strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, phonenumbers.Format(number, phonenumbers.NATIONAL))
		list = append(list, Country{Code: code, Calling: callingCode(code), Example: map[string]string{
			string(ccs.NumberPlus): plus, string(ccs.NumberDigits): digits, string(ccs.NumberZeros): "00" + digits, string(ccs.NumberNational): national,
		}})
	}
	return list
})

// Countries lists all countries by their names in a language.
func (t *Texts) Countries() []Country {
	list := slices.Clone(numbering())
	tag := language.Make(t.Language)
	names := display.Regions(tag)
	for i := range list {
		list[i].Name = list[i].Code
		if region, err := language.ParseRegion(list[i].Code); err == nil && names.Name(region) != "" {
			list[i].Name = names.Name(region)
		}
	}
	order := collate.New(tag)
	slices.SortFunc(list, func(a, b Country) int { return order.CompareString(a.Name, b.Name) })
	return list
}

// CountryOf finds a country in a list, an empty one where it is not there.
func CountryOf(list []Country, code string) Country {
	for _, c := range list {
		if c.Code == code {
			return c
		}
	}
	return Country{}
}
