// Package ui is what the pages show: their texts in every language, and typed
// view models that package templates renders.
package ui

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed locales/*.json
var locales embed.FS

// Languages are those of the pages, the first being the one for everybody else.
var Languages = []string{"en", "fr"}

// Catalogue holds every text of the pages in every language. It is safe for
// concurrent use.
type Catalogue struct {
	texts   map[string]*Texts
	matcher language.Matcher
}

// NewCatalogue reads the embedded locales.
func NewCatalogue() (*Catalogue, error) {
	bundle := i18n.NewBundle(language.English)
	c := &Catalogue{texts: map[string]*Texts{}}
	tags := make([]language.Tag, 0, len(Languages))
	for _, lang := range Languages {
		name := path.Join("locales", lang+".json")
		file, err := bundle.LoadMessageFileFS(locales, name)
		if err != nil {
			return nil, fmt.Errorf("read texts in %s: %w", lang, err)
		}
		tags = append(tags, file.Tag)
		t := &Texts{Language: lang, localizer: i18n.NewLocalizer(bundle, lang), raw: map[string]string{}}
		for _, m := range file.Messages {
			t.raw[m.ID] = m.Other
		}
		c.texts[lang] = t
	}
	c.matcher = language.NewMatcher(tags)
	return c, nil
}

// Texts returns the texts of one of Languages, or nil.
func (c *Catalogue) Texts(lang string) *Texts { return c.texts[lang] }

// Choose returns the texts in the first of the wanted languages that there is;
// each wish is a language or a whole Accept-Language header.
func (c *Catalogue) Choose(wishes ...string) *Texts {
	for _, wish := range wishes {
		tags, _, err := language.ParseAcceptLanguage(wish)
		if err != nil || len(tags) == 0 {
			continue
		}
		if _, i, confidence := c.matcher.Match(tags...); confidence > language.No {
			return c.texts[Languages[i]]
		}
	}
	return c.texts[Languages[0]]
}

// Texts is the catalogue in one language.
type Texts struct {
	Language  string
	localizer *i18n.Localizer
	raw       map[string]string // id → text with its {{.Parameters}}
}

// T is the text of this id. args are names and values of its parameters in
// turn; one named Count chooses between singular and plural. An id that the
// catalogue lacks comes back as it is, which a test keeps from happening.
func (t *Texts) T(id string, args ...any) string {
	config := &i18n.LocalizeConfig{MessageID: id}
	if len(args) > 0 {
		data := make(map[string]any, len(args)/2)
		for i := 0; i+1 < len(args); i += 2 {
			name := fmt.Sprint(args[i])
			data[name] = args[i+1]
			if name == "Count" {
				config.PluralCount = args[i+1]
			}
		}
		config.TemplateData = data
	}
	text, err := t.localizer.Localize(config)
	if err != nil {
		return id
	}
	return text
}

// Has tells whether there is a text of this id.
func (t *Texts) Has(id string) bool { _, ok := t.raw[id]; return ok }

// Or is the text of id, or that of other where there is none: for ids that are
// made of a stored value which a newer Carillon may have written.
func (t *Texts) Or(id, other string, args ...any) string {
	if t.Has(id) {
		return t.T(id, args...)
	}
	return t.T(other, args...)
}

// IDs are the ids of all texts, sorted.
func (t *Texts) IDs() []string {
	ids := make([]string, 0, len(t.raw))
	for id := range t.raw {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Decimal writes a number that has a point as the language does.
func (t *Texts) Decimal(number string) string {
	return strings.Replace(number, ".", t.T("number.point"), 1)
}

// Script is the texts whose ids begin with one of the prefixes, as a JSON
// object for a page's scripts.
func (t *Texts) Script(prefixes ...string) map[string]string {
	texts := map[string]string{}
	for id, text := range t.raw {
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(id, p) }) {
			texts[id] = text
		}
	}
	return texts
}
