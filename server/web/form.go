package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
	"github.com/carillon-cc/carillon/ui"
)

// entry is a form that was sent: what was typed, and what turns out to be wrong
// with it.
type entry struct {
	*ui.Form
	texts *ui.Texts
	kind  string // of the object, as in the texts of its fields
}

// readEntry reads a form that was sent. Values are trimmed, but for passwords:
// a blank may belong to one. ok is false where the request was answered already.
func (w *Web) readEntry(rw http.ResponseWriter, r *http.Request, texts *ui.Texts, kind string) (e *entry, ok bool) {
	if err := r.ParseForm(); err != nil {
		w.problem(rw, r, http.StatusBadRequest, "badRequest")
		return nil, false
	}
	values := url.Values{}
	for name, list := range r.PostForm {
		for _, v := range list {
			if !strings.HasSuffix(strings.ToLower(name), "password") {
				v = strings.TrimSpace(strings.ReplaceAll(v, "\r\n", "\n"))
			}
			values.Add(name, v)
		}
	}
	revision, err := strconv.ParseInt(values.Get("revision"), 10, 64)
	if err != nil || revision < 0 {
		revision = 0
	}
	return &entry{Form: &ui.Form{Values: values, Revision: revision}, texts: texts, kind: kind}, true
}

// fault notes what is wrong with a field, in the words for its code.
func (e *entry) fault(field string, code ccs.Code, params ...any) {
	fault := ccs.FieldError{Field: field, Code: code, Params: map[string]any{}}
	for i := 0; i+1 < len(params); i += 2 {
		name, _ := params[i].(string)
		fault.Params[name] = params[i+1]
	}
	e.Add(field, e.texts.FieldError(e.kind, fault))
}

// check notes what an object's Check found. Fields that the form shows as one,
// such as a list, take the faults of their parts.
func (e *entry) check(err error, lists ...string) {
	var faults ccs.FieldErrors
	if !errors.As(err, &faults) {
		return
	}
	for _, fault := range faults {
		if e.Problem(fault.Field) != "" {
			continue // which was not even a number
		}
		text := e.texts.FieldError(e.kind, fault)
		for _, list := range lists {
			if at, ok := strings.CutPrefix(fault.Field, list+"["); ok {
				fault.Field = list
				i, err := strconv.Atoi(strings.TrimSuffix(at, "]"))
				if words := e.words(list); err == nil && i < len(words) {
					text = e.texts.T("field.entry", "Entry", words[i], "Problem", text)
				}
			}
		}
		e.Add(fault.Field, text)
	}
}

// good tells whether nothing is wrong.
func (e *entry) good() bool { return len(e.Problems) == 0 && !e.Conflict }

// number reads a whole number, 0 where nothing was typed.
func (e *entry) number(field string) int {
	text := e.Value(field)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		e.Add(field, e.texts.T("field.notANumber"))
	}
	return n
}

// seconds reads a span of time in seconds.
func (e *entry) seconds(field string) ccs.Millis {
	return ccs.MillisOf(time.Duration(min(max(e.number(field), -1), 1e7)) * time.Second)
}

// words reads a list that is separated by blanks, commas or lines.
func (e *entry) words(field string) []string {
	return strings.FieldsFunc(e.Value(field), func(r rune) bool { return strings.ContainsRune(" ,;\n\t", r) })
}

// telephone reads a telephone number without what people write between digits.
func (e *entry) telephone(field string) string { return plainNumber(e.Value(field)) }

// plainNumber drops blanks, dots, dashes and brackets from a telephone number,
// so that "+33 (0)1 23-45" is compared as it is dialled. The zero in brackets
// is for calls within the country alone.
func plainNumber(text string) string {
	if strings.HasPrefix(text, "+") {
		text = strings.ReplaceAll(text, "(0)", "")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r >= 'A' && r <= 'z' }) {
		return text // a name, in which a dot or a dash has a meaning
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" .-()/\u00a0\u202f", r) {
			return -1
		}
		return r
	}, text)
}

// stored puts down how writing the object went: true when it is in the store,
// false when the form has to be shown again. current is the object's revision
// in the store, for a conflict; duplicate is the field whose value is taken.
func (e *entry) stored(err error, duplicate string, current func() int64) (done bool, failure error) {
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, store.ErrConflict):
		e.Conflict, e.Revision = true, current()
		return false, nil
	case errors.Is(err, store.ErrDuplicate) && duplicate != "":
		e.fault(duplicate, "taken")
		return false, nil
	}
	return false, err
}

// status is what a form that is shown again answers with.
func (e *entry) status() int {
	if e.Conflict {
		return http.StatusConflict
	}
	return http.StatusUnprocessableEntity
}

// list makes the text of a list for a form.
func list(values []string) string { return strings.Join(values, " ") }

// quantity is a number for a form; 0, the default, is empty.
func quantity(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func seconds(m ccs.Millis) string { return quantity(int(m.Duration() / time.Second)) }

// ticked is a thing that is so, for a form.
func ticked(on bool) string {
	if on {
		return "on"
	}
	return ""
}
