package archive

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// storeOnly are the fields that the store gives every object.
var storeOnly = []string{"revision", "created", "updated"}

// object is v as JSON without those fields of its top level that are in drop,
// in the order of v's type. What < and & mean to HTML does not matter here.
func object(v any, drop ...string) ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	d := json.NewDecoder(&text)
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	out := []byte("{")
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		name, _ := key.(string)
		if slices.Contains(drop, name) {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(strconv.AppendQuote(out, name), ':'), value...)
	}
	return append(out, '}'), nil
}

// leaf is a value within an object that has no others in it.
type leaf struct{ path, value string }

// leaves takes an object of JSON apart, in its order.
func leaves(data []byte) ([]leaf, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return walk(d, "", nil)
}

func walk(d *json.Decoder, path string, list []leaf) ([]leaf, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	open, ok := token.(json.Delim)
	if !ok {
		value, err := json.Marshal(token)
		return append(list, leaf{path, string(value)}), err
	}
	n := 0
	for ; d.More(); n++ {
		within := fmt.Sprintf("%s[%d]", path, n)
		if open == '{' {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			within = fmt.Sprint(key)
			if path != "" {
				within = path + "." + within
			}
		}
		if list, err = walk(d, within, list); err != nil {
			return nil, err
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if n == 0 && path != "" {
		list = append(list, leaf{path, map[json.Delim]string{'{': "{}", '[': "[]"}[open]})
	}
	return list, nil
}

// hidden are fields whose values are not shown.
var hidden = map[string]string{
	"passwordHash": "(a password)", "password": "(a password)", "secrets.md5": "(a password)", "secrets.sha256": "(a password)",
	"blob": "(audio)",
}

// differences lists what differs between two objects of JSON, a line each.
func differences(before, after []byte) ([]string, error) {
	old, err := leaves(before)
	if err != nil {
		return nil, err
	}
	now, err := leaves(after)
	if err != nil {
		return nil, err
	}
	was, is := make(map[string]string, len(old)), make(map[string]bool, len(now))
	for _, l := range old {
		was[l.path] = l.value
	}
	var list []string
	add := func(path, from, to string) {
		if shown, ok := hidden[path]; ok {
			from, to = veiled(from, "…"), veiled(to, shown)
		}
		list = append(list, fmt.Sprintf("%s: %s → %s", path, from, to))
	}
	for _, l := range now {
		is[l.path] = true
		if v, ok := was[l.path]; !ok {
			add(l.path, "–", l.value)
		} else if v != l.value {
			add(l.path, v, l.value)
		}
	}
	for _, l := range old {
		if !is[l.path] {
			add(l.path, l.value, "–")
		}
	}
	return list, nil
}

// veiled says that there is a value without telling it; "–" is none.
func veiled(value, shown string) string {
	if value == "–" {
		return value
	}
	return shown
}
