package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
)

// idForm is what ids are in references of the configuration.
var idForm = regexp.MustCompile(`^[!-~]{1,64}$`)

// section is one kind of objects: what the store has, and what a file says.
type section[T any, P store.Object[T]] struct {
	name  string // in the file
	table *store.Table[T, P]
	title func(*T) string
	// unique is the value that no two objects share, nil where there is none.
	unique      func(*T) string
	uniqueField string
	check       func(*T) error // nil where package flow checks
	decode      func(raw []byte) (*T, error)

	stored map[string]*T // by id
	given  []*T          // in the order of the file; nil for what could not be read
	order  []int         // of writing, indexes of given
}

// part is a section of any kind.
type part interface {
	load(ctx context.Context) error
	parse(raw []json.RawMessage, p *Problems)
	checkEach(p *Problems)
	plan(p *Problems) ([]Change, error)
	write(ctx context.Context) error
}

func (s *section[T, P]) load(ctx context.Context) error {
	list, _, err := s.table.List(ctx, store.Query{})
	if err != nil {
		return err
	}
	s.stored = make(map[string]*T, len(list))
	for _, v := range list {
		s.stored[P(v).GetMeta().ID] = v
	}
	return nil
}

func (s *section[T, P]) at(i int) string { return fmt.Sprintf("%s[%d]", s.name, i) }

func (s *section[T, P]) id(v *T) string { return P(v).GetMeta().ID }

func (s *section[T, P]) parse(raw []json.RawMessage, p *Problems) {
	s.given = make([]*T, len(raw))
	for i, text := range raw {
		v, err := s.read(text)
		if err != nil {
			p.add(s.at(i), "%s", strings.TrimPrefix(err.Error(), "json: "))
			continue
		}
		s.given[i] = v
	}
}

func (s *section[T, P]) read(raw []byte) (*T, error) {
	if !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		return nil, errors.New("is not an object")
	}
	if s.decode != nil {
		return s.decode(raw)
	}
	v := new(T)
	return v, strict(raw, v)
}

// all visits what the file has and could be read.
func (s *section[T, P]) all(visit func(i int, v *T)) {
	for i, v := range s.given {
		if v != nil {
			visit(i, v)
		}
	}
}

// merged is what the store would have, by id.
func (s *section[T, P]) merged() map[string]*T {
	m := maps.Clone(s.stored)
	s.all(func(_ int, v *T) { m[s.id(v)] = v })
	return m
}

// index finds an object of the file.
func (s *section[T, P]) index(id string) (int, bool) {
	i := slices.IndexFunc(s.given, func(v *T) bool { return v != nil && s.id(v) == id })
	return i, i >= 0
}

// checkEach checks each object by itself.
func (s *section[T, P]) checkEach(p *Problems) {
	seen := make(map[string]bool)
	s.all(func(i int, v *T) {
		id := s.id(v)
		switch {
		case id == "":
			p.add(s.at(i)+".id", "is required")
		case !idForm.MatchString(id):
			p.add(s.at(i)+".id", "%q has other characters than letters, digits and signs, or more than 64", id)
		case seen[id]:
			p.add(s.at(i)+".id", "%q is there twice", id)
		}
		seen[id] = true
		if s.check != nil {
			p.fields(s.at(i), s.check(v))
		}
	})
}

// plan says what is to be done to the store, in an order in which no unique
// value is taken by two at any time.
func (s *section[T, P]) plan(p *Problems) ([]Change, error) {
	var changes []Change
	var open []int
	for i, v := range s.given {
		if v == nil {
			continue
		}
		change, err := s.change(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.at(i), err)
		}
		changes = append(changes, change)
		if change.Kind != Unchanged {
			open = append(open, i)
		}
	}
	if s.unique == nil {
		s.order = open
		return changes, nil
	}
	s.checkUnique(p)
	holder := make(map[string]string) // id by value
	for id, v := range s.stored {
		holder[s.unique(v)] = id
	}
	for progress := true; progress; {
		progress = false
		open = slices.DeleteFunc(open, func(i int) bool {
			v := s.given[i]
			id := s.id(v)
			if by, taken := holder[s.unique(v)]; taken && by != id {
				return false
			}
			if old := s.stored[id]; old != nil {
				delete(holder, s.unique(old))
			}
			holder[s.unique(v)] = id
			s.order = append(s.order, i)
			progress = true
			return true
		})
	}
	for _, i := range open {
		p.add(s.at(i)+"."+s.uniqueField, "%q belongs to %s at present: give it to another object in an import of its own, or leave both as they are",
			s.unique(s.given[i]), holder[s.unique(s.given[i])])
	}
	return changes, nil
}

func (s *section[T, P]) checkUnique(p *Problems) {
	by := make(map[string]string)
	for id, v := range s.merged() {
		if i, inFile := s.index(id); !inFile {
			by[s.unique(v)] = "the store's " + id
		} else if at, taken := by[s.unique(v)]; !taken || at > s.at(i) {
			by[s.unique(v)] = s.at(i)
		}
	}
	s.all(func(i int, v *T) {
		if other := by[s.unique(v)]; other != s.at(i) && s.unique(v) != "" {
			p.add(s.at(i)+"."+s.uniqueField, "%q is also that of %s", s.unique(v), other)
		}
	})
}

func (s *section[T, P]) change(v *T) (Change, error) {
	c := Change{Section: s.name, ID: s.id(v), Title: s.title(v), Kind: Create}
	old := s.stored[c.ID]
	if old == nil {
		return c, nil
	}
	before, err := object(old, storeOnly...)
	if err != nil {
		return c, err
	}
	after, err := object(v, storeOnly...)
	if err != nil {
		return c, err
	}
	c.Kind = Unchanged
	if !bytes.Equal(before, after) {
		c.Kind = Replace
		c.Lines, err = differences(before, after)
	}
	return c, err
}

// write puts what differs into the store. An object that was changed since the
// plan was made is store.ErrConflict.
func (s *section[T, P]) write(ctx context.Context) error {
	for _, i := range s.order {
		v := s.given[i]
		meta := P(v).GetMeta()
		*meta = ccs.Meta{ID: meta.ID}
		if old := s.stored[meta.ID]; old != nil {
			*meta = *P(old).GetMeta()
		}
		if err := s.table.Put(ctx, v); err != nil {
			return fmt.Errorf("%s: %w", s.at(i), err)
		}
	}
	return nil
}
