package ccs

import (
	"fmt"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Code says what is wrong with a value. The UI has a text for each in every
// language, which it completes with the parameters.
type Code string

// The codes of FieldError and their parameters.
const (
	CodeRequired     Code = "required"     // nothing given
	CodeTooLong      Code = "tooLong"      // max: characters
	CodeTooMany      Code = "tooMany"      // max: entries
	CodeOutOfRange   Code = "outOfRange"   // min, max: in the unit of the field
	CodeFormat       Code = "format"       // not of the form that the field takes
	CodeUnknownValue Code = "unknownValue" // allowed: list separated by commas
	CodeDuplicate    Code = "duplicate"    // value: what is there more than once
	CodeExactlyOne   Code = "exactlyOne"   // nothing, or more than one thing, is chosen
	CodeOverlap      Code = "overlap"      // other: index of the row that overlaps
	CodeOwn          Code = "own"          // the object itself, where another one is needed
)

// FieldError says what is wrong with one field of an object.
type FieldError struct {
	Field  string         `json:"field"` // path of JSON names, such as "keys[2].keys"
	Code   Code           `json:"code"`
	Params map[string]any `json:"params,omitempty"`
}

// Error is for logs and the API; pages make their own text of the code.
func (e FieldError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", e.Field, e.Code)
	names := make([]string, 0, len(e.Params))
	for name := range e.Params {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(&b, " %s=%v", name, e.Params[name])
	}
	return b.String()
}

// FieldErrors is everything that is wrong with an object.
type FieldErrors []FieldError

// Error joins the errors.
func (e FieldErrors) Error() string {
	parts := make([]string, len(e))
	for i, f := range e {
		parts[i] = f.Error()
	}
	return strings.Join(parts, "; ")
}

// checker collects the errors of one object.
type checker struct{ errs FieldErrors }

// result is nil where nothing was wrong; it keeps a nil list from becoming a
// non-nil error.
func (c *checker) result() error {
	if len(c.errs) == 0 {
		return nil
	}
	return c.errs
}

// add notes an error; params alternate names and values.
func (c *checker) add(field string, code Code, params ...any) {
	e := FieldError{Field: field, Code: code}
	for i := 0; i+1 < len(params); i += 2 {
		if e.Params == nil {
			e.Params = make(map[string]any)
		}
		e.Params[params[i].(string)] = params[i+1]
	}
	c.errs = append(c.errs, e)
}

// text checks a text of one line: at most limit characters, none of them a
// control character.
func (c *checker) text(field, value string, required bool, limit int) {
	switch {
	case required && strings.TrimSpace(value) == "":
		c.add(field, CodeRequired)
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		c.add(field, CodeFormat)
	case utf8.RuneCountInString(value) > limit:
		c.add(field, CodeTooLong, "max", limit)
	}
}

// id checks a reference to another object: its form, not whether it exists. An
// empty one passes: where a reference is needed, package flow says so.
func (c *checker) id(field, value string) {
	if len(value) > maxID {
		c.add(field, CodeTooLong, "max", maxID)
	} else if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
		c.add(field, CodeFormat)
	}
}

// within checks a number's range, both ends included.
func within[N ~int | ~int64](c *checker, field string, value, low, high N) {
	if value < low || value > high {
		c.add(field, CodeOutOfRange, "min", int64(low), "max", int64(high))
	}
}

// millis checks a span of time; 0, the default, passes.
func (c *checker) millis(field string, value, low, high Millis) {
	if value != 0 {
		within(c, field, value, low, high)
	}
}

// oneOf checks a value of an enumeration.
func oneOf[S ~string](c *checker, field string, value S, allowed ...S) {
	names := make([]string, 0, len(allowed))
	for _, a := range allowed {
		if value == a {
			return
		}
		if a != "" {
			names = append(names, string(a))
		}
	}
	c.add(field, CodeUnknownValue, "allowed", strings.Join(names, ","))
}

// prompt checks that p names at most one thing.
func (c *checker) prompt(field string, p Prompt) {
	set := 0
	for _, name := range []string{p.Sound, p.VoiceText, p.Builtin} {
		if name != "" {
			set++
		}
	}
	if set > 1 {
		c.add(field, CodeExactlyOne)
		return
	}
	c.id(field+".sound", p.Sound)
	c.id(field+".voiceText", p.VoiceText)
	if p.Builtin != "" {
		oneOf(c, field+".builtin", p.Builtin, builtins...)
	}
}
