package digest

import "strings"

// maxHeader bounds an Authorization header that is read at all, in bytes.
const maxHeader = 2048

// params reads the scheme of a header such as Authorization and calls each for
// each of its parameters, quoted values without their quotes and escapes. ok is
// false when the header does not follow the grammar.
func params(header string, each func(name, value string)) (scheme string, ok bool) {
	if len(header) > maxHeader {
		return "", false
	}
	scheme, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	for rest = strings.TrimLeft(rest, " \t,"); rest != ""; rest = strings.TrimLeft(rest, " \t,") {
		name, after, found := strings.Cut(rest, "=")
		name = strings.TrimSpace(name)
		if !found || name == "" || strings.ContainsAny(name, " \t,\"") {
			return scheme, false
		}
		after = strings.TrimLeft(after, " \t")
		value := ""
		if strings.HasPrefix(after, `"`) {
			if value, rest, ok = quoted(after[1:]); !ok {
				return scheme, false
			}
			rest = strings.TrimLeft(rest, " \t")
			if rest != "" && rest[0] != ',' {
				return scheme, false
			}
		} else {
			value, rest, _ = strings.Cut(after, ",")
			if value = strings.TrimSpace(value); strings.ContainsAny(value, " \t\"") {
				return scheme, false
			}
		}
		each(strings.ToLower(name), value)
	}
	return scheme, true
}

// quoted reads up to the closing quote of a quoted-string (RFC 3261 §25.1).
func quoted(s string) (value, rest string, ok bool) {
	end := strings.IndexAny(s, `"\`)
	if end >= 0 && s[end] == '"' {
		return s[:end], s[end+1:], true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}
