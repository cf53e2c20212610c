package flow

import (
	"strings"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// The defaults of menus (spec 3.4).
const (
	defaultFirstKey   = 10 * time.Second
	defaultInterDigit = 3 * time.Second
	defaultTries      = 3
)

// openMenu is a menu in which the caller is.
type openMenu struct {
	*ccs.Menu
	above *openMenu // nil for the first
	depth int       // 1 for the first
}

// enterMenu runs a menu until the caller has left it. For a submenu the outcome
// says where to go on; leaving the first menu is next, whatever the way.
func (r *run) enterMenu(a *ccs.Action, above *openMenu) (outcome, error) {
	m := r.snapshot.Menus[a.Menu.Menu]
	if m == nil {
		r.fail(a, "unknownObject")
		return next, nil
	}
	open := &openMenu{Menu: m, above: above, depth: 1}
	if above != nil {
		open.depth = above.depth + 1
	}
	if open.depth > r.limits.Depth {
		return next, r.limit("depth", r.limits.Depth)
	}
	out, err := r.menu(open)
	if above == nil {
		out = next
	}
	return out, err
}

// menu runs one menu. Its turns are: greeting, which any key interrupts; keys;
// the actions of those keys. After the actions the menu starts again unless one
// of them led elsewhere or a queue among them was not answered.
func (r *run) menu(m *openMenu) (outcome, error) {
	tries := m.Tries
	if tries <= 0 {
		tries = defaultTries
	}
	noKey, wrongKey := 0, 0
	for {
		if err := r.execute(); err != nil {
			return exit, err
		}
		r.noteMenu(m, "start")
		if err := r.play(m.Greeting, true); err != nil {
			return exit, err
		}
		if m.Greeting.IsZero() {
			if err := r.over(r.phone.Answer()); err != nil {
				return exit, err
			}
		}
		keys, err := r.collect(m.Menu)
		if err != nil {
			return exit, err
		}
		actions, found := find(m.Menu, keys)
		switch {
		case keys == "":
			r.noteKeys(m, keys, "none")
			if noKey++; noKey >= tries {
				r.noteMenu(m, "noKey")
				return exit, nil
			}
			continue
		case !found:
			r.noteKeys(m, keys, "wrong")
			invalid := m.Invalid
			if invalid.IsZero() {
				invalid.Builtin = ccs.BuiltinInvalid
			}
			if err := r.prompt("invalidKey", invalid, true); err != nil {
				return exit, err
			}
			if wrongKey++; wrongKey >= tries {
				r.noteMenu(m, "wrongKey")
				return exit, nil
			}
			continue
		}
		noKey, wrongKey = 0, 0
		r.noteKeys(m, keys, "")
		out, err := r.keyActions(m, actions)
		if err != nil {
			return exit, err
		}
		switch out {
		case back:
			r.noteMenu(m, "menuBack")
			// The menu above starts again; above the first there is none.
			return next, nil
		case top:
			if m.above != nil {
				r.noteMenu(m, "menuTop")
				return top, nil
			}
		case exit:
			r.noteMenu(m, "menuExit")
			return exit, nil
		case unserved:
			r.noteMenu(m, "queue")
			return exit, nil
		case unreached:
			r.noteMenu(m, "unanswered")
			return exit, nil
		}
	}
}

// keyActions executes the list of a key. A queue that nobody answered does not
// cut the list short: what its author put behind it, such as a word of regret,
// is executed; then the last queue's choice between going on in the plan
// (unserved, unreached) and replaying the menu counts.
func (r *run) keyActions(m *openMenu, list []ccs.Action) (outcome, error) {
	after := next
	for i := range list {
		if i >= r.limits.Actions {
			return exit, r.limit("actions", r.limits.Actions)
		}
		out, err := r.action(&list[i], m)
		if err != nil {
			return exit, err
		}
		if list[i].Kind() == ccs.KindMenu && out == next && r.snapshot.Menus[list[i].Menu.Menu] != nil {
			// Back from a submenu: this menu starts again.
			return next, nil
		}
		switch out {
		case unserved, unreached, replay:
			after = out
		case back, top, exit:
			return out, nil
		}
	}
	if after == replay {
		return next, nil
	}
	return after, nil
}

// collect reads keys until they can be nothing longer: at once where no longer
// key begins with them, else when the inter-digit time has passed. A # ends
// them too, unless it is part of a key itself. It returns "" if no key came.
func (r *run) collect(m *ccs.Menu) (string, error) {
	var typed strings.Builder
	timeout := m.FirstKeyTimeout.Or(defaultFirstKey)
	for {
		key, pressed, err := r.phone.Key(timeout)
		if err != nil {
			return "", r.over(err)
		}
		if !pressed {
			return typed.String(), nil
		}
		if key == '#' && typed.Len() > 0 && !begins(m, typed.String()+"#", true) {
			return typed.String(), nil
		}
		typed.WriteByte(key)
		if !begins(m, typed.String(), false) {
			return typed.String(), nil
		}
		timeout = m.InterDigitTimeout.Or(defaultInterDigit)
	}
}

// begins tells whether a key of m begins with typed and is longer, or also
// equal where orIs is set.
func begins(m *ccs.Menu, typed string, orIs bool) bool {
	for i := range m.Keys {
		k := m.Keys[i].Keys
		if strings.HasPrefix(k, typed) && (orIs || len(k) > len(typed)) {
			return true
		}
	}
	return false
}

// find returns the actions of the keys that were typed.
func find(m *ccs.Menu, keys string) ([]ccs.Action, bool) {
	for i := range m.Keys {
		if keys != "" && m.Keys[i].Keys == keys {
			return m.Keys[i].Actions, true
		}
	}
	return nil, false
}

func (r *run) noteMenu(m *openMenu, reason string) {
	r.note(ccs.CallEvent{Kind: ccs.EventMenu, Object: m.ID, Name: m.Name, Reason: reason})
}

func (r *run) noteKeys(m *openMenu, keys, reason string) {
	r.note(ccs.CallEvent{Kind: ccs.EventKeys, Object: m.ID, Name: m.Name, Digits: keys, Reason: reason})
}
