package screen

import "bytes"

// Tidy writes the headers that matter for routing the way parsers expect them:
// on one line, without white space about separators, which RFC 3261 §25.1
// allows (SEMI, EQUAL, COMMA, SLASH) and few peers send. It works within b and
// returns what is left of it; most messages stay as they are.
func Tidy(b []byte) []byte {
	_, next := cutStart(b)
	kept := next
	for next < len(b) {
		at := next
		var header []byte
		if header, next = cutHeader(b, next); len(header) == 0 {
			kept += copy(b[kept:], b[at:])
			return b[:kept]
		}
		name, value, ok := bytes.Cut(b[at:next], []byte(":"))
		if f := fieldOf(bytes.TrimRight(name, " \t")); ok && len(value) > 0 && (f == via || f == from || f == to || f == contact) {
			kept += copy(b[kept:], name)
			b[kept] = ':'
			kept++
			if value[0] == ' ' {
				b[kept] = ' '
				kept++
			}
			kept = squeeze(b, kept, trim(value), f)
			kept += copy(b[kept:], b[at+len(header):next])
			continue
		}
		kept += copy(b[kept:], b[at:next])
	}
	return b[:kept]
}

// squeeze writes value to b at kept, where it or something longer stood, and
// returns the place behind it.
func squeeze(b []byte, kept int, value []byte, f field) int {
	begin, quoted := kept, false
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case quoted && c == '\\' && i+1 < len(value):
			b[kept], b[kept+1] = c, value[i+1]
			kept += 2
			i++
			continue
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			if kept == begin || loose(b[kept-1], f) || b[kept-1] == ' ' {
				continue
			}
			c = ' '
		case loose(c, f) && kept > begin && b[kept-1] == ' ':
			kept--
		}
		b[kept] = c
		kept++
	}
	return kept
}

// loose tells whether white space about c means nothing.
func loose(c byte, f field) bool {
	return c == ';' || c == '=' || c == ',' || c == '/' && f == via
}
