package ccs

import "fmt"

// MaxKeys is how many keys a menu may have, and MaxKeyLength how long each may
// be (spec 3.4).
const (
	MaxKeys      = 200
	MaxKeyLength = 10
)

// Check returns FieldErrors where m has bad values. Whether what it refers to
// exists, and loops of submenus, are package flow's to find.
func (m *Menu) Check() error {
	var c checker
	c.text("name", m.Name, true, maxName)
	c.prompt("greeting", m.Greeting)
	if m.Greeting.IsZero() {
		c.add("greeting", CodeRequired)
	}
	c.prompt("invalid", m.Invalid)
	c.millis("firstKeyTimeout", m.FirstKeyTimeout, second, 10*minute)
	c.millis("interDigitTimeout", m.InterDigitTimeout, 200, minute)
	within(&c, "tries", m.Tries, 0, 20)
	if len(m.Keys) > MaxKeys {
		c.add("keys", CodeTooMany, "max", MaxKeys)
		return c.result()
	}
	seen, ids := make(map[string]bool), make(map[string]bool)
	for i := range m.Keys {
		key, path := &m.Keys[i], fmt.Sprintf("keys[%d]", i)
		switch {
		case key.Keys == "":
			c.add(path+".keys", CodeRequired)
		case len(key.Keys) > MaxKeyLength:
			c.add(path+".keys", CodeTooLong, "max", MaxKeyLength)
		case !telephoneKeys(key.Keys):
			c.add(path+".keys", CodeFormat)
		case seen[key.Keys]:
			c.add(path+".keys", CodeDuplicate, "value", key.Keys)
		}
		seen[key.Keys] = true
		c.actions(path+".actions", key.Actions, ids)
	}
	return c.result()
}

func telephoneKeys(s string) bool {
	for _, r := range s {
		if (r < '0' || r > '9') && r != '*' && r != '#' {
			return false
		}
	}
	return true
}
