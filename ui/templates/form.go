package templates

import (
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/carillon-cc/carillon/ui"
)

const fieldLength = 200 // characters, where a field says nothing else

func hintOf(p *ui.Page, f ui.Field) string {
	if f.Hint != "" {
		return f.Hint
	}
	if p.Has(f.Text + ".hint") {
		return p.T(f.Text + ".hint")
	}
	return ""
}

// fieldAttributes are what every input has, whatever its kind.
func fieldAttributes(p *ui.Page, form *ui.Form, f ui.Field) templ.Attributes {
	limit := f.Max
	if limit == 0 {
		limit = fieldLength
	}
	complete := f.Complete
	if complete == "" {
		complete = "off"
	}
	kind := f.Type
	if kind == "" {
		kind = "text"
	}
	a := templ.Attributes{
		"id": ui.FieldID(f.Name), "name": f.Name, "data-testid": f.Name, "maxlength": strconv.Itoa(limit), "autocomplete": complete,
	}
	if f.Rows == 0 && f.Options == nil {
		a["type"] = kind
	}
	for name, value := range map[string]string{"placeholder": f.Placeholder, "inputmode": f.Mode} {
		if value != "" {
			a[name] = value
		}
	}
	if f.Required {
		a["aria-required"] = "true"
	}
	var notes []string
	if form.Problem(f.Name) != "" {
		a["aria-invalid"] = "true"
		notes = append(notes, ui.FieldID(f.Name)+"-problem")
	} else if hintOf(p, f) != "" {
		notes = append(notes, ui.FieldID(f.Name)+"-hint")
	}
	if len(notes) > 0 {
		a["aria-describedby"] = strings.Join(notes, " ")
	}
	if form.First(f.Name) {
		a["autofocus"] = true
	}
	return a
}

// passwordAttributes are those of a field whose value nobody sees.
func passwordAttributes(p *ui.Page, form *ui.Form, f ui.Field) templ.Attributes {
	f.Type, f.Complete = "password", "new-password"
	return fieldAttributes(p, form, f)
}

// withLostPassword has the hint of a password's field say that it has to be typed
// again, where a form comes back in which one was.
func withLostPassword(p *ui.Page, form *ui.Form, f ui.Field) ui.Field {
	if form.Value(f.Name) != "" {
		f.Hint = p.T("form.passwordAgain")
	}
	return f
}

// currentNav is the name of the part of Carillon that a page belongs to.
func currentNav(p *ui.Page) string {
	for _, item := range p.Nav {
		if item.Current {
			return p.T("nav." + item.ID)
		}
	}
	return ""
}
