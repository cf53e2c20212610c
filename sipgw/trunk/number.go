package trunk

import (
	"errors"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"github.com/carillon-cc/carillon/ccs"
)

// ErrNumber says that a text is no number that could be called.
var ErrNumber = errors.New("not a telephone number")

// Number is a number to be called. It is either complete or, as 112, one of a
// country's service numbers, which have no international form.
type Number struct {
	e164     string
	service  string
	national string // of the trunk's own country, as dialled there; "" elsewhere
	code     int    // country calling code
	premium  bool   // of a premium or shared-cost range, as far as that can be said
}

// The length of service numbers, such as 15 and 118712, in digits.
const minService, maxService = 2, 6

// Parse reads a number as people type it: +33 1…, 00 33 1…, or the national
// form of country, an ISO code or "". What could be a service number is taken
// for one where isService says so.
func Parse(typed, country string, isService func(digits string) bool) (Number, error) {
	raw, ok := digitsOf(typed)
	if !ok {
		return Number{}, ErrNumber
	}
	if len(raw) >= minService && len(raw) <= maxService && raw[0] != '+' && isService(raw) {
		return Number{service: raw}, nil
	}
	p, ok := parse(raw, country, isPossible)
	if !ok {
		return Number{}, ErrNumber
	}
	n := Number{
		e164: phonenumbers.Format(p, phonenumbers.E164),
		code: int(p.GetCountryCode()),

		premium: isPremium(p),
	}
	if country != "" && n.code == phonenumbers.GetCountryCodeForRegion(country) {
		n.national, _ = digitsOf(phonenumbers.Format(p, phonenumbers.NATIONAL))
	}
	return n, nil
}

// String is the number in the form +33…, or a service number as it is dialled.
func (n Number) String() string {
	if n.service != "" {
		return n.service
	}
	return n.e164
}

// Spell writes the number as a provider wants it.
func (n Number) Spell(form ccs.NumberForm) string {
	switch {
	case n.service != "":
		return n.service
	case form == ccs.NumberDigits:
		return n.e164[1:]
	case form == ccs.NumberZeros:
		return "00" + n.e164[1:]
	case form == ccs.NumberNational && n.national != "":
		return n.national
	}
	return n.e164
}

// digitsOf removes what people write between digits, and the brackets around a
// number. ok is false where anything else is in it.
func digitsOf(typed string) (digits string, ok bool) {
	if len(typed) > 64 {
		return "", false
	}
	var b strings.Builder
	for _, r := range typed {
		switch {
		case r >= '0' && r <= '9', r == '+' && b.Len() == 0:
			b.WriteRune(r)
		case strings.ContainsRune(" .-()/\u00a0\u202f", r):
		default:
			return "", false
		}
	}
	digits = b.String()
	return digits, digits != "" && digits != "+"
}

// parse reads a number in any form that country has and fits takes.
func parse(raw, country string, fits func(*phonenumbers.PhoneNumber) bool) (*phonenumbers.PhoneNumber, bool) {
	forms := []string{raw}
	if strings.HasPrefix(raw, "00") {
		// In a country that dials abroad in another way, and without a country,
		// 00 still can mean nothing else.
		forms = append(forms, "+"+raw[2:])
	}
	for _, form := range forms {
		if form[0] != '+' && country == "" {
			continue
		}
		if p, err := phonenumbers.Parse(form, country); err == nil && fits(p) {
			return p, true
		}
	}
	return nil, false
}

// isPossible tells whether a number has a length that its country knows. New
// ranges come faster than tables of them, so no more is asked of a number to
// be called; but digits after the end of a number, which the network would
// ignore, must not hide what it is.
func isPossible(p *phonenumbers.PhoneNumber) bool {
	return phonenumbers.IsPossibleNumberWithReason(p) == phonenumbers.IS_POSSIBLE
}

// isPremium tells whether a number is of a costly range, or may be. Digits after the
// end of a costly number, which the network ignores, do not hide it. A number of no
// range that is known may be a new one; not so what is as short as a service number,
// or begins with one.
func isPremium(p *phonenumbers.PhoneNumber) bool {
	if phonenumbers.IsValidNumber(p) {
		return isCostly(p)
	}
	digits := phonenumbers.GetNationalSignificantNumber(p)
	if len(digits) <= maxService {
		return true
	}
	code := "+" + strconv.Itoa(int(p.GetCountryCode()))
	for end := len(digits) - 1; end >= minService; end-- {
		begin, err := phonenumbers.Parse(code+digits[:end], "")
		switch {
		case err != nil:
		case phonenumbers.IsValidNumber(begin):
			return isCostly(begin)
		case end <= maxService && phonenumbers.IsValidShortNumber(begin):
			return true
		}
	}
	return false
}

func isCostly(p *phonenumbers.PhoneNumber) bool {
	kind := phonenumbers.GetNumberType(p)
	return kind == phonenumbers.PREMIUM_RATE || kind == phonenumbers.SHARED_COST
}

// completeDigits is the least number of digits at which a number without any
// mark may be taken for one that begins with a country code.
const completeDigits = 11

// Received is a number as a trunk tells it, in the form +33… where it is a
// number of the trunk's country or one with a country code; otherwise, as for
// extensions and names, it stays as it is.
func Received(number, country string) string {
	raw, ok := digitsOf(number)
	if !ok || raw[0] == '+' {
		return number
	}
	p, ok := parse(raw, country, phonenumbers.IsValidNumber)
	if !ok && len(raw) >= completeDigits && raw[0] != '0' {
		p, ok = parse("+"+raw, "", phonenumbers.IsValidNumber)
	}
	if !ok {
		return number
	}
	return phonenumbers.Format(p, phonenumbers.E164)
}

// Forms are the ways in which a number that was dialled through a trunk may be
// written where numbers are set up: as it was dialled, +33…, 33…, 0033… and,
// within country, the national form. Nothing is there twice.
func Forms(dialled, country string) []string {
	forms := []string{dialled}
	add := func(form string) {
		for _, f := range forms {
			if f == form {
				return
			}
		}
		forms = append(forms, form)
	}
	n, err := Parse(Received(dialled, country), country, func(string) bool { return false })
	if err != nil {
		return forms
	}
	for _, form := range []ccs.NumberForm{ccs.NumberPlus, ccs.NumberNational, ccs.NumberDigits, ccs.NumberZeros} {
		add(n.Spell(form))
	}
	return forms
}

// callingCode is the country code as numbers begin with it.
func (n Number) callingCode() string { return "+" + strconv.Itoa(n.code) }
