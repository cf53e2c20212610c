package trunk

import (
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"

	"github.com/carillon-cc/carillon/ccs"
)

func TestNumberIsReadAsPeopleTypeIt(t *testing.T) {
	for _, row := range []struct{ typed, country, want string }{
		{"+33 1 23 45 67 89", "", "+33123456789"},
		{"+33 (0)1 23 45 67 89", "", "+33123456789"},
		{"01.23.45.67.89", "FR", "+33123456789"},
		{"00 33 1 23 45 67 89", "FR", "+33123456789"},
		{"0033123456789", "", "+33123456789"},
		{"0033123456789", "US", "+33123456789"},
		{"0011 33 1 23 45 67 89", "AU", "+33123456789"},
		{"011 33 1 23 45 67 89", "US", "+33123456789"},
		{"(212) 555-0123", "US", "+12125550123"},
		{"1-212-555-0123", "US", "+12125550123"},
		{"030 123456", "DE", "+4930123456"},
		{"06 1234 5678", "IT", "+390612345678"},
		{"0123456789", "", ""},
		{"112", "FR", ""},
		{"+112", "FR", ""},
		{"+331234567890123", "FR", ""},
		{"+33899123456 789", "FR", ""},
		{"+", "FR", ""},
		{"", "FR", ""},
		{"1800FLOWERS", "US", ""},
		{"+33123456789;ext=1", "FR", ""},
		{"*31#0123456789", "FR", ""},
		{"++33123456789", "FR", ""},
		{"+33123456789\r\nX: y", "FR", ""},
		{strings.Repeat("0", 1000), "FR", ""},
	} {
		n, err := Parse(row.typed, row.country, func(string) bool { return false })
		if got := n.String(); got != row.want || (err == nil) != (row.want != "") {
			t.Errorf("%q in %q became %q (%v), want %q", row.typed, row.country, got, err, row.want)
		}
	}
}

func TestNumberIsSpeltAsTheProviderWants(t *testing.T) {
	for _, row := range []struct {
		typed, country string
		form           ccs.NumberForm
		want           string
	}{
		{"0123456789", "FR", "", "+33123456789"},
		{"0123456789", "FR", ccs.NumberPlus, "+33123456789"},
		{"0123456789", "FR", ccs.NumberDigits, "33123456789"},
		{"0123456789", "FR", ccs.NumberZeros, "0033123456789"},
		{"+33123456789", "FR", ccs.NumberNational, "0123456789"},
		{"+4930123456", "FR", ccs.NumberNational, "+4930123456"},
		{"+12125550123", "US", ccs.NumberNational, "2125550123"},
		{"+390612345678", "IT", ccs.NumberNational, "0612345678"},
		{"112", "FR", ccs.NumberZeros, "112"},
	} {
		n, err := Parse(row.typed, row.country, func(digits string) bool { return digits == "112" })
		if got := n.Spell(row.form); err != nil || got != row.want {
			t.Errorf("%s as %q is %q (%v), want %q", row.typed, row.form, got, err, row.want)
		}
	}
}

func TestReceivedNumberIsCompleted(t *testing.T) {
	for _, row := range []struct{ number, country, want string }{
		{"0123456789", "FR", "+33123456789"},
		{"0033123456789", "FR", "+33123456789"},
		{"0033123456789", "", "+33123456789"},
		{"33123456789", "FR", "+33123456789"},
		{"33123456789", "", "+33123456789"},
		{"+33123456789", "DE", "+33123456789"},
		{"2125550123", "US", "+12125550123"},
		{"0123456789", "", "0123456789"},
		{"1000", "FR", "1000"},
		{"112", "FR", "112"},
		{"alice", "FR", "alice"},
		{"", "FR", ""},
	} {
		if got := Received(row.number, row.country); got != row.want {
			t.Errorf("%q in %q became %q, want %q", row.number, row.country, got, row.want)
		}
	}
}

func TestDialledNumberIsFoundHoweverItIsWritten(t *testing.T) {
	for _, row := range []struct{ dialled, country, want string }{
		{"0123456789", "FR", "0123456789 +33123456789 33123456789 0033123456789"},
		{"+33123456789", "FR", "+33123456789 0123456789 33123456789 0033123456789"},
		{"33123456789", "", "33123456789 +33123456789 0033123456789"},
		{"1000", "FR", "1000"},
		{"alice", "FR", "alice"},
	} {
		if got := strings.Join(Forms(row.dialled, row.country), " "); got != row.want {
			t.Errorf("%s in %q: %s, want %s", row.dialled, row.country, got, row.want)
		}
	}
}

func TestEveryCountryOfATrunkIsKnown(t *testing.T) {
	known := phonenumbers.GetSupportedRegions()
	if len(ccs.Countries()) != len(known) {
		t.Errorf("%d countries, want %d", len(ccs.Countries()), len(known))
	}
	for _, c := range ccs.Countries() {
		if !known[c] {
			t.Errorf("nothing is known of %s", c)
		}
	}
}

// FuzzNumber checks that whatever is typed, what goes into a SIP URI and what
// the guards look at are digits alone.
func FuzzNumber(f *testing.F) {
	for _, seed := range []string{"+33 1 23 45 67 89", "0123456789", "112", "tel:+1", "+33(0)1", "١٢٣", "00", "+00", "\x00"} {
		f.Add(seed, "FR")
	}
	f.Fuzz(func(t *testing.T, typed, country string) {
		n, err := Parse(typed, country, func(d string) bool { return d == "112" })
		if err != nil {
			return
		}
		for _, form := range []ccs.NumberForm{ccs.NumberPlus, ccs.NumberDigits, ccs.NumberZeros, ccs.NumberNational} {
			spelt := n.Spell(form)
			if spelt == "" || len(spelt) > 20 || strings.Trim(strings.TrimPrefix(spelt, "+"), "0123456789") != "" {
				t.Errorf("%q in %q is spelt %q", typed, country, spelt)
			}
		}
		Forms(typed, country)
	})
}
