package ui

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/carillon-cc/carillon/ccs"
)

// Form is what was typed into a page's form and what is wrong with it. Fields
// are named by their paths in JSON, such as "targets[0].host", as
// ccs.FieldError names them.
type Form struct {
	Values   url.Values
	Problems []FieldProblem
	// Revision is that of the object as the form shows it, 0 for a new one.
	Revision int64
	// Conflict says that somebody else has changed the object meanwhile.
	Conflict bool
}

// FieldProblem is what is wrong with a field, in words.
type FieldProblem struct {
	Field string
	Label string // of the field, "" where it has none
	Text  string
}

// New tells whether the object does not exist yet.
func (f *Form) New() bool { return f.Revision == 0 }

// Value is what a field has, "" where it has nothing.
func (f *Form) Value(name string) string { return f.Values.Get(name) }

// On tells whether a field that is ticked is.
func (f *Form) On(name string) bool { return f.Values.Get(name) != "" }

// Is tells whether a field has this value.
func (f *Form) Is(name, value string) bool { return f.Values.Get(name) == value }

// Problem is what is wrong with a field, "" where nothing is.
func (f *Form) Problem(name string) string {
	for _, p := range f.Problems {
		if p.Field == name {
			return p.Text
		}
	}
	return ""
}

// ProblemWithin tells whether something is wrong with one of these fields, or
// with a part of it.
func (f *Form) ProblemWithin(names ...string) bool {
	for _, p := range f.Problems {
		for _, name := range names {
			if p.Field == name || strings.HasPrefix(p.Field, name+".") || strings.HasPrefix(p.Field, name+"[") {
				return true
			}
		}
	}
	return false
}

// First tells whether a field is the first one with a problem, which takes the
// focus.
func (f *Form) First(name string) bool { return len(f.Problems) > 0 && f.Problems[0].Field == name }

// Add notes what is wrong with a field.
func (f *Form) Add(field, text string) {
	f.Problems = append(f.Problems, FieldProblem{Field: field, Text: text})
}

// Arrange names the fields of the problems, and puts them into the order of the
// page, as order lists its fields. kind is that of the object.
func (f *Form) Arrange(t *Texts, kind string, order ...string) {
	place := func(field string) int {
		for i, name := range order {
			if field == name || strings.HasPrefix(field, name+".") || strings.HasPrefix(field, name+"[") {
				return i
			}
		}
		return len(order)
	}
	for i, p := range f.Problems {
		if id := kind + "." + index.ReplaceAllString(p.Field, ""); t.Has(id) {
			f.Problems[i].Label = t.T(id)
		}
	}
	slices.SortStableFunc(f.Problems, func(a, b FieldProblem) int {
		return cmp.Or(cmp.Compare(place(a.Field), place(b.Field)), cmp.Compare(a.Field, b.Field))
	})
}

var index = regexp.MustCompile(`\[\d+\]`)

// FieldError says what is wrong with a field: in the words that the field has
// for it, or else in those that all have.
func (t *Texts) FieldError(kind string, e ccs.FieldError) string {
	args := make([]any, 0, 2*len(e.Params))
	for name, value := range e.Params {
		args = append(args, name, value)
	}
	own := "field." + kind + "." + index.ReplaceAllString(e.Field, "") + "." + string(e.Code)
	if t.Has(own) {
		return t.T(own, args...)
	}
	return t.Or("field."+string(e.Code), "field.other", args...)
}

// FieldID is the id of a field's element.
func FieldID(name string) string {
	return "field-" + strings.Trim(strings.NewReplacer(".", "-", "[", "-", "]", "").Replace(name), "-")
}

// Field is how a form shows one of its fields. Its label is the text Text, its
// hint that of Text+".hint" where there is one.
type Field struct {
	Name        string
	Text        string
	Type        string // of the input; "" is text
	Placeholder string
	Mode        string // inputmode
	Complete    string // autocomplete; "" is off
	Max         int    // characters; 0 is 200
	Suffix      string // unit shown behind the value
	Required    bool
	Optional    bool // says so
	Class       string
	Rows        int // of a text of several lines
	Options     []Choice
	// Hint replaces the text of the hint.
	Hint string
}

// Tone is the colour of a state.
type Tone string

// The tones.
const (
	ToneGood  Tone = "good"
	ToneBad   Tone = "bad"
	ToneWarn  Tone = "warn"
	ToneLive  Tone = "live"
	TonePlain Tone = "plain"
)

// State is how something is at this moment, in words.
type State struct {
	Tone   Tone
	Text   string
	Detail string
}

// Use is where an object is used, and why it cannot be deleted.
type Use struct {
	Text string
	Href string // "" where there is no page
}

// Notice tells that something was done.
type Notice struct {
	Tone Tone
	Text string
}
